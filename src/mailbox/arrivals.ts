/**
 * Messages that the ledger has never seen become rows: each batch gets its ids and places in one transaction, so a sync
 * that dies between two batches is completed by the next one, which finds the first batch known.
 */
import { ID_GROUPS, newMessageIds } from '../crypto/ids.ts';
import { MAILBOX } from '../limits.ts';
import { boundedBatches, transactions } from './batches.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import type { OpenSession } from './line.ts';
import type { Listing } from './listing.ts';
import type { ListingTable } from './listing-table.ts';
import type { Pack } from './store/key-store.ts';
import type { NewMessage } from './store/message-store.ts';
import { PackedMessages } from './store/packed-messages.ts';

/** Messages of consecutive ranks, and what is stored of them. */
interface Batch {
  readonly ranks: readonly number[];
  readonly packs: Pack[];
  /** Those whose UIDLs lie in a pack and were met once. */
  readonly packed: PackedMessages;
  readonly single: NewMessage[];
}

/** Inserts the messages at `ranks` of a listing, in that order, and notes their numbers in this session. */
export async function insertArrivals(
  listing: Pick<Listing, 'table' | 'named'>,
  ranks: readonly number[],
  open: OpenSession,
  context: Context,
): Promise<void> {
  const { store, account, deps } = context;
  const outsideFeed = account.settings.initial === 'none' && context.checks.checkedAt === null;
  for (const group of transactions(boundedBatches(listing.table, ranks))) {
    const batches: Batch[] = [];
    for (const some of group) batches.push(await batchOf(listing, some, context));
    const firsts: number[] = [];
    store.transaction(() => {
      for (const { ranks: some, packs, packed, single } of batches) {
        const first = store.account.takePlaces(some.length);
        firsts.push(first);
        for (const pack of packs) store.keys.insertPack(pack);
        store.messages.insertPacked(packed, first, deps.now());
        store.messages.insert(
          single.map((row) => ({ ...row, created: row.created + first })),
          deps.now(),
        );
      }
      if (outsideFeed) store.account.startFeedHere();
      // Until this sync is settled: what came in it may be gone again when the next one looks.
      store.account.doubtHint();
    });
    for (const [index, { ranks: some }] of batches.entries())
      for (const [at, rank] of some.entries()) open.numbers.set((firsts[index] ?? 0) + at, listing.table.numberAt(rank));
  }
}

/** What is stored of the messages at `ranks`; places are counted from the first of them, since they are taken in the transaction. */
async function batchOf(listing: Pick<Listing, 'table' | 'named'>, ranks: readonly number[], context: Context): Promise<Batch> {
  const batch: Batch = { ranks, packs: [], packed: new PackedMessages(MAILBOX.packedUidls), single: [] };
  for (let at = 0; at < ranks.length; at += MAILBOX.packedUidls) {
    const some = ranks.slice(at, at + MAILBOX.packedUidls);
    if (listing.named && some.length === MAILBOX.packedUidls) await addPack(batch, listing.table, some, at, context);
    else batch.single.push(...(await singles(listing, some, at, context)));
  }
  return batch;
}

async function addPack(batch: Batch, table: ListingTable, ranks: readonly number[], at: number, context: Context): Promise<void> {
  const pack = await context.uidls.seal(ranks.map((rank) => table.uidlAt(rank)));
  batch.packs.push(pack);
  if (ranks.every((rank) => table.occurrenceAt(rank) === 0)) {
    const sizes = ranks.map((rank) => table.sizeAt(rank) ?? 0);
    batch.packed.add({ pack: pack.pack, at, ids: idsOf(ranks, context), hashes: table.hashesAt(ranks), sizes });
  } else batch.single.push(...rowsOf(table, ranks, at, context).map((row, packAt) => ({ ...row, pack: pack.pack, packAt })));
}

/** Rows whose UIDLs have boxes of their own, or that have none. */
async function singles(
  { table, named }: Pick<Listing, 'table' | 'named'>,
  ranks: readonly number[],
  at: number,
  context: Context,
): Promise<NewMessage[]> {
  const rows = rowsOf(table, ranks, at, context);
  if (!named) return rows;
  const { vault } = context.account;
  return Promise.all(
    rows.map(async (row, index) => ({ ...row, uidl: hex(await vault.seal(table.uidlAt(ranks[index] ?? 0), row.id, 'uidl')) })),
  );
}

function rowsOf(table: ListingTable, ranks: readonly number[], at: number, context: Context): NewMessage[] {
  const ids = idsOf(ranks, context);
  return ranks.map((rank, index) => ({
    created: at + index,
    id: ids[index] ?? '',
    uidl: null,
    pack: null,
    packAt: null,
    uidlHash: hex(table.hashAt(rank)),
    occurrence: table.occurrenceAt(rank),
    size: table.sizeAt(rank) ?? 0,
  }));
}

/** Ids for messages of consecutive ranks. Those of neighbours are of one group, so that a first listing fills their index from end to end. */
function idsOf(ranks: readonly number[], { deps }: Context): string[] {
  return newMessageIds(deps.random, ranks.length, Math.floor((ranks[0] ?? 0) / MAILBOX.idsInGroup) % ID_GROUPS);
}
