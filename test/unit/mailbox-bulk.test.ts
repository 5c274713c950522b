/** What costs little however much a server sends: listings, judgements and pairings of a hundred thousand messages. */
import { describe, expect, test } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import { judge, type Judgement, settleMissing, suspicion } from '../../src/mailbox/ledger.ts';
import { ListingTable } from '../../src/mailbox/listing-table.ts';
import { type ListedMessage, pairUp } from '../../src/mailbox/pairing.ts';
import type { KeyedRow } from '../../src/mailbox/store/key-store.ts';
import type { KnownRow } from '../../src/mailbox/store/message-store.ts';

const COUNT = 100_000;
const NAME = new TextEncoder().encode('name');
/** The UIDL that all have, where they have one. */
const SAME = 7;
/** Linear work takes a fraction of a second; quadratic work would take hours. */
const HANG = { timeout: 60_000 };

/** Sixteen octets, of each number others. */
function hashOf(n: number): Uint8Array {
  const hash = new Uint8Array(16);
  const view = new DataView(hash.buffer);
  for (let word = 0; word < 4; word++) view.setUint32(4 * word, Math.imul(n + 1, 0x9e3779b1 + 2 * word));
  return hash;
}

function listing(uidlOf: (n: number) => number, sizeOf: (n: number) => number = () => 100, numberOf = (n: number) => n + 1): ListingTable {
  const table = new ListingTable();
  for (let n = 0; n < COUNT; n++) table.add(numberOf(n), NAME);
  table.seal(Buffer.concat(Array.from({ length: COUNT }, (_, n) => hashOf(uidlOf(n)))));
  for (let n = 0; n < COUNT; n++) table.setSize(numberOf(n), sizeOf(n));
  return table;
}

function known(uidlOf: (n: number) => number, occurrenceOf: (n: number) => number = () => 0): KnownRow[] {
  return Array.from({ length: COUNT }, (_, n) => ({
    created: n + 1,
    uidl_hash: hashOf(uidlOf(n)),
    occurrence: occurrenceOf(n),
    live: 1,
    size: 100,
    missed_at: null,
  }));
}

function judged(table: ListingTable, rows: readonly KnownRow[]): Judgement {
  return judge(table, rows, () => undefined);
}

describe('a hundred thousand messages', HANG, () => {
  test('under one UIDL are told apart by their occurrences', () => {
    const table = listing(() => SAME);
    expect([table.count, table.occurrenceAt(COUNT - 1), table.find(hashOf(SAME), COUNT - 1)]).toEqual([COUNT, COUNT - 1, COUNT - 1]);
    const same = known(
      () => SAME,
      (n) => n,
    );
    const { arrived, vanished, resized } = judged(table, same);
    expect([arrived.length, vanished.length, resized.length]).toEqual([0, 0, 0]);
  });

  test('in the order of their numbers backwards, and each number twice', () => {
    const table = listing(
      (n) => n,
      () => 100,
      (n) => COUNT - Math.floor(n / 2),
    );
    expect([table.count, table.numberAt(0), table.numberAt(COUNT / 2 - 1)]).toEqual([COUNT / 2, COUNT / 2 + 1, COUNT]);
  });

  test('that are all gone, all new, and all of other sizes', () => {
    const gone = judged(
      listing((n) => COUNT + n),
      known((n) => n),
    );
    expect([gone.vanished.length, gone.arrived.length, suspicion(gone, COUNT, COUNT)]).toEqual([COUNT, COUNT, 'most_missing']);
    expect(settleMissing(gone.vanished, 0, MAILBOX.suspectTime).missed).toHaveLength(COUNT);
    const resized = judged(
      listing(
        (n) => n,
        (n) => 200 + n,
      ),
      known((n) => n),
    );
    expect(resized.resized).toHaveLength(COUNT);
  });

  test.each<[string, (n: number) => number, (n: number) => number, boolean]>([
    ['of which the first is gone', (n) => n, (n) => n + 1, false],
    ['of one size, of which some are gone', () => 7, () => 7, false],
    ['all counted anew', (n) => n, (n) => 10 * COUNT + n, false],
    ['with headers, none of which fits', (n) => n, (n) => n + 1, true],
  ])('under one UIDL, %s, find their rows', (_, was, is, read) => {
    const fingerprint = read ? hashOf(1) : null;
    const rows = Array.from({ length: COUNT }, (__, n): KeyedRow => {
      const key = { uidl_hash: new Uint8Array(16), occurrence: n, live: 1, shared: 1 } as const;
      return { ...key, created: n + 1, id: `${n}`, size: was(n), fingerprint };
    });
    const print = read ? () => hashOf(2) : null;
    const listed = Array.from({ length: COUNT - 1 }, (__, n): ListedMessage => ({ rank: n, size: is(n), occurrence: n, print }));
    const pairs = pairUp([{ rows, listed }], []);
    expect(pairs.size).toBe(read ? 0 : COUNT - 1);
    expect(new Set([...pairs.values()].map(({ rank }) => rank)).size).toBe(pairs.size);
  });

  test('each under a doubtful UIDL of its own, find their rows', () => {
    const prints = Array.from({ length: COUNT }, (_, n) => hashOf(n));
    const groups = Array.from({ length: COUNT - 1 }, (_, n) => {
      const key = { uidl_hash: new Uint8Array(16), occurrence: 0, live: 1, shared: 0 } as const;
      const row: KeyedRow = { ...key, created: n + 1, id: `${n}`, size: 100, fingerprint: prints[n] ?? null };
      const listed: ListedMessage = { rank: n, size: 100, occurrence: 0, print: () => prints[n + 1] ?? new Uint8Array(16) };
      return { rows: [row], listed: [listed] };
    });
    const pairs = pairUp(groups, []);
    expect(pairs.size).toBe(COUNT - 2);
    expect([...pairs].every(([row, { rank }]) => row.created === rank + 2)).toBe(true);
  });
});
