/** Addresses with a special purpose (RFC 6890 and IANA's registries), by their first and last, bare and carried in IPv6. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeTarget, parseAllowedTargets, type AllowedTargets } from '../../src/net/target.ts';

const judge = (host: string, allowed: AllowedTargets = parseAllowedTargets('')) =>
  judgeTarget({ host, port: 995, security: 'tls' }, allowed);

describe('an address with a special purpose', () => {
  /** The first and the last address of each block of IANA's registries, and of what else is not public. */
  const blocks = [
    ['0.0.0.0', '0.255.255.255'],
    ['10.0.0.0', '10.255.255.255'],
    ['100.64.0.0', '100.127.255.255'],
    ['127.0.0.0', '127.255.255.255'],
    ['169.254.0.0', '169.254.255.255'],
    ['172.16.0.0', '172.31.255.255'],
    ['192.0.0.0', '192.0.0.255'],
    ['192.0.2.0', '192.0.2.255'],
    ['192.31.196.0', '192.31.196.255'],
    ['192.52.193.0', '192.52.193.255'],
    ['192.88.99.0', '192.88.99.255'],
    ['192.168.0.0', '192.168.255.255'],
    ['192.175.48.0', '192.175.48.255'],
    ['198.18.0.0', '198.19.255.255'],
    ['198.51.100.0', '198.51.100.255'],
    ['203.0.113.0', '203.0.113.255'],
    ['224.0.0.0', '239.255.255.255'],
    ['240.0.0.0', '255.255.255.255'],
    ['::', '::1'],
    ['::ffff:0:0', '::ffff:ffff:ffff'],
    ['::ffff:0:0:0', '::ffff:0:ffff:ffff'],
    ['64:ff9b::', '64:ff9b::ffff:ffff'],
    ['64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
    ['100::', '100::ffff:ffff:ffff:ffff'],
    ['100:0:0:1::', '100:0:0:1:ffff:ffff:ffff:ffff'],
    ['2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:2::', '2001:2:0:ffff:ffff:ffff:ffff:ffff'],
    ['2001:3::', '2001:4:112:ffff:ffff:ffff:ffff:ffff'],
    ['2001:20::', '2001:3f:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff'],
    ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['4000::', '5f00::1'],
    ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ];
  test.each(blocks)('from %s to %s is refused', (first, last) => {
    expect(judge(first).ok).toBe(false);
    expect(judge(last).ok).toBe(false);
    if (first?.includes(':')) expect(judge(`[${first}]`).ok).toBe(false);
  });

  test('leaves its neighbours alone', () => {
    for (const host of [
      '1.0.0.0',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '172.32.0.0',
      '192.0.1.0',
      '198.20.0.0',
      '223.255.255.255',
      '2001:200::',
      '2620:4f:8001::',
      '3ffe::1',
    ])
      expect(judge(host)).toMatchObject({ ok: true });
  });

  test('can not be reached through any IPv6 form that carries an IPv4 address', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const prefix = fc.constantFrom('::', '::ffff:', '::ffff:0:', '64:ff9b::', '64:ff9b:1::', '2002:', '2001:0:');
    fc.assert(
      fc.property(prefix, group, group, (start, high, low) => {
        const host = `${start}${high}:${low}${start.startsWith('200') ? '::1' : ''}`;
        if (host === '::0:1') return;
        expect(judge(host).ok).toBe(false);
        expect(judge(host, parseAllowedTargets(`[${host}]:995`)).ok).toBe(false);
      }),
    );
  });
});
