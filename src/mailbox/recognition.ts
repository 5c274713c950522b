/**
 * A server that has given its messages new UIDLs: after a migration, a change of its configuration, a rebuilt index. Then
 * nearly all that the ledger knows seems gone, and nearly all that is listed seems new. Whoever believed that would deliver
 * everything twice. First the two are laid side by side by their sizes, in the server's order or its reverse, and a sample of
 * headers must fit; where the order tells nothing, every header is read. What is recognised keeps its id and gets its new
 * UIDL in one transaction; until that is done nothing is created or destroyed.
 */
import { RECOGNITION } from '../limits.ts';
import { log } from '../log.ts';
import { alignSurely } from './alignment.ts';
import type { Context } from './context.ts';
import { type Fingerprinted, Fingerprints } from './fingerprints.ts';
import { fingerprintOf, hasTop, isNameless, isSame, readIdentities } from './identities.ts';
import { type Judgement, looksRenumbered } from './ledger.ts';
import type { OpenSession } from './line.ts';
import type { Listing } from './listing.ts';
import type { ListingTable } from './listing-table.ts';
import { LostRows } from './lost-rows.ts';
import { NOWHERE, Recognised } from './recognised.ts';
import { rekey } from './rekeying.ts';

/** What is to be recognised, and where. */
interface Search {
  readonly open: OpenSession;
  readonly table: ListingTable;
  readonly lost: LostRows;
  /** Ranks in the listing that may be theirs, ascending. */
  readonly arrived: readonly number[];
  readonly context: Context;
}

/** Re-keys the rows of a listing that looks renumbered. False if it isn't that: then nothing has been changed. */
export async function recognise(open: OpenSession, { table, named }: Listing, judgement: Judgement, context: Context): Promise<boolean> {
  const all = looksRenumbered(judgement, table.count);
  if (!all && judgement.resized.length === 0) return false;
  const { vanished, arrived, live } = all ? judgement : withResized(judgement);
  if (!looksRenumbered({ vanished, arrived, live }, table.count)) return false;
  const places = vanished.map(({ created }) => created);
  const search: Search = { open, table, lost: new LostRows(places, context.store.keys), arrived, context };
  const found = (await bySizes(search)) ?? (all ? await byHeaders(search) : null);
  if (!found) return false;
  await rekey(table, found, named, context);
  log('renumbered', { account: context.account.id, counts: { messages: found.count, known: search.lost.count } });
  return true;
}

/** The same where UIDLs are handed on from one message to the next: what has another size counts as gone and as new. */
function withResized(judgement: Judgement): Pick<Judgement, 'live' | 'vanished' | 'arrived'> {
  const returned = new Set(judgement.returned);
  const resized = judgement.resized.filter(({ created }) => !returned.has(created));
  const { live } = judgement;
  const vanished = [...judgement.vanished, ...resized.map(({ created }) => ({ created, missedAt: null }))];
  const arrived = Float64Array.from([...judgement.arrived, ...resized.map(({ rank }) => rank)]).sort();
  return { live, vanished: vanished.sort((a, b) => a.created - b.created), arrived: [...arrived] };
}

/** By the order of sizes, forwards or backwards, and the few that stand elsewhere by their headers. */
async function bySizes(search: Search): Promise<Recognised | null> {
  const { lost, arrived } = search;
  let best = inOrder(search, arrived);
  if (best.count < lost.count) {
    const reverse = inOrder(search, arrived.toReversed());
    if (reverse.count > best.count) best = reverse;
  }
  if (best.count < RECOGNITION.sizesPart * lost.count || !(await sampleFits(search, best))) return null;
  return outOfOrder(search, best);
}

/** The ranks, in the order given, that the rows' sizes say. */
function inOrder({ table, lost }: Search, ranks: readonly number[]): Recognised {
  const sizes = Float64Array.from(ranks, (rank) => table.sizeAt(rank) ?? -1);
  return new Recognised(
    lost,
    alignSurely(lost.sizes, sizes).map((at) => ranks[at] ?? NOWHERE),
  );
}

/** Whether the headers of a sample are those that the ledger remembers. Where it remembers none, the sizes must be telling. */
async function sampleFits({ open, table, lost, context }: Search, found: Recognised): Promise<boolean> {
  const read = hasTop(open.session) ? found.indices().filter((index) => lost.printOf(index) !== null) : [];
  const sample = spread(read, RECOGNITION.sample);
  if (sample.length === 0) return new Set(found.indices().map((index) => lost.sizes[index])).size >= RECOGNITION.distinctSizes;
  const indices = new Map(sample.map((index) => [found.rankOf(index), index]));
  let fits = 0;
  let differ = 0;
  await readIdentities(open.session, table, [...indices.keys()], (rank, identity) => {
    if (isNameless(identity)) return;
    const index = indices.get(rank) ?? NOWHERE;
    const print = lost.printOf(index);
    if (print && isSame(identity, print, [lost.sizes[index] ?? 0], context)) fits += 1;
    else differ += 1;
  });
  return differ === 0 && 2 * fits >= sample.length;
}

/** At most `most` of `all`, evenly spread, the first and the last among them. */
function spread<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, n) => all[Math.round((n * (all.length - 1)) / (most - 1))] as T);
}

/** Adds the few that stand elsewhere than their order says: those that had been hidden and came back, for example. */
async function outOfOrder(search: Search, found: Recognised): Promise<Recognised> {
  const { lost, table, arrived, open } = search;
  const left = readRows(lost, (index) => found.rankOf(index) === NOWHERE);
  const taken = new Uint8Array(table.count);
  for (const index of found.indices()) taken[found.rankOf(index)] = 1;
  const unnamed = arrived.filter((rank) => taken[rank] === 0);
  if (left.length > 0 && unnamed.length <= RECOGNITION.headersMost && hasTop(open.session))
    await pairByHeaders(search, left, unnamed, found);
  return found;
}

/** By the headers of all, where enough of them fit. */
async function byHeaders(search: Search): Promise<Recognised | null> {
  const { lost, arrived, open } = search;
  const enough = RECOGNITION.headersPart * lost.count;
  const read = readRows(lost, () => true);
  if (read.length < enough || arrived.length > RECOGNITION.headersMost || !hasTop(open.session)) return null;
  const found = new Recognised(lost, new Int32Array(lost.count).fill(NOWHERE));
  await pairByHeaders(search, read, arrived, found);
  return found.count >= enough ? found : null;
}

/** The indices of rows whose headers were read, by their fingerprints. */
function readRows(lost: LostRows, wanted: (index: number) => boolean): Fingerprinted<number>[] {
  const read: Fingerprinted<number>[] = [];
  for (let index = 0; index < lost.count; index++) {
    const print = lost.printOf(index);
    if (print && wanted(index)) read.push([print, index]);
  }
  return read;
}

/** By Message-ID, Date and size of each, in whatever order; equal ones are paired in the order of both. */
async function pairByHeaders(
  { open, table, context }: Search,
  rows: readonly Fingerprinted<number>[],
  ranks: readonly number[],
  found: Recognised,
): Promise<void> {
  const left = new Fingerprints(rows);
  await readIdentities(open.session, table, ranks, (rank, identity) => {
    if (isNameless(identity)) return;
    const index = left.take(fingerprintOf(identity, table.sizeAt(rank) ?? 0, context.account.vault));
    if (index !== undefined) found.set(index, rank);
  });
}
