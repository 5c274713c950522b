/**
 * Messages that the ledger has never seen become rows: each batch gets its ids and places in one transaction, so a sync
 * that dies between two batches is completed by the next one, which finds the first batch known.
 */
import { newMessageId } from '../crypto/ids.ts';
import { MAILBOX } from '../limits.ts';
import { boundedBatches, transactions } from './batches.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import type { OpenSession } from './line.ts';
import type { Listing } from './listing.ts';
import type { Pack } from './store/key-store.ts';
import type { NewMessage } from './store/message-store.ts';

/** What one statement inserts. */
interface Arrivals {
  readonly rows: NewMessage[];
  readonly packs: Pack[];
}

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
  for (const group of transactions(boundedBatches(table, ranks))) {
    const batches: (Arrivals & { ranks: readonly number[] })[] = [];
    for (const some of group) batches.push({ ranks: some, ...(await newRows(listing, some, context)) });
    store.transaction(() => {
      for (const { rows, packs } of batches) {
        for (const pack of packs) store.keys.insertPack(pack);
        const first = store.account.takePlaces(rows.length);
        for (const [index, row] of rows.entries()) row.created = first + index;
        store.messages.insert(rows, deps.now());
      }
      if (outsideFeed) store.account.startFeedHere();
      // Until this sync is settled: what came in it may be gone again when the next one looks.
      store.account.doubtHint();
    });
    for (const { ranks: some, rows } of batches)
      for (const [index, rank] of some.entries()) open.numbers.set(rows[index]?.created ?? 0, table.numberAt(rank));
  }
}

/** Rows without their places, which are taken in the transaction that stores them, and the packs that they point into. */
async function newRows(
  { table, named }: Pick<Listing, 'table' | 'named'>,
  ranks: readonly number[],
  { account, uidls, deps }: Context,
): Promise<Arrivals> {
  const rows = ranks.map((rank): NewMessage => {
    const uidlHash = hex(table.hashAt(rank));
    const known = { uidlHash, occurrence: table.occurrenceAt(rank), size: table.sizeAt(rank) ?? 0 };
    return { created: 0, id: newMessageId(deps.random), uidl: null, pack: null, packAt: null, ...known };
  });
  const packs: Pack[] = [];
  if (!named) return { rows, packs };
  for (let at = 0; at < rows.length; at += MAILBOX.packedUidls) {
    const some = rows.slice(at, at + MAILBOX.packedUidls);
    const octets = some.map((_, index) => table.uidlAt(ranks[at + index] ?? 0));
    if (some.length === MAILBOX.packedUidls) {
      const pack = await uidls.seal(octets);
      packs.push(pack);
      for (const [packAt, row] of some.entries()) [row.pack, row.packAt] = [pack.pack, packAt];
    } else {
      const boxes = await Promise.all(some.map((row, index) => account.vault.seal(octets[index] ?? new Uint8Array(0), row.id, 'uidl')));
      for (const [index, row] of some.entries()) row.uidl = hex(boxes[index] ?? new Uint8Array(0));
    }
  }
  return { rows, packs };
}
