/** Tickets: a stored example, and that nobody else's, for nothing else, nor any other spelling, is read. */
import { createHmac, hkdfSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMasterKeys } from '../../src/crypto/keyring.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import { issueTicket, readTicket, type TicketClaims } from '../../src/crypto/ticket.ts';
import { Vault } from '../../src/crypto/vault.ts';
import stored from '../fixtures/crypto/tickets.json' with { type: 'json' };
import vaults from '../fixtures/crypto/vault.json' with { type: 'json' };

const parsed = parseMasterKeys(vaults.masterKeys);
if (!parsed.ok) throw new Error(parsed.problems.join(' '));
const vault = await Vault.open(parsed.keyring, vaults.owner, Buffer.from(vaults.wrapped, 'hex'));
const { vault: stranger } = await Vault.create(parsed.keyring, vaults.owner, platformRandom);
const { account } = stored;
const PATH = `/v1/accounts/${account}/messages`;
const CLAIMS: TicketClaims = { token: 'tok_0123456789abcdefghijAB', end: 1_790_000_000_000 };

function macByHand(...parts: (string | number | null)[]): Buffer {
  const key = new Uint8Array(hkdfSync('sha256', Buffer.from(vaults.dataKey, 'hex'), '', 'popgate mac ticket', 32));
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest().subarray(0, 16);
}

describe('a ticket', () => {
  test.each(stored.tickets)('of $token is as in the stored example', ({ token, end, path, ticket }) => {
    expect(issueTicket(vault, account, path, { token, end })).toBe(ticket);
    expect(readTicket(vault, account, path, ticket)).toEqual({ token, end });
    const octets = Buffer.concat([Buffer.alloc(28), macByHand('t1', account, token, path, end)]);
    if (token !== null) octets.write(token.slice(4), 0, 'latin1');
    octets.writeUIntBE(end, 22, 6);
    expect(ticket).toBe(`t1.${octets.toString('base64url')}`);
  });

  test('says what it was issued with, for any path', () => {
    const end = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    const token = fc.constantFrom(null, CLAIMS.token);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), token, end, (path, holder, until) => {
        const claims = { token: holder, end: until };
        expect(readTicket(vault, account, path, issueTicket(vault, account, path, claims))).toEqual(claims);
      }),
    );
  });

  test('is good for no other path, account or key', () => {
    const ticket = issueTicket(vault, account, PATH, CLAIMS);
    for (const path of ['', `${PATH}/`, `${PATH}?`, `${PATH}?limit=1`, PATH.slice(0, -1), PATH.toUpperCase()])
      expect(readTicket(vault, account, path, ticket)).toBeNull();
    expect(readTicket(vault, 'acc_0000000000000000000000', PATH, ticket)).toBeNull();
    expect(readTicket(stranger, account, PATH, ticket)).toBeNull();
  });

  test.each([CLAIMS, { ...CLAIMS, token: null }])('is not read with any character changed, missing or added', (claims) => {
    const ticket = issueTicket(vault, account, PATH, claims);
    for (let index = 0; index < ticket.length; index++) {
      for (const character of ['A', 'b', '_', '.', '='])
        if (ticket[index] !== character)
          expect(readTicket(vault, account, PATH, ticket.slice(0, index) + character + ticket.slice(index + 1))).toBeNull();
      expect(readTicket(vault, account, PATH, ticket.slice(0, index))).toBeNull();
    }
    for (const text of [`${ticket}A`, `${ticket}=`, ` ${ticket}`]) expect(readTicket(vault, account, PATH, text)).toBeNull();
  });

  test('is not made in the name of what is no token', () => {
    for (const token of ['', 'tok_', 'tok_0123456789abcdefghijA', 'pgt_0123456789abcdefghijAB', 'tok_0123456789abcdefghij-_'])
      expect(() => issueTicket(vault, account, PATH, { token, end: 1 })).toThrow(RangeError);
  });
});
