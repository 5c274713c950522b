/**
 * Messages that the ledger has never seen become rows: each batch gets its ids and places in one transaction, so a sync
 * that dies between two batches is completed by the next one, which finds the first batch known.
 */
import { newMessageId } from '../crypto/ids.ts';
import { boundedBatches } from './batches.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import type { OpenSession } from './line.ts';
import type { Listing } from './listing.ts';
import type { NewMessage } from './store/message-store.ts';

/** Inserts the messages at `ranks` of a listing, in that order, and notes their numbers in this session. */
export async function insertArrivals(
  listing: Pick<Listing, 'table' | 'named'>,
  ranks: readonly number[],
  open: OpenSession,
  context: Context,
): Promise<void> {
  const { table } = listing;
  const { store, account, deps } = context;
  const outsideFeed = account.settings.initial === 'none' && context.checks.checkedAt === null;
  for (const batch of boundedBatches(table, ranks)) {
    const rows = await Promise.all(batch.map((rank) => newRow(listing, rank, context)));
    store.transaction(() => {
      const first = store.account.takePlaces(rows.length);
      for (const [index, row] of rows.entries()) row.created = first + index;
      store.messages.insert(rows, deps.now());
      if (outsideFeed) store.account.startFeedHere();
    });
    for (const [index, rank] of batch.entries()) open.numbers.set(rows[index]?.created ?? 0, table.numberAt(rank));
  }
}

/** A row without its place, which is taken in the transaction that stores it. */
async function newRow({ table, named }: Pick<Listing, 'table' | 'named'>, rank: number, { account, deps }: Context): Promise<NewMessage> {
  const id = newMessageId(deps.random);
  const uidl = named ? hex(await account.vault.seal(table.uidlAt(rank), id, 'uidl')) : null;
  return { created: 0, id, uidl, uidlHash: hex(table.hashAt(rank)), occurrence: table.occurrenceAt(rank), size: table.sizeAt(rank) ?? 0 };
}
