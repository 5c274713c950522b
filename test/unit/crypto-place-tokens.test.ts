/** States and page cursors: their stored examples, and that nobody else's, nor any other spelling, is read. */
import * as fc from 'fast-check';
import { createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseMasterKeys } from '../../src/crypto/keyring.ts';
import { issueCursor, readCursor, type Order } from '../../src/crypto/page-cursor.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import { issueState, readState } from '../../src/crypto/state.ts';
import { Vault } from '../../src/crypto/vault.ts';
import stored from '../fixtures/crypto/place-tokens.json' with { type: 'json' };
import vaults from '../fixtures/crypto/vault.json' with { type: 'json' };

const parsed = parseMasterKeys(vaults.masterKeys);
if (!parsed.ok) throw new Error(parsed.problems.join(' '));
const vault = await Vault.open(parsed.keyring, vaults.owner, Buffer.from(vaults.wrapped, 'hex'));
const { vault: stranger } = await Vault.create(parsed.keyring, vaults.owner, platformRandom);
const epoch = new Uint8Array(Buffer.from(stored.epoch, 'hex'));
const { account } = stored;
const scope = `${account}/messages`;

const anyPlace = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function macByHand(label: string, ...parts: (string | number)[]): Buffer {
  const key = new Uint8Array(hkdfSync('sha256', Buffer.from(vaults.dataKey, 'hex'), '', `popgate mac ${label}`, 32));
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest().subarray(0, 16);
}

/** Every text that differs from `text` in one character, by some characters. */
function* variants(text: string): Generator<string> {
  for (let index = 0; index < text.length; index++)
    for (const character of ['A', 'B', '_', '.', '=', '+'])
      if (text[index] !== character) yield text.slice(0, index) + character + text.slice(index + 1);
  for (let length = 0; length < text.length; length++) yield text.slice(0, length);
  yield* [`${text}A`, `${text}=`, `${text}\n`, ` ${text}`, text.toUpperCase()];
}

describe('states', () => {
  test.each(stored.states)('stored example of place $place', ({ place, state }) => {
    expect(issueState(vault, account, epoch, place)).toBe(state);
    expect(readState(vault, account, epoch, state)).toBe(place);
    const octets = Buffer.concat([epoch, Buffer.alloc(6), macByHand('state', 's1', account, stored.epoch, place)]);
    octets.writeUIntBE(place, 8, 6);
    expect(state).toBe(`s1.${octets.toString('base64url')}`);
  });

  test('come back as the place they were issued for', () => {
    fc.assert(fc.property(anyPlace, (place) => readState(vault, account, epoch, issueState(vault, account, epoch, place)) === place));
  });

  test('of another account, ledger or key are not read', () => {
    const state = issueState(vault, account, epoch, 7);
    expect(readState(vault, 'acc_0000000000000000000000', epoch, state)).toBeNull();
    expect(
      readState(
        vault,
        account,
        Uint8Array.from(epoch, (octet) => octet ^ 1),
        state,
      ),
    ).toBeNull();
    expect(readState(stranger, account, epoch, state)).toBeNull();
  });

  test('with the epoch of another ledger put in front are not read', () => {
    const octets = Buffer.from(issueState(vault, account, epoch, 7).slice(3), 'base64url');
    octets[0]! ^= 1;
    expect(readState(vault, account, epoch, `s1.${octets.toString('base64url')}`)).toBeNull();
  });

  test('are not read in any other spelling', () => {
    for (const { state } of stored.states) for (const text of variants(state)) expect(readState(vault, account, epoch, text)).toBeNull();
  });

  test('made up of anything are not read', () => {
    fc.assert(fc.property(fc.string(), (text) => readState(vault, account, epoch, text) === null));
    const made = fc.string({ unit: fc.constantFrom(...BASE64URL), minLength: 40, maxLength: 40 });
    fc.assert(fc.property(made, (text) => readState(vault, account, epoch, `s1.${text}`) === null));
  });

  test('of impossible places are not issued', () => {
    for (const place of [-1, 0.5, NaN, Infinity, 2 ** 48]) expect(() => issueState(vault, account, epoch, place)).toThrow(RangeError);
    expect(() => issueState(vault, account, epoch.subarray(1), 1)).toThrow(RangeError);
  });
});

describe('page cursors', () => {
  test.each(stored.cursors)('stored example: $order behind $place', ({ scope: where, order, place, cursor }) => {
    expect(issueCursor(vault, where, order as Order, place)).toBe(cursor);
    expect(readCursor(vault, where, cursor)).toEqual({ order, place });
    const octet = order === 'newest' ? 0 : 1;
    const octets = Buffer.concat([Buffer.of(octet), Buffer.alloc(6), macByHand('cursor', 'p1', where, octet, place)]);
    octets.writeUIntBE(place, 1, 6);
    expect(cursor).toBe(`p1.${octets.toString('base64url')}`);
  });

  test('come back as they were issued', () => {
    fc.assert(
      fc.property(anyPlace, fc.constantFrom<Order>('newest', 'oldest'), (place, order) => {
        expect(readCursor(vault, scope, issueCursor(vault, scope, order, place))).toEqual({ order, place });
      }),
    );
  });

  test('of another listing or key are not read', () => {
    const cursor = issueCursor(vault, scope, 'newest', 7);
    expect(readCursor(vault, `${account}/events`, cursor)).toBeNull();
    expect(readCursor(stranger, scope, cursor)).toBeNull();
  });

  test('are not read in any other spelling, not even of the same octets', () => {
    for (const { cursor } of stored.cursors) {
      for (const text of variants(cursor)) expect(readCursor(vault, scope, text)).toBeNull();
      // The last of 31 characters has two spare bits: three more texts decode to the very same octets.
      const last = BASE64URL.indexOf(cursor.slice(-1));
      for (const spare of [1, 2, 3]) {
        const text = cursor.slice(0, -1) + BASE64URL.charAt(last ^ spare);
        expect(Buffer.from(text.slice(3), 'base64url')).toEqual(Buffer.from(cursor.slice(3), 'base64url'));
        expect(readCursor(vault, scope, text)).toBeNull();
      }
    }
  });

  test('of an order that does not exist are not read, even with a MAC', () => {
    const octets = Buffer.concat([Buffer.of(2), Buffer.alloc(6), macByHand('cursor', 'p1', scope, 2, 0)]);
    expect(readCursor(vault, scope, `p1.${octets.toString('base64url')}`)).toBeNull();
  });

  test('and states are not taken for one another', () => {
    expect(readCursor(vault, scope, issueState(vault, account, epoch, 1))).toBeNull();
    expect(readState(vault, account, epoch, issueCursor(vault, scope, 'newest', 1))).toBeNull();
  });
});
