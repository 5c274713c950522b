/**
 * Which UIDLs of a listing are doubtful: those that may not name the message that they named. Their size is another one,
 * or the message was gone; or they name several messages, one of which is missing. Bounded: what one sync doesn't look at is
 * left for the next.
 */
import { RECOGNITION } from '../limits.ts';
import { chunks } from './batches.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import type { Judgement } from './ledger.ts';
import type { ListingTable } from './listing-table.ts';
import type { KeyedRow } from './store/key-store.ts';

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
  readonly unread: { readonly created: number; readonly rank: number }[];
}

export function doubtsOf(table: ListingTable, judgement: Judgement, { store }: Context): Doubts {
  const hashes = new Map<string, Uint8Array>();
  const unread: { created: number; rank: number }[] = [];
  const ranks = new Map(judgement.resized.map(({ created, rank }) => [created, rank]));
  for (const batch of chunks([...ranks.keys()]))
    for (const row of store.keys.keyed(batch)) {
      const rank = ranks.get(row.created) ?? -1;
      if (row.fingerprint === null && row.shared === 0 && table.find(row.uidl_hash, 1) === -1) unread.push({ created: row.created, rank });
      else hashes.set(hex(row.uidl_hash), row.uidl_hash);
    }
  const renamed = hashes.size > 0;
  for (const batch of chunks(judgement.returned))
    for (const row of store.keys.keyed(batch))
      if (row.fingerprint !== null || row.shared === 1) hashes.set(hex(row.uidl_hash), row.uidl_hash);
  const vanished = judgement.vanished.map(({ created }) => created);
  for (const batch of chunks(vanished))
    for (const row of store.keys.keyed(batch)) if (row.shared === 1) hashes.set(hex(row.uidl_hash), row.uidl_hash);
  const missing = renamed ? store.keys.keyed(vanished.slice(0, RECOGNITION.doubtfulMost)) : [];
  return { ...gathered(table, hashes.values(), store.keys), missing, unread };
}

function gathered(
  table: ListingTable,
  hashes: Iterable<Uint8Array>,
  keys: { group(hash: Uint8Array, tombstones: number): KeyedRow[] },
): Pick<Doubts, 'all' | 'more'> {
  const all: Doubt[] = [];
  let messages = 0;
  for (const hash of hashes) {
    if (messages >= RECOGNITION.doubtfulMost) return { all, more: true };
    const ranks = ranksOf(table, hash);
    messages += ranks.length;
    // All of a UIDL gone is no question of which.
    if (ranks.length > 0) all.push({ rows: keys.group(hash, RECOGNITION.doubtfulMost), ranks });
  }
  return { all, more: false };
}

function ranksOf(table: ListingTable, hash: Uint8Array): number[] {
  const ranks: number[] = [];
  for (let rank = table.find(hash, 0); rank !== -1; rank = table.find(hash, ranks.length)) ranks.push(rank);
  return ranks;
}
