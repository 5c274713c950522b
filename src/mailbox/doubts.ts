/**
 * Which UIDLs of a listing are doubtful: those that may not name the message that they named. Their size is another one,
 * or the message was gone; or they name several messages, and one of these is missing, or has come and could be any of them.
 * Bounded: what one sync doesn't look at is left for the next, and messages too many to be told apart keep their order.
 */
import { RECOGNITION } from '../limits.ts';
import { chunks } from './batches.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import type { Judgement } from './ledger.ts';
import type { ListingTable } from './listing-table.ts';
import type { KeyedRow, KeyStore } from './store/key-store.ts';

/** A doubtful UIDL: what the ledger and the listing have under it. */
export interface Doubt {
  readonly rows: KeyedRow[];
  readonly ranks: number[];
}

export interface Doubts {
  readonly all: Doubt[];
  /** Whether some were left. */
  readonly more: boolean;
  /** Missing rows that may be listed under one of these UIDLs now. */
  readonly missing: KeyedRow[];
  /** Rows whose new sizes contradict nothing, since nobody has read them. */
  readonly unread: Judgement['resized'];
}

/** Gathers what is doubtful in a listing that was judged, as much of it as one sync looks at. */
export function doubtsOf(table: ListingTable, judgement: Judgement, { store }: Context): Doubts {
  const { keys } = store;
  const found = new Found(table);
  const unread: Judgement['resized'] = [];
  for (const batch of chunks(judgement.resized)) {
    const resized = new Map(batch.map((each) => [each.created, each]));
    for (const row of keys.keyed([...resized.keys()])) {
      const each = resized.get(row.created);
      if (each && row.fingerprint === null && row.shared === 0 && table.find(row.uidl_hash, 1) === -1) unread.push(each);
      else found.add(row.uidl_hash);
    }
  }
  for (const batch of chunks(judgement.returned))
    for (const row of keys.keyed(batch)) if (row.fingerprint !== null || row.shared === 1) found.add(row.uidl_hash);
  const vanished = judgement.vanished.map(({ created }) => created);
  for (const batch of chunks(vanished)) for (const row of keys.keyed(batch)) if (row.shared === 1) found.add(row.uidl_hash);
  for (const hash of sharedWithArrivals(table, judgement.arrived, keys)) found.add(hash);
  const { all, more } = found.with(keys);
  if (all.length === 0) return { all, more, missing: [], unread };
  const missing = keys.keyed(vanished.slice(0, RECOGNITION.doubtfulMost));
  return { all: [...all, { rows: [], ranks: found.others(judgement.arrived) }], more, missing, unread };
}

/** UIDLs that were found doubtful, and where they are listed, until they are as many as one sync looks at. */
class Found {
  readonly #table: ListingTable;
  readonly #ranks = new Map<string, { readonly hash: Uint8Array; readonly ranks: number[] }>();
  #messages = 0;
  #more = false;

  constructor(table: ListingTable) {
    this.#table = table;
  }

  add(hash: Uint8Array): void {
    const key = hex(hash);
    // All of a UIDL gone is no question of which.
    if (this.#ranks.has(key) || this.#table.find(hash, 0) === -1 || isCrowded(this.#table, hash)) return;
    if (this.#messages >= RECOGNITION.doubtfulMost) {
      this.#more = true;
      return;
    }
    const ranks = ranksOf(this.#table, hash);
    this.#messages += ranks.length;
    this.#ranks.set(key, { hash, ranks });
  }

  /** Arrivals under other UIDLs, of which any may be a message that was known under one of these: as many again, at most. */
  others(arrived: readonly number[]): number[] {
    const mine = new Set([...this.#ranks.values()].flatMap(({ ranks }) => ranks));
    const others: number[] = [];
    for (const rank of arrived) {
      if (others.length >= RECOGNITION.doubtfulMost) break;
      if (!mine.has(rank)) others.push(rank);
    }
    return others;
  }

  /** The same with the ledger's rows, which may be many more: those that were seen under a UIDL before are among them. */
  with(keys: KeyStore): Pick<Doubts, 'all' | 'more'> {
    const all: Doubt[] = [];
    let rows = 0;
    for (const { hash, ranks } of this.#ranks.values()) {
      if (rows >= RECOGNITION.headersMost) return { all, more: true };
      const group = keys.group(hash, RECOGNITION.headersMost + 1, RECOGNITION.doubtfulMost);
      if (group.length > RECOGNITION.headersMost) continue;
      rows += group.length;
      all.push({ rows: group, ranks });
    }
    return { all, more: this.#more };
  }
}

/**
 * The UIDLs of arrivals that may be messages which the ledger knows: one that has lost its key was seen under that UIDL, or
 * one of the same size is listed under it, so that the server may have put the arrival before it.
 */
function* sharedWithArrivals(table: ListingTable, arrived: readonly number[], keys: KeyStore): Generator<Uint8Array> {
  if (arrived.length === 0) return;
  const unkeyed = new Set(keys.unkeyedHashes(RECOGNITION.headersMost).map(hex));
  if (unkeyed.size === 0 && !hasShared(table)) return;
  /** By rank: whether it has arrived and its UIDL was not looked at yet. */
  const due = new Uint8Array(table.count);
  for (const rank of arrived) due[rank] = 1;
  for (const rank of arrived) {
    if (due[rank] === 0) continue;
    const hash = table.hashAt(rank);
    if ((unkeyed.size > 0 && unkeyed.has(hex(hash))) || hasLikeSizes(table, hash, due)) yield hash;
  }
}

/** Whether an arrival under a UIDL has the size of a known message that shares it. What it has looked at is not due any more. */
function hasLikeSizes(table: ListingTable, hash: Uint8Array, due: Uint8Array): boolean {
  if (table.find(hash, 1) === -1 || isCrowded(table, hash)) return false;
  const known = new Set<number | null>();
  const come = new Set<number | null>();
  for (const rank of ranksOf(table, hash)) {
    (due[rank] === 1 ? come : known).add(table.sizeAt(rank));
    due[rank] = 0;
  }
  return [...come].some((size) => known.has(size));
}

function hasShared(table: ListingTable): boolean {
  for (let rank = 0; rank < table.count; rank++) if (table.occurrenceAt(rank) > 0) return true;
  return false;
}

/** Whether a UIDL names more messages than can be told apart. */
function isCrowded(table: ListingTable, hash: Uint8Array): boolean {
  return table.find(hash, RECOGNITION.headersMost) !== -1;
}

function ranksOf(table: ListingTable, hash: Uint8Array): number[] {
  const ranks: number[] = [];
  for (let rank = table.find(hash, 0); rank !== -1; rank = table.find(hash, ranks.length)) ranks.push(rank);
  return ranks;
}
