/**
 * What the next sync goes by, after messages were deleted by us. Where the hint described just what the ledger had, it can be
 * told what it is without them; then the next sync finds an unchanged maildrop, and not one to be listed in full. Pure.
 */
import { sameOctets } from './same-octets.ts';
import type { HintRow } from './store/account-store.ts';

/** Live messages: how many, the sum of their sizes by LIST, and the keyed hash of the newest one's UIDL, null where there is none. */
export interface Live {
  readonly messages: number;
  readonly octets: number;
  readonly last: Uint8Array | null;
}

/**
 * The hint for the ledger `after`, or null where it can't be known: it didn't describe the ledger `before`, the server numbers
 * with gaps or in another order than the ledger, or its STAT is not the sum of its LIST.
 */
export function hintWithout(hint: HintRow, before: Live, after: Live): HintRow | null {
  const described =
    hint.suspect_at === null &&
    hint.messages === before.messages &&
    hint.number === hint.messages &&
    hint.octets === before.octets &&
    sameOctets(hint.uidl_hash, before.last);
  if (!described) return null;
  return { ...hint, messages: after.messages, octets: after.octets, number: after.messages, uidl_hash: after.last };
}
