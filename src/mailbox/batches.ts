/** Long lists cut into what one SQL statement and one transaction take. */
import { MAILBOX } from '../limits.ts';
import type { ListingTable } from './listing-table.ts';

/** At most `MAILBOX.batchRows` of `all` at a time, in order. */
export function* chunks<T>(all: readonly T[]): Generator<T[]> {
  for (let at = 0; at < all.length; at += MAILBOX.batchRows) yield all.slice(at, at + MAILBOX.batchRows);
}

/** Cuts ranks so that a batch's rows fit one statement, however long their UIDLs are. */
export function boundedBatches(table: ListingTable, ranks: readonly number[]): Generator<number[]> {
  return bounded(ranks, (rank) => 2 * table.uidlAt(rank).length + 256);
}

/** Puts batches together that one transaction stores: keys lie anywhere in their index, so each transaction writes most of it anew. */
export function* transactions<T>(batches: Iterable<T[]>): Generator<T[][]> {
  let group: T[][] = [];
  for (const batch of batches) {
    if (group.push(batch) < MAILBOX.batchesAtOnce) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Cuts a list so that each part fits one statement: what one entry takes, in octets, is told by `octetsOf`. */
export function* bounded<T>(all: readonly T[], octetsOf: (entry: T) => number): Generator<T[]> {
  let batch: T[] = [];
  let octets = 0;
  for (const entry of all) {
    const more = octetsOf(entry);
    if (batch.length > 0 && (batch.length === MAILBOX.batchRows || octets + more > MAILBOX.batchOctets)) {
      yield batch;
      batch = [];
      octets = 0;
    }
    batch.push(entry);
    octets += more;
  }
  if (batch.length > 0) yield batch;
}
