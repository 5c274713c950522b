/**
 * A maildrop without UIDL (RFC 1939 §7 makes it optional): its messages are told apart by Message-ID, Date and size, read by
 * `TOP n 0`, one flight for all of them. That is what a listing costs there, so STAT alone decides whether one is needed.
 * Such messages are never deleted by us: nothing would confirm that the right one is meant.
 */
import { RECOGNITION } from '../limits.ts';
import { list } from '../pop3/command.ts';
import { Pop3Error, unsupportedError } from '../pop3/error.ts';
import type { Pop3Failure } from '../pop3/error.ts';
import { readSizes } from '../pop3/listing.ts';
import type { Session } from '../pop3/session.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import { fingerprintOf, hasTop, type Identity, readIdentities } from './identities.ts';
import { HASH_OCTETS, ListingTable } from './listing-table.ts';

const NO_UIDL = new Uint8Array(0);

/**
 * Whether a refusal of UIDL means that the server has none: it doesn't announce it, gives no other reason, and has never
 * named a message of this account. A server that was given to the account only now must say what it has.
 */
export function lacksUidl(refusal: Pop3Failure, { capabilities }: Session, { store }: Context): boolean {
  if (refusal.kind !== 'refused' || capabilities?.uidl) return false;
  return !store.keys.anyNamed() || (capabilities !== null && store.account.hint() === null);
}

/** The listing of such a maildrop. Throws `unsupported` where it can't be had: without TOP, or with too many messages. */
export async function readUnnamed(session: Session, context: Context): Promise<ListingTable> {
  if (!hasTop(session)) throw unsupportedError('uidl', 'The server has neither UIDL nor TOP, so that its messages can not be told apart.');
  const numbers = new ListingTable();
  for await (const reply of session.run([list()])) {
    if (!reply.ok) throw new Pop3Error(reply.failure);
    for await (const batch of readSizes(reply.body))
      for (const { number, size } of batch) {
        numbers.add(number, NO_UIDL);
        numbers.noteSize(size);
      }
  }
  numbers.seal(new Uint8Array(HASH_OCTETS * numbers.uidls.ends.length));
  if (numbers.count > RECOGNITION.headersMost)
    throw unsupportedError('uidl', 'The server has no UIDL, and more messages than can be told apart by their headers.');
  const table = new ListingTable();
  const hashes = new Uint8Array(HASH_OCTETS * numbers.count);
  const ranks = Array.from({ length: numbers.count }, (_, rank) => rank);
  const counts = new Map<string, number>();
  const add = (rank: number, hash: Uint8Array): void => {
    hashes.set(hash, HASH_OCTETS * table.uidls.ends.length);
    table.add(numbers.numberAt(rank), NO_UIDL);
    table.noteSize(numbers.sizeAt(rank) ?? 0);
    counts.set(hex(hash), (counts.get(hex(hash)) ?? 0) + 1);
  };
  const refused = new Set(ranks);
  await readIdentities(session, numbers, ranks, (rank, identity) => {
    refused.delete(rank);
    add(rank, nameOf(identity, numbers.sizeAt(rank) ?? 0, context));
  });
  if (refused.size > 0) standIn(refused, numbers, { counts, add }, context);
  return table.seal(hashes);
}

/** Messages without a readable header are those of their size that are missing, as far as there are any; else the size is all they have. */
function standIn(
  refused: Iterable<number>,
  numbers: ListingTable,
  { counts, add }: { readonly counts: ReadonlyMap<string, number>; readonly add: (rank: number, hash: Uint8Array) => void },
  context: Context,
): void {
  const missing = new Map<number, Uint8Array[]>();
  for (const { size, uidl_hash: hash, messages } of context.store.keys.unnamed().reverse()) {
    const left = messages - (counts.get(hex(hash)) ?? 0);
    const hashes = missing.get(size) ?? [];
    for (let n = 0; n < left; n++) hashes.push(hash);
    missing.set(size, hashes);
  }
  for (const rank of refused) {
    const size = numbers.sizeAt(rank) ?? 0;
    add(rank, missing.get(size)?.pop() ?? nameOf({ messageId: null, date: null }, size, context));
  }
}

function nameOf(identity: Identity, size: number, { account }: Context): Uint8Array {
  return account.vault.hash('unnamed', fingerprintOf(identity, size, account.vault));
}
