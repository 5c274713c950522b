/**
 * How deep a sync has to look, and why: pure functions. Three depths: *unchanged*, from STAT and the last message's UIDL
 * alone; *grown*, where only the numbers behind it are listed; *full*. Whatever is odd in any way is looked at in full,
 * and so is everything once a day, since a removal and an arrival of equal size can hide from STAT.
 */
import { MAILBOX } from '../limits.ts';
import { sameOctets } from './same-octets.ts';
import type { HintRow } from './store/account-store.ts';

/** What a session is asked first: about the hint, or for everything at once. */
export type Opening = { readonly ask: 'hint' } | { readonly ask: 'full'; readonly reason: OpeningReason };

export type OpeningReason = 'never_listed' | 'daily' | 'suspect';

/** The first question to a server, by what the last listing left behind. */
export function opening(hint: HintRow | null, now: number): Opening {
  if (hint === null) return { ask: 'full', reason: 'never_listed' };
  if (hint.suspect_at !== null) return { ask: 'full', reason: 'suspect' };
  if (hint.full_at === null || now - hint.full_at >= MAILBOX.fullListingEvery || now < hint.full_at)
    return { ask: 'full', reason: 'daily' };
  return { ask: 'hint' };
}

/**
 * What STAT said, and the keyed hash of the UIDL that stands at the hint's number: null where the server has none there.
 * A server without UIDLs leaves no number behind: STAT alone decides.
 */
export interface Answer {
  readonly messages: number;
  readonly octets: number;
  readonly uidlHash: Uint8Array | null;
}

export type Depth =
  | { readonly depth: 'unchanged' }
  /** Messages `from` … `to` are new, and were `octets` more. */
  | { readonly depth: 'grown'; readonly from: number; readonly to: number; readonly octets: number }
  | { readonly depth: 'full'; readonly reason: FullReason };

export type FullReason = 'fewer' | 'last_moved' | 'octets_differ' | 'gaps' | 'many_new' | 'odd_news';

/** What the answer means. `grownMost`: how many new messages are worth asking for one by one. */
export function depthOf(hint: HintRow, answer: Answer, grownMost: number): Depth {
  const more = answer.messages - hint.messages;
  if (more < 0) return { depth: 'full', reason: 'fewer' };
  if (hint.number > 0 && !sameOctets(hint.uidl_hash, answer.uidlHash)) return { depth: 'full', reason: 'last_moved' };
  if (more === 0) return answer.octets === hint.octets ? { depth: 'unchanged' } : { depth: 'full', reason: 'octets_differ' };
  // Only where numbers run from 1 without a gap is it known which are the new ones.
  if (hint.number !== hint.messages) return { depth: 'full', reason: 'gaps' };
  if (more > grownMost) return { depth: 'full', reason: 'many_new' };
  const octets = answer.octets - hint.octets;
  if (octets < 0) return { depth: 'full', reason: 'octets_differ' };
  return { depth: 'grown', from: hint.number + 1, to: answer.messages, octets };
}
