/** Ids: their stored examples, their predicates, and that they are drawn fairly. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base62Number, base62Value, randomBase62 } from '../../src/crypto/base62.ts';
import {
  ID_GROUPS,
  isAccountId,
  isTokenId,
  jurisdictionOf,
  newAccountId,
  newMessageIds,
  newTokenId,
  type Jurisdiction,
} from '../../src/crypto/ids.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import stored from '../fixtures/crypto/ids.json' with { type: 'json' };
import { fixedRandom } from '../support/fixed-random.ts';

/** Whether a text is 16 octets in base64url, and the one spelling of them. */
function isCanonical(id: string): boolean {
  const octets = Buffer.from(id, 'base64url');
  return octets.length === 16 && octets.toString('base64url') === id;
}

describe('stored examples', () => {
  test.each(stored.accounts)('account $id', ({ firstOctet, jurisdiction, id }) => {
    expect(newAccountId(fixedRandom(firstOctet), jurisdiction as Jurisdiction)).toBe(id);
    expect(jurisdictionOf(id)).toBe(jurisdiction);
  });
  test.each(stored.tokens)('token $id', ({ firstOctet, id }) => expect(newTokenId(fixedRandom(firstOctet))).toBe(id));
  test.each(stored.messages)('message $id', ({ firstOctet, id }) => expect(newMessageIds(fixedRandom(firstOctet), 1)[0]).toBe(id));
});

describe('account ids', () => {
  test('every first character names a jurisdiction or is never issued', () => {
    const meanings = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'].map((first, value) => {
      const id = `acc_${first}${'0'.repeat(21)}`;
      expect(isAccountId(id)).toBe(value % 8 < 3);
      return jurisdictionOf(id);
    });
    expect(meanings.slice(0, 9)).toEqual([null, 'eu', 'fedramp', undefined, undefined, undefined, undefined, undefined, null]);
  });

  test.each([null, 'eu', 'fedramp'] as const)('a new one in %s is well-formed and tells its jurisdiction', (jurisdiction) => {
    const firsts = new Set<string>();
    for (let n = 0; n < 500; n++) {
      const id = newAccountId(platformRandom, jurisdiction);
      expect(id).toMatch(/^acc_[0-9A-Za-z]{22}$/);
      expect(jurisdictionOf(id)).toBe(jurisdiction);
      firsts.add(id.charAt(4));
    }
    expect(firsts.size).toBe(8);
  });

  test('a jurisdiction that does not exist is refused', () => {
    expect(() => newAccountId(platformRandom, 'moon' as Jurisdiction)).toThrow(RangeError);
  });

  test.each([
    '',
    'acc_',
    `acc_${'0'.repeat(21)}`,
    `acc_${'0'.repeat(23)}`,
    `tok_${'0'.repeat(22)}`,
    `acc_${'0'.repeat(21)}-`,
    `acc_${'0'.repeat(22)}\n`,
  ])('%j is none', (text) => {
    expect(isAccountId(text)).toBe(false);
    expect(jurisdictionOf(text)).toBeUndefined();
  });
});

describe('predicates accept what is issued and nothing near it', () => {
  test('token ids', () => {
    expect(isTokenId(newTokenId(platformRandom))).toBe(true);
    for (const text of ['', `tok_${'a'.repeat(21)}`, `tok_${'a'.repeat(23)}`, `acc_${'a'.repeat(22)}`, `tok_${'a'.repeat(21)}_`])
      expect(isTokenId(text)).toBe(false);
  });

  test('many message ids are each what its own octets make', () => {
    const drawn = Uint8Array.from({ length: 16 * 100 }, (_, at) => at * 7);
    const alone = Array.from({ length: 100 }, (_, n) => newMessageIds(() => drawn.slice(16 * n, 16 * n + 16), 1)[0]);
    expect(newMessageIds((count) => drawn.slice(0, count), 100)).toEqual(alone);
  });
  test('message ids of a group begin alike and are as random as ever behind it', () => {
    const ids = Array.from({ length: ID_GROUPS }, (_, group) => newMessageIds(platformRandom, 50, group));
    const beginnings = ids.map((some) => [...new Set(some.map((id) => id.charAt(0)))]);
    expect(beginnings.every((some) => some.length === 1)).toBe(true);
    expect(new Set(beginnings.flat()).size).toBe(ID_GROUPS);
    expect(ids.flat().every(isCanonical)).toBe(true);
    const drawn = Uint8Array.from({ length: 16 }, (_, at) => 255 - at);
    const [chance = '', grouped = ''] = [newMessageIds(() => drawn, 1)[0], newMessageIds(() => drawn, 1, 5)[0]];
    expect(grouped).toBe(`F${chance.slice(1)}`);
  });
  test('message ids are the canonical base64url of 16 octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (octets) => {
        const [id = ''] = newMessageIds(() => Uint8Array.from(octets), 1);
        expect(isCanonical(id)).toBe(true);
        expect([...Buffer.from(id, 'base64url')]).toEqual([...octets]);
      }),
    );
  });
});

describe('base62', () => {
  test('drawing skips the octets that would favour some characters', () => {
    const octets = [248, 0, 255, 61, 62, 247];
    const random = (count: number) => Uint8Array.from(octets.splice(0, count));
    expect(randomBase62(random, 4)).toBe('0z0z');
  });

  test('each fair octet stands for each character exactly four times', () => {
    const counts = new Map<string, number>();
    for (let octet = 0; octet < 248; octet++) {
      const character = randomBase62(() => Uint8Array.of(octet), 1);
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(counts.size).toBe(62);
    expect(new Set(counts.values())).toEqual(new Set([4]));
  });

  test('a broken source of randomness ends in an error and not in a loop', () => {
    expect(() => randomBase62((count) => new Uint8Array(count).fill(255), 22)).toThrow('random source');
    expect(() => randomBase62(() => new Uint8Array(0), 22)).toThrow('random source');
  });

  test('numbers are written most significant first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
        const text = base62Number(value, 6);
        expect(text).toHaveLength(6);
        expect([...text].reduce((sum, character) => sum * 62 + base62Value(character), 0)).toBe(value);
      }),
    );
    expect(() => base62Number(62 ** 2, 2)).toThrow(RangeError);
  });
});
