/**
 * What a message is recognised by when its UIDL says nothing: Message-ID, Date and size (by LIST), as one keyed hash. Read by
 * `TOP n 0`, one flight for many. The number is the listing's of this very session.
 */
import { identity } from '../mime/message.ts';
import { top } from '../pop3/command.ts';
import type { Session } from '../pop3/session.ts';
import type { Vault } from '../crypto/vault.ts';
import type { Context } from './context.ts';
import type { ListingTable } from './listing-table.ts';
import { collect, outlined } from './octets.ts';
import { sameOctets } from './same-octets.ts';

/** What the header says; the size makes it a fingerprint. */
export type Identity = Awaited<ReturnType<typeof identity>>;

/** Whether the header holds neither a Message-ID nor a Date: then its fingerprint is but a size, which many may have. */
export function isNameless({ messageId, date }: Identity): boolean {
  return messageId === null && date === null;
}

/** The keyed hash of an identity and a size: 16 octets. The ledger has one of each message whose header it has read. */
export function fingerprintOf({ messageId, date }: Identity, size: number, vault: Vault): Uint8Array {
  return vault.hash('fingerprint', new TextEncoder().encode(JSON.stringify([messageId, date, size])));
}

/** Whether headers can be had without reading whole messages. */
export function hasTop({ capabilities }: Session): boolean {
  return capabilities === null || capabilities.top;
}

/** The identities of messages, by their rank in the listing; a message that the server refuses has none. Throws what ends the session. */
export async function readIdentities(
  session: Session,
  table: ListingTable,
  ranks: readonly number[],
  each: (rank: number, identity: Identity) => void,
): Promise<void> {
  let next = 0;
  for await (const reply of session.run(ranks.map((rank) => top(table.numberAt(rank), 0)))) {
    const rank = ranks[next++];
    if (rank === undefined || !reply.ok) continue;
    const { outline, read } = outlined(await collect(reply.body));
    each(rank, await identity(outline, read));
  }
}

/** Whether the message at `rank` has this fingerprint, be its size as it was (`size`) or as it is listed. */
export function isSame(found: Identity, fingerprint: Uint8Array, sizes: readonly (number | null)[], { account }: Context): boolean {
  return sizes.some((size) => size !== null && sameOctets(fingerprintOf(found, size, account.vault), fingerprint));
}
