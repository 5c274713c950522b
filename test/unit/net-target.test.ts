/** The target policy: every spelling of a forbidden address is refused, and nothing of the target comes back in a refusal. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeTarget, parseAllowedTargets, type Target } from '../../src/net/target.ts';

const NONE = parseAllowedTargets('');
const judge = (host: string, port = 995, security: Target['security'] = 'tls', allowed = NONE) =>
  judgeTarget({ host, port, security }, allowed);

describe('a public mail server', () => {
  test.each([
    ['pop.example.com', 'pop.example.com'],
    ['POP.Example.COM.', 'pop.example.com'],
    ['xn--bcher-kva.de', 'xn--bcher-kva.de'],
    ['pop3.xn--p1ai', 'pop3.xn--p1ai'],
    ['a-b.1-2.example.org', 'a-b.1-2.example.org'],
    ['1und1.de', '1und1.de'],
    ['8.8.8.8', '8.8.8.8'],
    ['2606:4700:4700::1111', '2606:4700:4700::1111'],
    ['[2606:4700:4700:0:0:0:0:1111]', '2606:4700:4700::1111'],
    ['2A00:1450:4001:80B::200E', '2a00:1450:4001:80b::200e'],
    ['localhost.example.com', 'localhost.example.com'],
  ])('%s is allowed as %s', (host, canonical) => {
    expect(judge(host)).toEqual({ ok: true, host: canonical, port: 995 });
    expect(judge(host, 110, 'starttls')).toEqual({ ok: true, host: canonical, port: 110 });
  });
});

/** 127.0.0.1, 169.254.169.254 and their like, as parsers somewhere read them. */
const SPELLINGS = [
  '2130706433',
  '017700000001',
  '0x7f000001',
  '0x7F.1',
  '0x7f.0x0.0x0.0x1',
  '127.1',
  '127.0.1',
  '0177.0.0.1',
  '127.0.0.01',
  '127.0.0.1.',
  '127.0.0.0x1',
  '127.0.0.256',
  '127.0.0.1.1',
  '127.0.0',
  '127..0.1',
  '[127.0.0.1]',
  '127.0.0.1%00',
  '127.0.0.1:110',
  '①②⑦.⓪.⓪.①',
  '１２７.0.0.1',
  '127。0。0。1',
  '::ffff:127.0.0.1',
  '::127.0.0.1',
  '[::ffff:8.8.8.8]',
  '64:ff9b::8.8.8.8',
  '[::1',
  '::1]',
  '[[::1]]',
  '[v1.a]',
  ':::1',
  '1::2::3',
  '::1%lo',
  '[fe80::1%25eth0]',
  'fe80::1%eth0',
  '2852039166',
  '0xa9fea9fe',
  '0251.0376.0251.0376',
  '169.254.43518',
];

describe('a host that could be read in more than one way', () => {
  test.each(SPELLINGS)('%s is refused, listed or not', (host) => {
    expect(judge(host).ok).toBe(false);
    const allowed = parseAllowedTargets(`${host}:995,[${host}]:995`);
    expect(judge(host, 995, 'tls', allowed).ok).toBe(false);
  });

  test.each([
    '',
    '.',
    '..',
    'a..b',
    '.example.com',
    'example.com..',
    '-a.com',
    'a-.com',
    'a_b.com',
    'a b.com',
    'a.com/',
    'user@a.com',
    'a.com:995',
    'a.com#',
    'a.com\\',
    'a.com\r\nX',
    'a%2ecom',
    'bücher.de',
    'ab--cd.com',
    'xn--.com',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(127)}com`,
    'a'.repeat(10_000),
  ])('%j is no host', (host) => {
    expect(judge(host).ok).toBe(false);
  });
});

describe('a name that is not public', () => {
  test.each([
    'localhost',
    'LOCALHOST.',
    'a.localhost',
    'mail',
    'db.local',
    'mail.internal',
    'router.home.arpa',
    '1.0.0.127.in-addr.arpa',
    'nas.lan',
    'a.test',
    'a.invalid',
    'a.example',
    'abc.onion',
    'a.alt',
    'a.corp',
    'a.home',
    'a.localdomain',
    'default.svc',
    'pg.hyperdrive.local',
    '0123.cfargotunnel.com',
  ])('%s is refused', (host) => {
    expect(judge(host).ok).toBe(false);
  });
});

describe('ports and TLS', () => {
  test.each([25, 80, 143, 443, 993, 22, 6379, 0, -1, 65_536, 995.5, Number.NaN])('port %d is refused', (port) => {
    expect(judge('pop.example.com', port).ok).toBe(false);
  });

  test('a connection without TLS is refused', () => {
    expect(judge('pop.example.com', 110, 'none').ok).toBe(false);
  });
});

describe('the list of the operator', () => {
  const allowed = parseAllowedTargets(' 127.0.0.1:1110, LOCALHOST.:1110 ,[::1]:1110,,dovecot1:110,10.0.0.5:8110');

  test('skips the policy for exactly what is on it', () => {
    expect(allowed.malformed).toEqual([]);
    for (const host of ['127.0.0.1', 'localhost', '::1', '[::1]', '0:0::1']) expect(judge(host, 1_110, 'none', allowed).ok).toBe(true);
    expect(judge('Localhost', 1_110, 'tls', allowed)).toEqual({ ok: true, host: 'localhost', port: 1_110 });
    expect(judge('dovecot1', 110, 'starttls', allowed).ok).toBe(true);
    expect(judge('127.0.0.1', 1_111, 'tls', allowed).ok).toBe(false);
    expect(judge('127.0.0.2', 1_110, 'tls', allowed).ok).toBe(false);
    expect(judge('10.0.0.5', 110, 'tls', allowed).ok).toBe(false);
  });

  test.each([
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    'fd00:ec2::254',
    'FD00:0EC2:0:0:0:0:0:254',
    'fd20:ce::254',
    'fe80::a9fe:a9fe',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    'metadata',
    'metadata.google.internal',
    'METADATA.GOOGLE.INTERNAL.',
    'a.metadata.google.internal',
    'metadata.goog',
    'instance-data',
    'metadata.azure.internal',
  ])('never allows %s', (host) => {
    const text = host.includes(':') ? `[${host}]:995` : `${host}:995`;
    expect(judge(host, 995, 'tls', parseAllowedTargets(text)).ok).toBe(false);
  });

  test('tells which entries it can not read', () => {
    expect(parseAllowedTargets('a.com:995,a.com,::1:995,:995,a.com:0,a.com:99999,0x7f.1:995,b.com:110').malformed).toEqual([
      2, 3, 4, 5, 6, 7,
    ]);
  });
});

test('a refusal repeats nothing of the target', () => {
  for (const host of [...SPELLINGS, 'secret.internal', 'secret', '10.1.2.3', 'metadata']) {
    const judged = judge(host);
    expect(judged.ok === false && judged.detail).toMatch(/^The |^This |^A /);
    expect(judged.ok === false && judged.detail.includes(host)).toBe(false);
  }
});

test('what is allowed has one spelling, whatever was asked', () => {
  const anything = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.string());
  fc.assert(
    fc.property(anything, (host) => {
      const judged = judge(host);
      if (!judged.ok) return;
      expect(judge(judged.host)).toEqual(judged);
      const url = new URL(`http://${judged.host.includes(':') ? `[${judged.host}]` : judged.host}/`);
      expect(url.hostname.replace(/^\[|\]$/g, '')).toBe(judged.host);
    }),
    { numRuns: 1_000 },
  );
});
