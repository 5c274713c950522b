/**
 * UIDLs that don't tell which message is meant: one that was reused for other mail, or several messages under one. Such a
 * group is doubtful once a size is another one, or one of its messages is missing: then the headers decide which of the
 * listed messages is which of the ledger's, each by the fingerprint that it was indexed with. Whoever can't be told apart is
 * paired in the server's order. A row whose UIDL has been taken by another message is gone for good.
 */
import { RECOGNITION } from '../limits.ts';
import { chunks } from './batches.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import { hasTop, type Identity, isSame, readIdentities } from './identities.ts';
import type { Judgement } from './ledger.ts';
import type { OpenSession } from './line.ts';
import type { ListingTable } from './listing-table.ts';
import type { GroupedRow } from './store/key-store.ts';

/** What the ledger and a listing have under one UIDL. */
interface Group {
  readonly rows: GroupedRow[];
  readonly ranks: number[];
}

/** What regrouping did: how many rows it destroyed, or null where it found nothing to do. Else the listing must be judged anew. */
export type Regrouped = number | null;

/** Settles the doubtful groups of a listing, as many as one sync looks at. */
export async function regroup(open: OpenSession, table: ListingTable, judgement: Judgement, context: Context): Promise<Regrouped> {
  const unread = resizeUnread(table, judgement, context);
  const groups = doubtful(table, judgement, unread, context);
  if (groups.length === 0) return unread.size > 0 ? 0 : null;
  const identities = new Map<number, Identity>();
  const ranks = groups.flatMap((group) => group.ranks);
  if (hasTop(open.session)) await readIdentities(open.session, table, ranks, (rank, identity) => identities.set(rank, identity));
  return groups.reduce((gone, group) => gone + apply(table, group, paired(table, group, identities, context), context), 0);
}

/** Of messages whose headers nobody has read nothing is known that a size could contradict: they take the new one. */
function resizeUnread(table: ListingTable, judgement: Judgement, { store }: Context): Set<number> {
  const unread = new Set<number>();
  const sizes = new Map(judgement.resized.map(({ created, rank }) => [created, table.sizeAt(rank) ?? 0]));
  for (const batch of chunks([...sizes.keys()])) {
    const rows = store.keys.recognisable(batch).filter((row) => row.fingerprint === null);
    if (rows.length === 0) continue;
    for (const { created } of rows) unread.add(created);
    store.transaction(() => {
      let place = store.account.takePlaces(rows.length);
      store.messages.resize(rows.map(({ created }) => ({ created, size: sizes.get(created) ?? 0, place: place++ })));
    });
  }
  return unread;
}

function doubtful(table: ListingTable, judgement: Judgement, settled: ReadonlySet<number>, { store }: Context): Group[] {
  const hashes = new Map<string, Uint8Array>();
  const note = (hash: Uint8Array): void => {
    if (hashes.size < RECOGNITION.doubtfulMost) hashes.set(hex(hash), hash);
  };
  for (const { created, rank } of judgement.resized) if (!settled.has(created)) note(table.hashAt(rank));
  const vanished = judgement.vanished.map(({ created }) => created);
  for (const batch of chunks(vanished))
    for (const { uidl_hash: hash } of store.keys.sharedAmong(batch, RECOGNITION.doubtfulMost)) note(hash);
  const groups: Group[] = [];
  let messages = 0;
  for (const hash of hashes.values()) {
    const ranks = ranksOf(table, hash);
    messages += ranks.length;
    // What is left over is looked at by the next full listing.
    if (messages > RECOGNITION.doubtfulMost) break;
    // All of a group gone, or one alone with an unchanged size, is no question of which.
    if (ranks.length > 0) groups.push({ rows: store.keys.group(hash), ranks });
  }
  return groups;
}

function ranksOf(table: ListingTable, hash: Uint8Array): number[] {
  const ranks: number[] = [];
  for (let rank = table.find(hash, 0); rank !== -1 && ranks.length <= RECOGNITION.doubtfulMost; rank = table.find(hash, ranks.length))
    ranks.push(rank);
  return ranks;
}

/** Row → rank of its message, as far as there is one. */
function paired(
  table: ListingTable,
  { rows, ranks }: Group,
  identities: ReadonlyMap<number, Identity>,
  context: Context,
): Map<GroupedRow, number> {
  const pairs = new Map<GroupedRow, number>();
  const left = new Set(ranks);
  for (const rank of ranks) {
    const identity = identities.get(rank);
    const sizeNow = table.sizeAt(rank);
    const row = rows.find(
      (each) => identity && each.fingerprint && !pairs.has(each) && isSame(identity, each.fingerprint, [each.size, sizeNow], context),
    );
    if (row) pairs.set(row, rank);
    if (row) left.delete(rank);
  }
  // A row that was never read may be any of those left; one that was read is none of those that were read too.
  for (const row of rows) {
    if (pairs.has(row)) continue;
    const rank = [...left].find((each) => row.fingerprint === null || !identities.has(each));
    if (rank === undefined) continue;
    pairs.set(row, rank);
    left.delete(rank);
  }
  return pairs;
}

/** Stores which row is which message now; sizes that are others are updates. Returns how many rows are none any more. */
function apply(table: ListingTable, { rows }: Group, pairs: ReadonlyMap<GroupedRow, number>, { store, deps }: Context): number {
  const gone = rows.filter((row) => !pairs.has(row)).map((row) => row.created);
  const moved = [...pairs].filter(([row, rank]) => row.occurrence !== table.occurrenceAt(rank));
  const resized = [...pairs].filter(([row, rank]) => (table.sizeAt(rank) ?? row.size) !== row.size);
  store.transaction(() => {
    store.keys.unkey([...gone, ...moved.map(([row]) => row.created)]);
    store.keys.setOccurrences(moved.map(([row, rank]) => ({ created: row.created, occurrence: table.occurrenceAt(rank) })));
    let place = store.account.takePlaces(gone.length + resized.length);
    const now = deps.now();
    store.messages.destroy(
      gone.map((created) => ({ created, place: place++, why: 'server' })),
      now,
      now,
    );
    store.deletions.withdraw(gone);
    store.messages.resize(resized.map(([row, rank]) => ({ created: row.created, size: table.sizeAt(rank) ?? row.size, place: place++ })));
  });
  return gone.length;
}
