/**
 * Rows get other UIDLs, in one transaction: their ids, places and everything else live on. Two steps, because a UIDL and its
 * occurrence name one row, and rows may trade theirs among one another. Of many the UIDLs are sealed and stored first, in packs
 * that no row points into yet (see `uidls.ts`): whoever dies in between has changed nothing.
 */
import { MAILBOX } from '../limits.ts';
import { boundedBatches, chunks } from './batches.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import type { ListingTable } from './listing-table.ts';
import type { Recognised } from './recognised.ts';
import type { Rekeyed } from './store/key-store.ts';

/** Where a row's UIDL is: in a box of its own or at a place in a pack; neither where the server has none. */
type Sealed = Pick<Rekeyed, 'uidl' | 'pack' | 'packAt'>;

const UNNAMED: Sealed = { uidl: null, pack: null, packAt: null };

/**
 * Gives each row the UIDL and the occurrence that it is listed under, whoever had it, and says in the feed that the server
 * renumbered. `named`: whether the server has UIDLs at all.
 */
export async function rekey(table: ListingTable, found: Recognised, named: boolean, context: Context): Promise<void> {
  const { store } = context;
  const indices = found.indices();
  const packs = named ? await storePacks(table, found, indices, context) : [];
  const sealedAt = (at: number): Sealed =>
    named ? { uidl: null, pack: packs[Math.floor(at / MAILBOX.packedUidls)] ?? null, packAt: at % MAILBOX.packedUidls } : UNNAMED;
  store.transaction(() => {
    for (const batch of chunks(indices)) {
      const ranks = batch.map((index) => found.rankOf(index));
      store.keys.free(ranks.map((rank) => [hex(table.hashAt(rank)), table.occurrenceAt(rank)]));
    }
    for (const batch of chunks(indices)) store.keys.unkey(batch.map((index) => found.createdOf(index)));
    let at = 0;
    for (const batch of chunks(indices))
      store.keys.rekey(batch.map((index) => rekeyed(table, found.createdOf(index), found.rankOf(index), sealedAt(at++))));
    store.keys.prunePacks();
    store.account.setRenumbered(store.account.takePlaces(1));
    store.account.doubtHint();
  });
}

/** Stores the UIDLs that rows are listed under, so many in a pack. Returns the packs' numbers, in the order of `indices`. */
async function storePacks(table: ListingTable, found: Recognised, indices: readonly number[], context: Context): Promise<number[]> {
  const { store, uidls } = context;
  const packs: number[] = [];
  for (let at = 0; at < indices.length; at += MAILBOX.packedUidls) {
    const some = indices.slice(at, at + MAILBOX.packedUidls);
    const pack = await uidls.seal(some.map((index) => table.uidlAt(found.rankOf(index))));
    store.keys.insertPack(pack);
    packs.push(pack.pack);
  }
  return packs;
}

/** What is stored of the names that rows are listed under, each in a box of its own, in batches for one statement each. */
export async function sealKeys(
  table: ListingTable,
  found: readonly { readonly row: { readonly created: number; readonly id: string }; readonly rank: number }[],
  { account }: Context,
): Promise<Rekeyed[][]> {
  const rows = new Map(found.map(({ row, rank }) => [rank, row]));
  const batches: Rekeyed[][] = [];
  for (const batch of boundedBatches(table, [...rows.keys()])) {
    const sealed = batch.map(async (rank): Promise<Rekeyed> => {
      const { created, id } = rows.get(rank) ?? { created: 0, id: '' };
      const uidl = hex(await account.vault.seal(table.uidlAt(rank), id, 'uidl'));
      return rekeyed(table, created, rank, { ...UNNAMED, uidl });
    });
    batches.push(await Promise.all(sealed));
  }
  return batches;
}

function rekeyed(table: ListingTable, created: number, rank: number, sealed: Sealed): Rekeyed {
  return { created, ...sealed, uidlHash: hex(table.hashAt(rank)), occurrence: table.occurrenceAt(rank) };
}
