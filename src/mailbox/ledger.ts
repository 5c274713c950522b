/**
 * The judgement of a listing against the ledger: what came, what went, what came back. Pure: values in, values out.
 *
 * Identity is the UIDL (by keyed hash) and, where a server lists several messages under one UIDL, which of them it
 * is (its occurrence). Message numbers are a matter of one session (RFC 1939 §5, §7) and are only handed on, never kept.
 * A UIDL that the ledger remembers as gone is the same message come back: it keeps its id.
 */
import type { KnownRow } from './store/message-store.ts';

/** One message of a listing. `uidlHash` is hex; `size` null where LIST did not tell. */
export interface Listed {
  readonly number: number;
  readonly uidl: Uint8Array;
  readonly uidlHash: string;
  readonly size: number | null;
}

export interface Arrival extends Listed {
  readonly occurrence: number;
}

export interface Judgement {
  /** Messages that the ledger has never seen, by ascending message number. */
  readonly arrived: Arrival[];
  /** Places of creation of rows that were gone and are listed again. */
  readonly returned: number[];
  /** Places of creation of live rows that are not listed. */
  readonly vanished: number[];
  /** Place of creation → message number in this session, for all rows known before. */
  readonly numbers: Map<number, number>;
}

/** The key of a row: hex of the UIDL's hash, a slash, the occurrence. */
export function rowKey(uidlHash: string, occurrence: number): string {
  return `${uidlHash}/${occurrence}`;
}

/**
 * Numbers the occurrences of each UIDL in the order of the listing. A server that repeats a UIDL gives no better
 * order than its own; sorting by number first makes the outcome independent of the order of lines.
 */
export function withOccurrences(listing: readonly Listed[]): Arrival[] {
  const seen = new Map<string, number>();
  return [...listing]
    .sort((a, b) => a.number - b.number)
    .map((listed) => {
      const occurrence = seen.get(listed.uidlHash) ?? 0;
      seen.set(listed.uidlHash, occurrence + 1);
      return { ...listed, occurrence };
    });
}

/** Compares a complete listing with all rows of the ledger. Linear in both. */
export function judge(listing: readonly Listed[], known: Iterable<KnownRow>): Judgement {
  const open = new Map<string, Arrival>();
  for (const arrival of withOccurrences(listing)) open.set(rowKey(arrival.uidlHash, arrival.occurrence), arrival);
  const returned: number[] = [];
  const vanished: number[] = [];
  const numbers = new Map<number, number>();
  for (const row of known) {
    const listed = open.get(row.key);
    if (listed) {
      open.delete(row.key);
      numbers.set(row.created, listed.number);
      if (!row.live) returned.push(row.created);
    } else if (row.live) vanished.push(row.created);
  }
  return { arrived: [...open.values()], returned, vanished, numbers };
}
