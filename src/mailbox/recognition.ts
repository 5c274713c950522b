/**
 * A server that has given its messages new UIDLs: after a migration, a change of its configuration, a rebuilt index. Then
 * nearly all that the ledger knows seems gone, and nearly all that is listed seems new. Whoever believed that would deliver
 * everything twice. First the two are laid side by side by their sizes, in the server's order or its reverse, and a sample of
 * headers must fit; where the order tells nothing, every header is read. What is recognised keeps its id and gets its new
 * UIDL in one transaction; until that is done nothing is created or destroyed.
 */
import { Buffer } from 'node:buffer';
import { RECOGNITION } from '../limits.ts';
import { log } from '../log.ts';
import { type Alignment, alignSurely } from './alignment.ts';
import { chunks } from './batches.ts';
import type { Context } from './context.ts';
import { fingerprintOf, hasTop, isNameless, isSame, readIdentities } from './identities.ts';
import { type Judgement, looksRenumbered } from './ledger.ts';
import type { OpenSession } from './line.ts';
import type { Listing } from './listing.ts';
import type { ListingTable } from './listing-table.ts';
import { rekey } from './rekeying.ts';
import type { RecognisableRow } from './store/key-store.ts';

/** A row of the ledger and the rank in the listing at which it stands now. */
export interface Recognised {
  readonly row: RecognisableRow;
  readonly rank: number;
}

/** Re-keys the rows of a listing that looks renumbered. False if it isn't that: then nothing has been changed. */
export async function recognise(open: OpenSession, { table, named }: Listing, judgement: Judgement, context: Context): Promise<boolean> {
  const all = looksRenumbered(judgement, table.count);
  const handedOn = all ? judgement : withResized(judgement);
  if (!all && !looksRenumbered(handedOn, table.count)) return false;
  const places = handedOn.vanished.map(({ created }) => created);
  const known = [...chunks(places)].flatMap((batch) => context.store.keys.recognisable(batch));
  const { arrived } = handedOn;
  const inOrder = await bySizes(open, table, known, arrived, context);
  const found = inOrder
    ? [...inOrder, ...(await outOfOrder(open, table, known, arrived, inOrder, context))]
    : all && (await byHeaders(open, table, known, arrived, context));
  if (!found) return false;
  await rekey(table, found, named, context);
  log('renumbered', { account: context.account.id, counts: { messages: found.length, known: known.length } });
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

/** By the order of sizes, forwards or backwards. */
async function bySizes(
  open: OpenSession,
  table: ListingTable,
  known: readonly RecognisableRow[],
  arrived: readonly number[],
  context: Context,
): Promise<Recognised[] | null> {
  const sizes = Float64Array.from(known, (row) => row.size);
  let best: Recognised[] = [];
  for (const ranks of [arrived, [...arrived].reverse()]) {
    const alignment = alignSurely(
      sizes,
      Float64Array.from(ranks, (rank) => table.sizeAt(rank) ?? -1),
    );
    const found = paired(known, ranks, alignment);
    if (found.length > best.length) best = found;
  }
  if (best.length < RECOGNITION.sizesPart * known.length) return null;
  return (await sampleFits(open, table, best, context)) ? best : null;
}

function paired(known: readonly RecognisableRow[], ranks: readonly number[], alignment: Alignment): Recognised[] {
  return known.flatMap((row, index) => {
    const rank = ranks[alignment[index] ?? -1];
    return rank === undefined ? [] : [{ row, rank }];
  });
}

/** Whether the headers of a sample are those that the ledger remembers. Where it remembers none, the sizes must be telling. */
async function sampleFits(open: OpenSession, table: ListingTable, found: readonly Recognised[], context: Context): Promise<boolean> {
  const read = hasTop(open.session) ? found.filter(({ row }) => row.fingerprint !== null) : [];
  const sample = spread(read, RECOGNITION.sample);
  if (sample.length === 0) return new Set(found.map(({ row }) => row.size)).size >= RECOGNITION.distinctSizes;
  const rows = new Map(sample.map(({ row, rank }) => [rank, row]));
  let fits = 0;
  let differ = 0;
  await readIdentities(open.session, table, [...rows.keys()], (rank, identity) => {
    if (isNameless(identity)) return;
    const row = rows.get(rank);
    if (row?.fingerprint && isSame(identity, row.fingerprint, [row.size], context)) fits += 1;
    else differ += 1;
  });
  return differ === 0 && 2 * fits >= sample.length;
}

/** At most `most` of `all`, evenly spread, the first and the last among them. */
function spread<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, n) => all[Math.round((n * (all.length - 1)) / (most - 1))] as T);
}

/** The few that stand elsewhere than their order says: those that had been hidden and came back, for example. */
async function outOfOrder(
  open: OpenSession,
  table: ListingTable,
  known: readonly RecognisableRow[],
  arrived: readonly number[],
  inOrder: readonly Recognised[],
  context: Context,
): Promise<Recognised[]> {
  const rows = new Set(inOrder.map(({ row }) => row));
  const ranks = new Set(inOrder.map(({ rank }) => rank));
  const left = known.filter((row) => !rows.has(row) && row.fingerprint !== null);
  const unnamed = arrived.filter((rank) => !ranks.has(rank));
  if (left.length === 0 || unnamed.length > RECOGNITION.headersMost || !hasTop(open.session)) return [];
  return pairedByHeaders(open, table, left, unnamed, context);
}

/** By the headers of all, where enough of them fit. */
async function byHeaders(
  open: OpenSession,
  table: ListingTable,
  known: readonly RecognisableRow[],
  arrived: readonly number[],
  context: Context,
): Promise<Recognised[] | null> {
  const read = known.filter((row) => row.fingerprint !== null);
  const enough = RECOGNITION.headersPart * known.length;
  if (read.length < enough || arrived.length > RECOGNITION.headersMost || !hasTop(open.session)) return null;
  const found = await pairedByHeaders(open, table, read, arrived, context);
  return found.length >= enough ? found : null;
}

/** By Message-ID, Date and size of each, in whatever order; equal ones are paired in the order of both. */
async function pairedByHeaders(
  open: OpenSession,
  table: ListingTable,
  known: readonly RecognisableRow[],
  arrived: readonly number[],
  context: Context,
): Promise<Recognised[]> {
  const rows = new Map<string, RecognisableRow[]>();
  for (const row of known.toReversed()) {
    const key = Buffer.from(row.fingerprint ?? []).toString('hex');
    const same = rows.get(key);
    if (same) same.push(row);
    else rows.set(key, [row]);
  }
  const found: Recognised[] = [];
  await readIdentities(open.session, table, arrived, (rank, identity) => {
    if (isNameless(identity)) return;
    const print = fingerprintOf(identity, table.sizeAt(rank) ?? 0, context.account.vault);
    const row = rows.get(Buffer.from(print).toString('hex'))?.pop();
    if (row) found.push({ row, rank });
  });
  return found;
}
