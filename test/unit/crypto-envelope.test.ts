/** The sealed format: its stored examples, opened by another implementation too, and everything that must not open. */
import * as fc from 'fast-check';
import { createDecipheriv } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EnvelopeError, importKey, kidOf, open, seal, type Place } from '../../src/crypto/envelope.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import stored from '../fixtures/crypto/envelope.json' with { type: 'json' };
import { fixedRandom } from '../support/fixed-random.ts';

const octets = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');
const key = await importKey(octets(stored.key));
const place: Place = { account: 'acc_a', row: 1, field: 'summary' };
const secret = Uint8Array.from(new TextEncoder().encode('the secret content'));
const box = await seal(key, 'k1', secret, place, platformRandom);

async function kindOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EnvelopeError);
  expect((error as Error).message).not.toContain('secret');
  return (error as EnvelopeError).failure.kind;
}

describe.each(stored.boxes)('stored example under $kid, row $place.row', ({ kid, plain, place: where, firstOctet, envelope }) => {
  test('is what sealing gives', async () => {
    expect(hex(await seal(key, kid, octets(plain), where, fixedRandom(firstOctet)))).toBe(envelope);
  });

  test('opens', async () => {
    expect(hex(await open(() => key, octets(envelope), where))).toBe(plain);
    expect(kidOf(octets(envelope))).toBe(kid);
  });

  test('opens by the description of the format, with another implementation', () => {
    const whole = octets(envelope);
    const header = 2 + kid.length;
    const decipher = createDecipheriv('aes-256-gcm', octets(stored.key), whole.subarray(header, header + 12));
    decipher.setAAD(Buffer.from(JSON.stringify([1, kid, where.account, where.row, where.field])));
    decipher.setAuthTag(whole.subarray(-16));
    expect(Buffer.concat([decipher.update(whole.subarray(header + 12, -16)), decipher.final()]).toString('hex')).toBe(plain);
  });
});

describe('what is sealed', () => {
  test('comes back whole, of any length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), fc.string(), fc.oneof(fc.string(), fc.integer()), async (plain, field, row) => {
        const there = { account: 'acc_a', row, field };
        const sealed = await seal(key, 'k1', Uint8Array.from(plain), there, platformRandom);
        expect(sealed).toHaveLength(plain.length + 30 + 2);
        expect(hex(await open(() => key, sealed, there))).toBe(hex(plain));
      }),
    );
  });

  test('never looks the same twice', async () => {
    expect(hex(await seal(key, 'k1', secret, place, platformRandom))).not.toBe(hex(box));
  });

  test('opens where the box is a view into something larger', async () => {
    const larger = new Uint8Array(box.length + 20);
    larger.set(box, 7);
    expect(await open(() => key, larger.subarray(7, 7 + box.length), place)).toEqual(secret);
  });
});

describe('damaged', () => {
  test('any flipped bit behind the header', async () => {
    for (let index = 4; index < box.length; index++) {
      const altered = Uint8Array.from(box);
      altered[index]! ^= 1 << (index % 8);
      expect(await kindOf(open(() => key, altered, place))).toBe('damaged');
    }
  });

  test.each<[string, Place]>([
    ['another account', { ...place, account: 'acc_b' }],
    ['another row', { ...place, row: 2 }],
    ['a row of another type', { ...place, row: '1' }],
    ['another field', { ...place, field: 'settings' }],
  ])('moved to %s', async (_, elsewhere) => expect(await kindOf(open(() => key, box, elsewhere))).toBe('damaged'));

  test('places whose parts run together are different places', async () => {
    const sealed = await seal(key, 'k1', secret, { account: 'a', row: 'b","c', field: 'd' }, platformRandom);
    expect(await kindOf(open(() => key, sealed, { account: 'a', row: 'b', field: 'c","d' }))).toBe('damaged');
  });

  test('sealed under another key of the same name', async () => {
    const other = await importKey(new Uint8Array(32));
    expect(await kindOf(open(() => other, box, place))).toBe('damaged');
  });

  test('a renamed key', async () => {
    const renamed = Uint8Array.from(box);
    renamed[3] = '2'.charCodeAt(0);
    expect(await kindOf(open(() => key, renamed, place))).toBe('damaged');
  });
});

test('a key that is not at hand is unknown_key', async () => {
  const asked: string[] = [];
  const none = (kid: string) => {
    asked.push(kid);
    return null;
  };
  expect(await kindOf(open(none, box, place))).toBe('unknown_key');
  expect(asked).toEqual(['k1']);
});

describe('malformed', () => {
  test('every cut of the shortest box', async () => {
    const shortest = await seal(key, 'k1', new Uint8Array(0), place, platformRandom);
    for (let length = 0; length < shortest.length; length++)
      expect(await kindOf(open(() => key, shortest.subarray(0, length), place))).toBe('malformed');
  });

  test('another version, an impossible name of a key', async () => {
    for (const [index, octet] of [
      [0, 0],
      [0, 2],
      [1, 0],
      [1, 33],
      [1, 255],
      [2, 0x20],
      [2, 0xff],
    ] as const) {
      const altered = Uint8Array.from(box);
      altered[index] = octet;
      expect(await kindOf(open(() => key, altered, place))).toBe('malformed');
    }
  });

  test('arbitrary octets never end in anything but an EnvelopeError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (noise) => {
        expect(['damaged', 'malformed']).toContain(await kindOf(open(() => key, Uint8Array.from(noise), place)));
      }),
    );
  });
});

test('sealing refuses what could not be opened again', async () => {
  await expect(seal(key, '', secret, place, platformRandom)).rejects.toThrow(RangeError);
  await expect(seal(key, 'a'.repeat(33), secret, place, platformRandom)).rejects.toThrow(RangeError);
  await expect(seal(key, 'k1', secret, { ...place, row: NaN }, platformRandom)).rejects.toThrow(RangeError);
  await expect(seal(key, 'k1', secret, place, () => new Uint8Array(4))).rejects.toThrow(RangeError);
});
