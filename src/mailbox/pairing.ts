/**
 * Which listed message is which of the ledger's, where UIDLs don't tell. Pure. Headers decide, be it under another UIDL; who
 * has none is told by size, in the server's order; and whoever is left keeps its name if nothing speaks against it. Linear
 * in what is given, but for messages that have moved and changed in size at once, of which only few are looked at.
 */
import { RECOGNITION } from '../limits.ts';
import { align } from './alignment.ts';
import { Fingerprints } from './fingerprints.ts';
import { sameOctets } from './same-octets.ts';
import type { KeyedRow } from './store/key-store.ts';

/** A listed message. `print`: its fingerprint if its size were that one; null where its headers could not be read. */
export interface ListedMessage {
  readonly rank: number;
  readonly size: number | null;
  readonly occurrence: number;
  readonly print: ((size: number) => Uint8Array) | null;
}

/** All that the ledger and a listing have under one UIDL: rows in the order they had there, live ones first. */
export interface Group {
  readonly rows: readonly KeyedRow[];
  readonly listed: readonly ListedMessage[];
}

/** Row → the listed message that it is. Who is in none is gone, or new. `others`: missing rows that may have been renamed. */
export function pairUp(groups: readonly Group[], others: readonly KeyedRow[]): Map<KeyedRow, ListedMessage> {
  const pairs = new Pairs();
  for (const { rows, listed } of groups) pairByOwnKey(rows, listed, pairs);
  pairByHeaders(groups, others, pairs);
  for (const { rows, listed } of groups) {
    pairChanged(rows, listed, pairs);
    pairBySizes(rows, listed, pairs);
    pairTheRest(rows, listed, pairs);
  }
  return pairs.byRow;
}

class Pairs {
  readonly byRow = new Map<KeyedRow, ListedMessage>();
  readonly #taken = new Set<ListedMessage>();

  add(row: KeyedRow, message: ListedMessage): void {
    this.byRow.set(row, message);
    this.#taken.add(message);
  }

  /** What of a group has no partner yet. */
  left({ rows, listed }: Group): { rows: KeyedRow[]; listed: ListedMessage[] } {
    return { rows: rows.filter((row) => !this.byRow.has(row)), listed: listed.filter((message) => !this.#taken.has(message)) };
  }
}

function pairByOwnKey(rows: readonly KeyedRow[], listed: readonly ListedMessage[], pairs: Pairs): void {
  const byOccurrence = new Map(rows.map((row) => [row.occurrence, row]));
  for (const message of listed) {
    const row = byOccurrence.get(message.occurrence);
    if (row && isSame(row, message)) pairs.add(row, message);
  }
}

/** Under whatever UIDL, if it has the size that it had. */
function pairByHeaders(groups: readonly Group[], others: readonly KeyedRow[], pairs: Pairs): void {
  // The first of equal ones goes first: live before gone, and those of these UIDLs before others.
  const rows = [...groups.flatMap((group) => group.rows), ...others].filter((row) => !pairs.byRow.has(row));
  const left = new Fingerprints(rows.flatMap((row) => (row.fingerprint === null ? [] : [[row.fingerprint, row] as const])));
  for (const group of groups)
    for (const message of pairs.left(group).listed) {
      if (message.print === null || message.size === null) continue;
      const row = left.take(message.print(message.size));
      if (row) pairs.add(row, message);
    }
}

/** Moved within its group, and counted anew. */
function pairChanged(rows: readonly KeyedRow[], listed: readonly ListedMessage[], pairs: Pairs): void {
  const left = pairs.left({ rows, listed });
  const read = left.rows.filter((row) => row.fingerprint !== null);
  if (read.length * left.listed.length > RECOGNITION.comparedMost) return;
  for (const message of left.listed) {
    const row = read.find((each) => !pairs.byRow.has(each) && isSame(each, message));
    if (row) pairs.add(row, message);
  }
}

/** Those whose headers nobody has read, then or now. */
function pairBySizes(rows: readonly KeyedRow[], listed: readonly ListedMessage[], pairs: Pairs): void {
  const left = pairs.left({ rows, listed });
  const alignment = align(
    Float64Array.from(left.rows, (row) => row.size),
    Float64Array.from(left.listed, (message) => message.size ?? -1),
  );
  for (const [index, row] of left.rows.entries()) {
    const message = left.listed[alignment[index] ?? -1];
    if (message && mayBe(row, message)) pairs.add(row, message);
  }
}

/** A name that stands where it stood names what it named; and so do all, where all were counted anew. */
function pairTheRest(rows: readonly KeyedRow[], listed: readonly ListedMessage[], pairs: Pairs): void {
  const left = pairs.left({ rows, listed });
  const live = left.rows.filter((row) => row.live === 1);
  const countedAnew = left.listed.length === listed.length && live.length === listed.length;
  const byOccurrence = new Map(left.rows.map((row) => [row.occurrence, row]));
  for (const [index, message] of left.listed.entries()) {
    const own = byOccurrence.get(message.occurrence);
    const row = countedAnew ? live[index] : own?.live === 1 || rows.length === 1 ? own : undefined;
    if (row && mayBe(row, message)) pairs.add(row, message);
  }
}

function isSame(row: KeyedRow, { print, size }: ListedMessage): boolean {
  const { fingerprint } = row;
  if (fingerprint === null || print === null) return false;
  return [row.size, size].some((each) => each !== null && sameOctets(print(each), fingerprint));
}

/** Whether nothing is known that tells them apart. */
function mayBe(row: KeyedRow, message: ListedMessage): boolean {
  return row.fingerprint === null || message.print === null;
}
