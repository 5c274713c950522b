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

/** Gives each row the UIDL and the occurrence that it is listed under, and says in the feed that the server renumbered. */
export async function rekey(table: ListingTable, found: readonly Recognised[], { store, account }: Context): Promise<void> {
  const ranks = new Map(found.map(({ row, rank }) => [rank, row]));
  const batches: Rekeyed[][] = [];
  for (const batch of boundedBatches(table, [...ranks.keys()])) {
    const rows = batch.map(async (rank) => {
      const row = ranks.get(rank);
      const uidl = await account.vault.seal(table.uidlAt(rank), row?.id ?? '', 'uidl');
      return { created: row?.created ?? 0, uidl: hex(uidl), uidlHash: hex(table.hashAt(rank)), occurrence: table.occurrenceAt(rank) };
    });
    batches.push(await Promise.all(rows));
  }
  store.transaction(() => {
    for (const batch of batches) store.keys.unkey(batch.map((row) => row.created));
    for (const batch of batches) store.keys.rekey(batch);
    store.account.setRenumbered(store.account.takePlaces(1));
  });
}
