/** Vaults: their stored example, recomputed by hand, the life of a data key, and what keeps purposes apart. */
import { createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Cmac } from '../../src/crypto/cmac.ts';
import { EnvelopeError, importKey, open } from '../../src/crypto/envelope.ts';
import { type Keyring, parseMasterKeys } from '../../src/crypto/keyring.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import { needsRewrap, rewrap, Vault } from '../../src/crypto/vault.ts';
import stored from '../fixtures/crypto/vault.json' with { type: 'json' };
import { fixedRandom } from '../support/fixed-random.ts';

const octets = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');

function ring(text: string): Keyring {
  const parsed = parseMasterKeys(text);
  if (!parsed.ok) throw new Error(parsed.problems.join(' '));
  return parsed.keyring;
}

const kindOf = (work: Promise<unknown>) =>
  work.then(
    () => 'opened',
    (error: unknown) => (error instanceof EnvelopeError ? error.failure.kind : String(error)),
  );

const keyring = ring(stored.masterKeys);
const newKeyring = ring(stored.newKeys);
const derive = (info: string) => new Uint8Array(hkdfSync('sha256', octets(stored.dataKey), '', info, 32));
const { vault, wrapped } = await Vault.create(keyring, stored.owner, fixedRandom());

describe('stored example', () => {
  test('the wrapped data key', async () => {
    expect(hex(wrapped)).toBe(stored.wrapped);
    const key = await keyring.key('m1');
    expect(hex(await open(() => key, octets(stored.wrapped), { account: stored.owner, row: 'key', field: 'data' }))).toBe(stored.dataKey);
  });

  test('a box, under the sub-key that HKDF gives', async () => {
    const { box } = stored;
    const opened = await Vault.open(keyring, stored.owner, octets(stored.wrapped), fixedRandom(box.firstOctet));
    expect(hex(await opened.seal(octets(box.octets), box.row, box.field))).toBe(box.envelope);
    expect(hex(await opened.open(octets(box.envelope), box.row, box.field))).toBe(box.octets);
    const subKey = await importKey(derive('popgate box'));
    expect(
      hex(await open((kid) => (kid === 'd1' ? subKey : null), octets(box.envelope), { account: stored.owner, row: 7, field: 'octets' })),
    ).toBe(box.octets);
  });

  test.each(stored.macs)('the MAC under $label', ({ label, octets: input, mac }) => {
    expect(hex(vault.mac(label, octets(input)))).toBe(mac);
    expect(
      createHmac('sha256', derive(`popgate mac ${label}`))
        .update(octets(input))
        .digest('hex')
        .slice(0, 32),
    ).toBe(mac);
  });

  test.each(stored.hashes)('the hash under $label', ({ label, octets: input, hash }) => {
    expect(hex(vault.hash(label, octets(input)))).toBe(hash);
    expect(
      createHmac('sha256', derive(`popgate hash ${label}`))
        .update(octets(input))
        .digest('hex')
        .slice(0, 32),
    ).toBe(hash);
  });

  test.each(stored.hashesOfMany)('the hash under $label of one among many', ({ label, octets: input, hash }) => {
    const texts = { octets: octets(`ff${input}ffff`), ends: Uint32Array.of(1, 1 + input.length / 2, 3 + input.length / 2) };
    expect(hex(vault.hashes(label, texts)).slice(32, 64)).toBe(hash);
    const alone = { octets: octets(input), ends: Uint32Array.of(input.length / 2) };
    expect(hex(new Cmac(derive(`popgate hashes ${label}`)).tags(alone))).toBe(hash);
  });

  test('wrapping anew keeps the data key', async () => {
    expect(needsRewrap(octets(stored.wrapped), newKeyring)).toBe(true);
    expect(hex(await rewrap(newKeyring, stored.owner, octets(stored.wrapped), fixedRandom(9)))).toBe(stored.rewrapped);
    expect(needsRewrap(octets(stored.rewrapped), newKeyring)).toBe(false);
    const opened = await Vault.open(newKeyring, stored.owner, octets(stored.rewrapped));
    expect(hex(await opened.open(octets(stored.box.envelope), 7, 'octets'))).toBe(stored.box.octets);
  });
});

const same = (seed: number) => ring(`m1:${Buffer.alloc(32, seed).toString('base64')}`);

describe('opening a data key', () => {
  test('is unknown_key without the master key', async () => {
    expect(await kindOf(Vault.open(ring(`m9:${Buffer.alloc(32, 1).toString('base64')}`), stored.owner, wrapped))).toBe('unknown_key');
  });
  test('is damaged with another master key of the same name', async () => {
    expect(await kindOf(Vault.open(same(1), stored.owner, wrapped))).toBe('damaged');
  });
  test('is damaged for another owner', async () => {
    expect(await kindOf(Vault.open(keyring, 'directory', wrapped))).toBe('damaged');
  });
  test('is malformed once the key is destroyed', async () => {
    expect(await kindOf(Vault.open(keyring, stored.owner, new Uint8Array(0)))).toBe('malformed');
  });
  test('after the old master key is gone, what was wrapped anew opens and the rest does not', async () => {
    const onlyNew = ring(stored.newKeys.split(',')[0] ?? '');
    expect(await kindOf(Vault.open(onlyNew, stored.owner, octets(stored.rewrapped)))).toBe('opened');
    expect(await kindOf(Vault.open(onlyNew, stored.owner, wrapped))).toBe('unknown_key');
  });
});

describe('boxes', () => {
  test('of one vault do not open in another one, nor at another place', async () => {
    const { vault: other } = await Vault.create(keyring, stored.owner, platformRandom);
    const box = await vault.seal(octets('00'), 'row', 'field');
    expect(await kindOf(other.open(box, 'row', 'field'))).toBe('damaged');
    expect(await kindOf(vault.open(box, 'row', 'other'))).toBe('damaged');
    expect(await kindOf(vault.open(wrapped, 'key', 'data'))).toBe('unknown_key');
  });

  test('hold JSON values', async () => {
    const value = { a: [1, null, 'ü'], b: {} };
    expect(await vault.openJson(await vault.sealJson(value, 1, 'json'), 1, 'json')).toEqual(value);
    expect(() => vault.sealJson(undefined, 1, 'json')).toThrow(TypeError);
  });

  test('whose content is no JSON are malformed, and the error does not quote it', async () => {
    for (const content of ['secret{', '']) {
      const box = await vault.seal(new TextEncoder().encode(content), 1, 'json');
      const error: unknown = await vault.openJson(box, 1, 'json').catch((reason: unknown) => reason);
      expect(error).toMatchObject({ failure: { kind: 'malformed' } });
      expect(String(error)).not.toContain('secret');
    }
  });
});

describe('MACs and hashes', () => {
  const input = octets('616263');

  test('differ by label, by purpose and by owner', async () => {
    const { vault: other } = await Vault.create(keyring, stored.owner, platformRandom);
    const all = [vault.mac('a', input), vault.mac('b', input), vault.hash('a', input), vault.hash('b', input), other.mac('a', input)].map(
      hex,
    );
    expect(new Set(all).size).toBe(5);
    expect(all.every((value) => value.length === 32)).toBe(true);
  });

  test('are the same for the same octets, in a reopened vault too', async () => {
    const again = await Vault.open(keyring, stored.owner, wrapped);
    expect(hex(again.hash('uidl', input))).toBe(hex(vault.hash('uidl', input)));
    expect(hex(again.mac('state', input))).toBe(hex(vault.mac('state', input)));
  });

  test('refuse labels without end', async () => {
    const { vault: other } = await Vault.create(keyring, stored.owner, platformRandom);
    expect(() => {
      for (let n = 0; n < 1000; n++) other.mac(`label ${n}`, input);
    }).toThrow('Too many labels');
  });
});
