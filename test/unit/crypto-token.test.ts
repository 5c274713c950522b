/** Account tokens: their stored examples, their checksum, and that nothing but an issued text is read. */
import * as fc from 'fast-check';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import { equalSecrets, hashToken, newToken, parseToken } from '../../src/crypto/token.ts';
import stored from '../fixtures/crypto/token.json' with { type: 'json' };
import { fixedRandom } from '../support/fixed-random.ts';

const [example] = stored.map(({ token }) => token);

describe('stored examples', () => {
  test.each(stored)('$token', ({ firstOctet, account, token, sha256 }) => {
    expect(newToken(fixedRandom(firstOctet), account)).toBe(token);
    expect(parseToken(token)).toEqual({ account });
    expect(hashToken(token)).toBe(sha256);
  });

  test.each(stored)('the checksum of $token is the CRC-32 that zlib computes', ({ token }) => {
    const value = Array.from(token.slice(-6)).reduce(
      (sum, character) => sum * 62 + '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.indexOf(character),
      0,
    );
    expect(value).toBe(crc32(token.slice(0, -6)));
  });
});

describe('reading', () => {
  test('a new token names its account', () => {
    for (const jurisdiction of [null, 'eu', 'fedramp'] as const) {
      const account = newAccountId(platformRandom, jurisdiction);
      expect(parseToken(newToken(platformRandom, account))).toEqual({ account });
    }
  });

  test('two tokens of one account differ', () => {
    const account = newAccountId(platformRandom, null);
    expect(newToken(platformRandom, account)).not.toBe(newToken(platformRandom, account));
  });

  test('one changed character anywhere is refused', () => {
    for (let index = 0; index < example!.length; index++) {
      for (const character of ['0', 'Z', '_', '-', ' ']) {
        if (example![index] === character) continue;
        expect(parseToken(example!.slice(0, index) + character + example!.slice(index + 1))).toBeNull();
      }
    }
  });

  test('cut, lengthened and made-up texts are refused', () => {
    for (let length = 0; length < example!.length; length++) expect(parseToken(example!.slice(0, length))).toBeNull();
    for (const text of [`${example}0`, `${example}\n`, ` ${example}`, example!.toUpperCase()]) expect(parseToken(text)).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => parseToken(text) === null));
  });

  test('a well-made token for an account that is never issued is refused', () => {
    // The first character 3 names no jurisdiction; the checksum is right.
    const body = `pgt_3${'0'.repeat(21)}_${'0'.repeat(30)}`;
    let rest = crc32(body);
    let sum = '';
    for (let n = 0; n < 6; n++) {
      sum = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.charAt(rest % 62) + sum;
      rest = Math.floor(rest / 62);
    }
    expect(parseToken(body + sum)).toBeNull();
    expect(() => newToken(platformRandom, `acc_3${'0'.repeat(21)}`)).toThrow(RangeError);
  });
});

test('secrets are equal only when they are the same text, whatever their lengths', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => equalSecrets(a, b) === (Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0)));
  expect(equalSecrets('a', 'a')).toBe(true);
  expect(equalSecrets('a', 'aa')).toBe(false);
  expect(equalSecrets('', 'a')).toBe(false);
});
