/**
 * Rows get other UIDLs, in one transaction: their ids, places and everything else live on. Two steps, because a UIDL and its
 * occurrence name one row, and rows may trade theirs among one another.
 */
import { boundedBatches } from './batches.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import type { Recognised } from './recognition.ts';
import type { ListingTable } from './listing-table.ts';
import type { Rekeyed } from './store/key-store.ts';

/**
 * Gives each row the UIDL and the occurrence that it is listed under, whoever had it, and says in the feed that the server
 * renumbered. `named`: whether the server has UIDLs at all.
 */
export async function rekey(table: ListingTable, found: readonly Recognised[], named: boolean, context: Context): Promise<void> {
  const { store } = context;
  const batches = await sealKeys(table, found, named, context);
  store.transaction(() => {
    for (const batch of batches) store.keys.free(batch.map((row) => [row.uidlHash, row.occurrence]));
    for (const batch of batches) store.keys.unkey(batch.map((row) => row.created));
    for (const batch of batches) store.keys.rekey(batch);
    store.account.setRenumbered(store.account.takePlaces(1));
    store.account.doubtHint();
  });
}

/** What is stored of the names that rows are listed under, in batches for one statement each. */
export async function sealKeys(
  table: ListingTable,
  found: readonly { readonly row: { readonly created: number; readonly id: string }; readonly rank: number }[],
  named: boolean,
  { account }: Context,
): Promise<Rekeyed[][]> {
  const rows = new Map(found.map(({ row, rank }) => [rank, row]));
  const batches: Rekeyed[][] = [];
  for (const batch of boundedBatches(table, [...rows.keys()])) {
    const sealed = batch.map(async (rank): Promise<Rekeyed> => {
      const { created, id } = rows.get(rank) ?? { created: 0, id: '' };
      const uidl = named ? hex(await account.vault.seal(table.uidlAt(rank), id, 'uidl')) : null;
      return { created, uidl, uidlHash: hex(table.hashAt(rank)), occurrence: table.occurrenceAt(rank) };
    });
    batches.push(await Promise.all(sealed));
  }
  return batches;
}
