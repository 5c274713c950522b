/** AES-CMAC: published examples, and many texts at once against each alone by another implementation of the standard. */
import { createCipheriv } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Cmac } from '../../src/crypto/cmac.ts';
import { CRYPTO } from '../../src/limits.ts';

const octets = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');

/** NIST's examples of CMAC with AES-256 (SP 800-38B, appendix D.3). */
const KEY = octets('603deb10 15ca71be 2b73aef0 857d7781 1f352c07 3b6108d7 2d9810a3 0914dff4');
const TEXT = octets(
  '6bc1bee2 2e409f96 e93d7e11 7393172a ae2d8a57 1e03ac9c 9eb76fac 45af8e51 30c81c46 a35ce411 e5fbc119 1a0a52ef f69f2445 df4f9b17 ad2b417b e66c3710',
);
const EXAMPLES = [
  [0, '028962f61b7bf89efc6b551f4667d983'],
  [16, '28a7023f452e8f82bd4bf28d8c37c35c'],
  [40, 'aaf3d8f1de5640c232f5b169b9c911e6'],
  [64, 'e1992190549f6ed5696a2c056c315410'],
] as const;

/** The same by CBC with a zero vector, text by text (RFC 4493 §2.4), the sub-keys by whole numbers. */
function tagOf(key: Uint8Array, text: Uint8Array): Uint8Array {
  const cbc = (input: Uint8Array) => createCipheriv('aes-256-cbc', key, new Uint8Array(16)).setAutoPadding(false).update(input);
  const doubled = (value: bigint) => ((value << 1n) & ((1n << 128n) - 1n)) ^ (value >> 127n ? 0x87n : 0n);
  const first = doubled(BigInt(`0x${hex(cbc(new Uint8Array(16)))}`));
  const whole = text.length > 0 && text.length % 16 === 0;
  const padded = whole ? Buffer.from(text) : Buffer.concat([text, Uint8Array.of(0x80), new Uint8Array(15 - (text.length % 16))]);
  const last = BigInt(`0x${hex(padded.subarray(-16))}`) ^ (whole ? first : doubled(first));
  padded.set(Buffer.from(last.toString(16).padStart(32, '0'), 'hex'), padded.length - 16);
  return cbc(padded).subarray(-16);
}

function joined(texts: readonly Uint8Array[]): { octets: Uint8Array; ends: Uint32Array } {
  let end = 0;
  return { octets: Buffer.concat(texts), ends: Uint32Array.from(texts, (text) => (end += text.length)) };
}

describe('AES-256-CMAC', () => {
  test.each(EXAMPLES)('of %d octets is as published', (length, tag) => {
    expect(hex(new Cmac(KEY).tags(joined([TEXT.subarray(0, length)])))).toBe(tag);
    expect(hex(tagOf(KEY, TEXT.subarray(0, length)))).toBe(tag);
  });

  test('the published examples side by side', () => {
    const texts = EXAMPLES.map(([length]) => TEXT.subarray(0, length));
    expect(hex(new Cmac(KEY).tags(joined(texts)))).toBe(EXAMPLES.map(([, tag]) => tag).join(''));
  });

  test('of any texts side by side is what it is of each alone', () => {
    const some = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 20 });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), some, (key, texts) => {
        expect(hex(new Cmac(key).tags(joined(texts)))).toBe(texts.map((text) => hex(tagOf(key, text))).join(''));
      }),
    );
  });

  test('of more texts than are taken at once', () => {
    const texts = Array.from({ length: CRYPTO.textsAtOnce + 3 }, (_, n) => Buffer.from(String(n).repeat((n % 5) + 1)));
    const tags = new Cmac(KEY).tags(joined(texts));
    expect(tags.length).toBe(16 * texts.length);
    for (const n of [0, 1, CRYPTO.textsAtOnce - 1, CRYPTO.textsAtOnce, CRYPTO.textsAtOnce + 2])
      expect(hex(tags.subarray(16 * n, 16 * n + 16))).toBe(hex(tagOf(KEY, texts[n] ?? Buffer.alloc(0))));
  });
});
