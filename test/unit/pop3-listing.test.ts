/** Listings and their single-line forms, at every cut and with what servers really send. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { POP3 } from '../../src/limits.ts';
import { uidl } from '../../src/pop3/command.ts';
import { parseDropListing, readSizes, readUidls, sizeIn, uidlOf } from '../../src/pop3/listing.ts';

const octets = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const latin1 = (all: Uint8Array): string => Buffer.from(all).toString('latin1');

/** Chunks as a channel gives them: each is overwritten once the next is asked for. */
async function* body(chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    const lent = octets(chunk);
    yield lent;
    lent.fill(0x58);
  }
}

async function* endless(lines: string): AsyncGenerator<Uint8Array> {
  const chunk = octets(lines);
  for (;;) yield chunk;
}

/** The answer `line` to `UIDL 12`. */
const answer = (line: string) => ({ octets: octets(line), command: uidl(12) });
const drop = (line: string) => parseDropListing({ octets: octets(line) });

async function uidls(...chunks: string[]): Promise<[number, string][]> {
  const entries: { number: number; uidl: Uint8Array }[] = [];
  for await (const batch of readUidls(body(chunks))) entries.push(...batch);
  return entries.map((entry) => [entry.number, latin1(entry.uidl)]);
}

async function sizes(...chunks: string[]): Promise<[number, number][]> {
  const entries: [number, number][] = [];
  for await (const batch of readSizes(body(chunks))) for (const { number, size } of batch) entries.push([number, size]);
  return entries;
}

const protocol = { failure: { kind: 'protocol' } };

describe('a UIDL listing', () => {
  const listing = '1 whqtswO00WBw418f9t5JxYwZ\r\n\r\n3   a b\xff/\r\n+OK 2 x\r\n7\r\n8 \r\n9 trailing \r\n 10 y\r\n12 bare\nLF\r\n';
  const entries = [
    [1, 'whqtswO00WBw418f9t5JxYwZ'],
    [3, 'a b\xff/'],
    [2, 'x'],
    [7, ''],
    [8, ''],
    [9, 'trailing '],
    [10, 'y'],
    [12, 'bare\nLF'],
  ];

  test('is read at every cut', async () => {
    expect(await uidls(listing)).toEqual(entries);
    expect(await uidls(...listing)).toEqual(entries);
    for (let at = 1; at < listing.length; at++) expect(await uidls(listing.slice(0, at), listing.slice(at))).toEqual(entries);
  });

  test('carries any octets but CRLF as unique-ids, at random cuts', async () => {
    const id = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 80 });
    const usable = id.filter((text) => !text.includes('\r\n') && !text.startsWith(' ') && !text.endsWith('\r'));
    await fc.assert(
      fc.asyncProperty(fc.array(usable, { maxLength: 8 }), fc.nat(200), fc.nat(200), async (ids, a, b) => {
        const wire = ids.map((text, index) => `${index + 1} ${text}\r\n`).join('');
        const [first, second] = [Math.min(a, b), Math.max(a, b)];
        const chunks = [wire.slice(0, first), wire.slice(first, second), wire.slice(second)].filter((chunk) => chunk !== '');
        expect(await uidls(...chunks)).toEqual(ids.map((text, index) => [index + 1, text]));
      }),
    );
  });

  test('may be empty', async () => {
    expect(await uidls()).toEqual([]);
    expect(await uidls('\r\n')).toEqual([]);
  });

  test('gives equal numbers in their order, for the last to win', async () => {
    expect(await uidls('1 a\r\n1 b\r\n')).toEqual([
      [1, 'a'],
      [1, 'b'],
    ]);
  });

  test.each(['0 a\r\n', '-1 a\r\n', 'x a\r\n', '1a b\r\n', '9999999999999999 a\r\n', '<html>\r\n', '+OK\r\n'])(
    'without message numbers is refused: %j',
    async (wire) => {
      await expect(uidls(wire)).rejects.toMatchObject(protocol);
    },
  );

  test('is bounded in the length of an id', async () => {
    const longest = 'u'.repeat(POP3.uidl);
    expect(await uidls(`1 ${longest}\r\n`)).toEqual([[1, longest]]);
    await expect(uidls(`1 ${longest}u\r\n`)).rejects.toMatchObject(protocol);
    await expect(uidls(`1 ${'u'.repeat(100_000)}`)).rejects.toMatchObject(protocol);
    await expect(uidls(...Array.from({ length: 100 }, () => 'u'.repeat(100)))).rejects.toMatchObject(protocol);
    await expect(uidls(`1${' '.repeat(5_000)}u\r\n`)).rejects.toMatchObject(protocol);
  });

  test('is bounded in octets', async () => {
    const lines = `1 ${'u'.repeat(1_000)}\r\n`.repeat(1_000);
    let count = 0;
    const reading = async (): Promise<void> => {
      for await (const batch of readUidls(endless(lines))) count += batch.length;
    };
    await expect(reading()).rejects.toMatchObject(protocol);
    expect(count).toBeLessThanOrEqual(POP3.listingOctets / 1_000);
  });

  test('of 100,000 entries is read whole', async () => {
    const wire = Array.from({ length: 100_000 }, (_, index) => `${index + 1} ${index.toString(36).padStart(16, '0')}\r\n`).join('');
    const chunks = Array.from({ length: Math.ceil(wire.length / 4_096) }, (_, index) => wire.slice(index * 4_096, (index + 1) * 4_096));
    const all = await uidls(...chunks);
    expect(all).toHaveLength(100_000);
    expect(all[99_999]).toEqual([100_000, (99_999).toString(36).padStart(16, '0')]);
  });
});

describe('a LIST listing', () => {
  test('is read at every cut', async () => {
    const listing = '1 120\r\n2   200 extra words\r\n+OK 3 5\r\n';
    const entries = [
      [1, 120],
      [2, 200],
      [3, 5],
    ];
    expect(await sizes(...listing)).toEqual(entries);
    for (let at = 0; at < listing.length; at++) expect(await sizes(listing.slice(0, at), listing.slice(at))).toEqual(entries);
  });

  test('takes odd sizes for hints', async () => {
    expect(await sizes('1 -5\r\n2 12k\r\n3\r\n4 99999999999\r\n5 99999999999999999999\r\n')).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 99_999_999_999],
      [5, 0],
    ]);
  });

  test('is bounded in entries', async () => {
    let count = 0;
    const reading = async (): Promise<void> => {
      for await (const batch of readSizes(endless('1 1\r\n'.repeat(50_000)))) count += batch.length;
    };
    await expect(reading()).rejects.toMatchObject(protocol);
    expect(count).toBeLessThanOrEqual(POP3.listingEntries);
  });
});

describe('single-line answers', () => {
  test('name a unique-id, with the number or without', () => {
    expect(
      ['+OK 12 abc', '+OK abc', '+OK  12   a b\xff ', '+OK 12', '+OK 5 abc', '+OK', '+OK 12abc'].map((line) =>
        latin1(uidlOf(answer(line))),
      ),
    ).toEqual(['abc', 'abc', 'a b\xff ', '', '5 abc', '', '12abc']);
  });

  test('name a size', () => {
    expect(['+OK 12 340', '+OK 340', '+OK 12 -1', '+OK 12'].map((line) => sizeIn(answer(line)))).toEqual([340, 340, 0, 0]);
  });

  test('name count and octets of the maildrop', () => {
    expect(drop('+OK 2 320')).toEqual({ count: 2, octets: 320 });
    expect(drop('+OK 0 0 and so on')).toEqual({ count: 0, octets: 0 });
    expect(drop('+OK 3 -320')).toEqual({ count: 3, octets: 0 });
    expect(drop('+OK 3')).toEqual({ count: 3, octets: 0 });
    for (const line of ['+OK', '+OK none', '+OK -1 5']) expect(() => drop(line)).toThrow(/no number of messages/);
  });
});
