/**
 * The judgement of a full listing against the ledger: what came, what went, what came back. Pure: values in, values out.
 *
 * Identity is the UIDL (by keyed hash) and, where a server lists several messages under one UIDL, which of them it
 * is (its occurrence). Message numbers are a matter of one session (RFC 1939 §5, §7) and are only handed on, never kept.
 * A UIDL that the ledger remembers as gone is the same message come back: it keeps its id.
 */
import { MAILBOX, RECOGNITION } from '../limits.ts';
import type { ListingTable } from './listing-table.ts';
import type { KnownRow } from './store/message-store.ts';

export interface Judgement {
  /** Ranks in the listing of messages that the ledger has never seen, ascending. */
  readonly arrived: number[];
  /** Places of creation of rows that were gone and are listed again. */
  readonly returned: number[];
  /** Live rows that are not listed, by place of creation. */
  readonly vanished: Vanished[];
  /** Rows that an earlier listing lacked and this one has. */
  readonly reappeared: number[];
  /** Live rows whose size by LIST is another one now. */
  readonly resized: { readonly created: number; readonly rank: number }[];
  /** How many rows were live before. */
  readonly live: number;
}

/** `missedAt`: since when listings have lacked it without being believed, milliseconds, or null. */
export interface Vanished {
  readonly created: number;
  readonly missedAt: number | null;
}

/**
 * Compares a sealed listing with all rows of the ledger, which come by ascending place. Linear in both. `number` is told
 * of each row that is listed, and under which rank.
 */
export function judge(listing: ListingTable, known: Iterable<KnownRow>, listed: (created: number, rank: number) => void): Judgement {
  const claimed = new Uint8Array(listing.count);
  const judgement = { arrived: [], returned: [], vanished: [], reappeared: [], resized: [] } as Omit<Judgement, 'live'>;
  let live = 0;
  for (const row of known) {
    live += row.live;
    const rank = listing.find(row.uidl_hash, row.occurrence);
    if (rank === -1) {
      if (row.live) judgement.vanished.push({ created: row.created, missedAt: row.missed_at });
      continue;
    }
    claimed[rank] = 1;
    listed(row.created, rank);
    if (!row.live) judgement.returned.push(row.created);
    else if (row.missed_at !== null) judgement.reappeared.push(row.created);
    const size = listing.sizeAt(rank);
    if (size !== null && size !== row.size) judgement.resized.push({ created: row.created, rank });
  }
  for (let rank = 0; rank < claimed.length; rank++) if (claimed[rank] === 0) judgement.arrived.push(rank);
  return { ...judgement, live };
}

/** Why a listing isn't believed where it says that messages are gone. */
export type Suspicion = 'most_missing' | 'fewer_than_claimed';

/**
 * Whether a listing is suspect: it lacks more than half of a mailbox that isn't tiny, or has fewer entries than the same
 * session's STAT counts. Nothing is destroyed by it until another session's listing agrees.
 */
export function suspicion(judgement: Pick<Judgement, 'live' | 'vanished'>, listed: number, claimed: number): Suspicion | null {
  const missing = judgement.vanished.length;
  if (missing === 0) return null;
  if (judgement.live >= MAILBOX.suspectLeast && 2 * missing > judgement.live) return 'most_missing';
  return listed < claimed ? 'fewer_than_claimed' : null;
}

/** Whether nearly all known messages are gone and nearly all listed ones new, in about equal numbers. */
export function looksRenumbered({ live, vanished, arrived }: Pick<Judgement, 'live' | 'vanished' | 'arrived'>, listed: number): boolean {
  const similar = Math.abs(listed - live) <= RECOGNITION.sizeDrift * Math.max(listed, live) + 1;
  return (
    vanished.length > 0 &&
    similar &&
    vanished.length >= RECOGNITION.changedPart * live &&
    arrived.length >= RECOGNITION.changedPart * listed
  );
}

/**
 * Whether a row that a listing lacks is not in the maildrop. A listing that is suspect, cut short, or of messages that may all
 * be under other UIDLs now, doesn't show that; the next sync does.
 */
export function isConclusive(judgement: Pick<Judgement, 'live' | 'vanished' | 'arrived'>, listed: number, claimed: number): boolean {
  return listed >= claimed && suspicion(judgement, listed, claimed) === null && !looksRenumbered(judgement, listed);
}

/**
 * What of a suspect listing's missing rows is gone all the same, because listings have lacked it for `time` milliseconds; and
 * what is missed for the first time, or not for so long.
 */
export function settleMissing(vanished: readonly Vanished[], now: number, time: number): { gone: number[]; missed: number[] } {
  const gone: number[] = [];
  const missed: number[] = [];
  for (const { created, missedAt } of vanished) (missedAt !== null && now - missedAt >= time ? gone : missed).push(created);
  return { gone, missed };
}
