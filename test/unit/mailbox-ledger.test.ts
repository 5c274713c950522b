/** A listing judged against the ledger, alone: what has come, gone and come back, and what is not believed at once. */
import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { MAILBOX } from '../../src/limits.ts';
import { judge, type Judgement, settleMissing, suspicion } from '../../src/mailbox/ledger.ts';
import { ListingTable } from '../../src/mailbox/listing-table.ts';
import { createHash } from 'node:crypto';

/** A UIDL's hash; equal for equal texts. */
const hashOf = (uidl: string): Uint8Array => new Uint8Array(createHash('md5').update(uidl).digest());

function listing(...entries: [number, string, number?][]): ListingTable {
  const table = new ListingTable();
  for (const [number, uidl] of entries) table.add(number, new TextEncoder().encode(uidl));
  table.seal(Buffer.concat(entries.map(([, uidl]) => hashOf(uidl))));
  for (const [number, , size = 100] of entries) table.setSize(number, size);
  return table;
}

interface Known {
  live?: 0 | 1;
  occurrence?: number;
  missed_at?: number | null;
}

function known(created: number, uidl: string, { live = 1, occurrence = 0, missed_at = null }: Known = {}) {
  return { created, uidl_hash: hashOf(uidl), occurrence, live, size: 100, missed_at };
}

function judged(table: ListingTable, rows: ReturnType<typeof known>[]): Judgement & { numbers: Map<number, number> } {
  const numbers = new Map<number, number>();
  return { ...judge(table, rows, (created, rank) => numbers.set(created, table.numberAt(rank))), numbers };
}

const texts = (table: ListingTable, ranks: readonly number[]): string[] =>
  ranks.map((rank) => new TextDecoder().decode(table.uidlAt(rank)));

describe('judging a listing against the ledger', () => {
  it('takes what it has never seen as arrived, in the order of message numbers', () => {
    const table = listing([3, 'c'], [1, 'a'], [2, 'b']);
    expect(texts(table, judged(table, []).arrived)).toEqual(['a', 'b', 'c']);
  });

  it('finds live rows that are not listed vanished, and nothing else', () => {
    const rows = [known(1, 'a'), known(2, 'b', { missed_at: 7 }), known(3, 'c', { live: 0 })];
    const { arrived, vanished, returned, live } = judged(listing([1, 'a']), rows);
    expect({ arrived, vanished, returned, live }).toEqual({ arrived: [], vanished: [{ created: 2, missedAt: 7 }], returned: [], live: 2 });
  });

  it('takes a UIDL that was gone and is listed again as returned, never as arrived', () => {
    const { arrived, returned } = judged(listing([1, 'a']), [known(7, 'a', { live: 0 })]);
    expect({ arrived, returned }).toEqual({ arrived: [], returned: [7] });
  });

  it('tells which rows are listed again after a listing that lacked them, and which have another size', () => {
    const { reappeared, resized } = judged(listing([1, 'a', 100], [2, 'b', 101]), [known(1, 'a', { missed_at: 5 }), known(2, 'b')]);
    expect({ reappeared, resized }).toEqual({ reappeared: [1], resized: [{ created: 2, rank: 1 }] });
  });

  it('keeps several messages under one UIDL apart by their occurrence', () => {
    const table = listing([1, 'x'], [2, 'x'], [3, 'y']);
    const { arrived, numbers } = judged(table, [known(1, 'x')]);
    expect(arrived.map((rank) => [table.numberAt(rank), table.occurrenceAt(rank)])).toEqual([
      [2, 1],
      [3, 0],
    ]);
    expect(numbers).toEqual(new Map([[1, 1]]));
  });

  it('lets the last of two entries with one number stand', () => {
    const table = listing([2, 'b'], [1, 'a'], [2, 'c']);
    expect(texts(table, judged(table, []).arrived)).toEqual(['a', 'c']);
  });

  it('accounts for every listed message and every live row exactly once', () => {
    const uidl = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    fc.assert(
      fc.property(fc.array(uidl, { maxLength: 12 }), fc.array(fc.tuple(uidl, fc.boolean()), { maxLength: 12 }), (names, rows) => {
        const occurrences = new Map<string, number>();
        const ledger = rows.map(([name, live], index) => {
          const occurrence = occurrences.get(name) ?? 0;
          occurrences.set(name, occurrence + 1);
          return known(index + 1, name, { live: live ? 1 : 0, occurrence });
        });
        const table = listing(...names.map((name, index): [number, string] => [index + 1, name]));
        const { arrived, returned, vanished, numbers } = judged(table, ledger);
        expect(arrived.length + numbers.size).toBe(names.length);
        const live = ledger.filter((row) => row.live).map((row) => row.created);
        const listed = live.filter((created) => numbers.has(created));
        expect(listed.length + vanished.length).toBe(live.length);
        expect(returned.every((created) => ledger[created - 1]?.live === 0 && numbers.has(created))).toBe(true);
      }),
    );
  });
});

describe('a listing that lacks messages', () => {
  const missing = (count: number, missedAt: number | null = null) =>
    Array.from({ length: count }, (_, n) => ({ created: n + 1, missedAt }));

  it.each([
    ['more than half of twenty', 20, 11, 9, 9, 'most_missing'],
    ['half of twenty', 20, 10, 10, 10, null],
    ['all of nineteen', 19, 19, 0, 0, null],
    ['all of twenty', 20, 20, 0, 0, 'most_missing'],
    ['one, while STAT counts it', 5, 1, 4, 5, 'fewer_than_claimed'],
    ['none, while STAT counts more', 5, 0, 5, 6, null],
  ])('is suspect or not: %s', (_, live, gone, listed, claimed, reason) => {
    expect(suspicion({ live, vanished: missing(gone) }, listed, claimed)).toBe(reason);
  });

  it('is believed for what an earlier listing lacked half a minute before', () => {
    const vanished = [...missing(1, 1_000), { created: 2, missedAt: 1_001 }, { created: 3, missedAt: null }];
    expect(settleMissing(vanished, 31_000, MAILBOX.suspectTime)).toEqual({ gone: [1], missed: [2, 3] });
  });
});

describe('a listing in columns', () => {
  it('holds many entries under one UIDL, and finds each', () => {
    const table = new ListingTable();
    const octets = new TextEncoder().encode('same');
    for (let number = 20_000; number > 0; number--) table.add(number, octets);
    table.seal(Buffer.concat(Array.from({ length: 20_000 }, () => hashOf('same'))));
    for (const occurrence of [0, 1, 9_999, 19_999]) expect(table.numberAt(table.find(hashOf('same'), occurrence))).toBe(occurrence + 1);
    expect(table.find(hashOf('same'), 20_000)).toBe(-1);
  });

  it('gives back numbers, UIDLs, hashes and sizes as they came, whatever the order and the gaps', () => {
    const entry = fc.tuple(fc.integer({ min: 1, max: 1e15 }), fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 0, max: 1e15 }));
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ([number]) => number, maxLength: 60 }), (entries) => {
        const table = new ListingTable();
        for (const [number, uidl] of entries) table.add(number, uidl);
        table.seal(Buffer.concat(entries.map(([, uidl]) => hashOf(Buffer.from(uidl).toString('hex')))));
        for (const [number, , size] of entries) table.setSize(number, size);
        const sorted = [...entries].sort(([a], [b]) => a - b);
        expect(table.count).toBe(entries.length);
        for (const [rank, [number, uidl, size]] of sorted.entries()) {
          expect([table.numberAt(rank), table.sizeAt(rank), table.rankOf(number)]).toEqual([number, size, rank]);
          expect(table.uidlAt(rank)).toEqual(uidl);
          expect(table.hashAt(rank)).toEqual(hashOf(Buffer.from(uidl).toString('hex')));
          expect(table.find(table.hashAt(rank), table.occurrenceAt(rank))).toBe(rank);
        }
      }),
    );
  });
});
