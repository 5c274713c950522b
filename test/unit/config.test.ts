/** The configuration: what each variable may be, and sentences about the rest that never repeat a value. */
import { describe, expect, test } from 'vitest';
import { readConfig, type Config, type ConfigVariables } from '../../src/config.ts';
import { isListed } from '../../src/net/target.ts';

const GOOD = { OPERATOR_KEY: 'o'.repeat(32), MASTER_KEY: `k1:${Buffer.alloc(32, 7).toString('base64')}` };

function config(more: ConfigVariables = {}): Config {
  const read = readConfig({ ...GOOD, ...more });
  if (!read.ok) throw new Error(read.problems.join(' '));
  return read.config;
}

function problems(variables: ConfigVariables): readonly string[] {
  const read = readConfig(variables);
  if (read.ok) throw new Error('was accepted');
  return read.problems;
}

test('the two secrets are enough', () => {
  expect(config()).toMatchObject({
    operatorKeys: ['o'.repeat(32)],
    allowedTargets: { listed: new Set() },
    corsOrigins: [],
    sessionLingerMs: 4000,
  });
  expect(config().dnsResolver).toBe('https://cloudflare-dns.com/dns-query');
  expect(config().keyring.first).toBe('k1');
});

test('empty variables are as good as none', () => {
  expect(config({ ALLOWED_TARGETS: '', CORS_ORIGINS: ' ', SESSION_LINGER_MS: '' })).toMatchObject({
    allowedTargets: { listed: new Set() },
    corsOrigins: [],
    sessionLingerMs: 4000,
  });
});

test('lists and numbers are read', () => {
  const read = config({
    OPERATOR_KEY: ` ${'a'.repeat(32)} ,${'b'.repeat(40)},`,
    ALLOWED_TARGETS: 'mail.test:1110',
    CORS_ORIGINS: 'https://app.example.com, http://localhost:3000,capacitor://localhost',
    SESSION_LINGER_MS: '0',
  });
  expect(read.operatorKeys).toEqual(['a'.repeat(32), 'b'.repeat(40)]);
  expect(isListed('mail.test', 1110, read.allowedTargets)).toBe(true);
  expect(isListed('mail.test', 1111, read.allowedTargets)).toBe(false);
  expect(read.corsOrigins).toEqual(['https://app.example.com', 'http://localhost:3000', 'capacitor://localhost']);
  expect(read.sessionLingerMs).toBe(0);
  expect(config({ CORS_ORIGINS: '*' }).corsOrigins).toBe('*');
  expect(config({ SESSION_LINGER_MS: '60000' }).sessionLingerMs).toBe(60_000);
});

test.each<[ConfigVariables, string | null]>([
  [{ DNS_CHECK: '', DNS_RESOLVER: ' ' }, 'https://cloudflare-dns.com/dns-query'],
  [{ DNS_CHECK: ' on ', DNS_RESOLVER: ' https://dns.google/resolve ' }, 'https://dns.google/resolve'],
  [{ DNS_RESOLVER: 'https://dns.example:8443/dns-query?key=k' }, 'https://dns.example:8443/dns-query?key=k'],
  [{ DNS_RESOLVER: 'http://127.0.0.1:8053/dns-query' }, 'http://127.0.0.1:8053/dns-query'],
  [{ DNS_RESOLVER: 'http://[::1]:8053/' }, 'http://[::1]:8053/'],
  [{ DNS_CHECK: 'off' }, null],
  [{ DNS_CHECK: 'off', DNS_RESOLVER: 'https://dns.google/resolve' }, null],
])('names are checked as %j says', (variables, resolver) => {
  expect(config(variables).dnsResolver).toBe(resolver);
});

test('the same variables are judged once', () => {
  const variables = { ...GOOD };
  expect(readConfig(variables)).toBe(readConfig(variables));
  expect(readConfig({ ...GOOD })).not.toBe(readConfig(variables));
});

describe('refused', () => {
  test('nothing set: one sentence for each secret', () => {
    expect(problems({})).toEqual([
      'OPERATOR_KEY is not set: set it to a random text of at least 32 characters.',
      expect.stringMatching(/^MASTER_KEY is not set: /),
    ]);
  });

  test.each<[ConfigVariables, string]>([
    [{ OPERATOR_KEY: 'x'.repeat(31) }, 'OPERATOR_KEY, key 1: it has fewer than 32'],
    [{ OPERATOR_KEY: `${'x'.repeat(32)},${'y y '.repeat(10)}` }, 'OPERATOR_KEY, key 2: it must consist of visible ASCII'],
    [{ OPERATOR_KEY: 'ü'.repeat(40) }, 'OPERATOR_KEY, key 1: it must consist of visible ASCII'],
    [{ OPERATOR_KEY: `pgt_${'x'.repeat(40)}` }, 'OPERATOR_KEY, key 1: it must not begin with "pgt_"'],
    [{ OPERATOR_KEY: Array(17).fill('x'.repeat(32)).join() }, 'OPERATOR_KEY has more than 16'],
    [{ MASTER_KEY: 'nonsense' }, 'MASTER_KEY, entry 1'],
    [{ CORS_ORIGINS: '*,https://a.example' }, 'CORS_ORIGINS: "*" stands alone'],
    [{ CORS_ORIGINS: 'https://a.example,https://b.example/' }, 'CORS_ORIGINS, entry 2'],
    [{ CORS_ORIGINS: 'https://A.example' }, 'CORS_ORIGINS, entry 1'],
    [{ CORS_ORIGINS: 'https://a.example:443' }, 'CORS_ORIGINS, entry 1'],
    [{ CORS_ORIGINS: 'a.example' }, 'CORS_ORIGINS, entry 1'],
    [{ CORS_ORIGINS: 'null' }, 'CORS_ORIGINS, entry 1'],
    [{ CORS_ORIGINS: 'https://a.example,https://*.a.example' }, 'CORS_ORIGINS, entry 2'],
    [{ ALLOWED_TARGETS: 'mail.test:1110,localhost' }, 'ALLOWED_TARGETS, entry 2: write host:port'],
    [{ ALLOWED_TARGETS: 'pop3://mail.test:1110' }, 'ALLOWED_TARGETS, entry 1: write host:port'],
    [{ ALLOWED_TARGETS: 'mail.test:1110 localhost:1110' }, 'ALLOWED_TARGETS, entry 1: write host:port'],
    [{ CORS_ORIGINS: Array(101).fill('https://a.example').join() }, 'CORS_ORIGINS has more than 100'],
    [{ SESSION_LINGER_MS: '60001' }, 'SESSION_LINGER_MS must be'],
    [{ SESSION_LINGER_MS: '-1' }, 'SESSION_LINGER_MS must be'],
    [{ SESSION_LINGER_MS: '1.5' }, 'SESSION_LINGER_MS must be'],
    [{ SESSION_LINGER_MS: '4s' }, 'SESSION_LINGER_MS must be'],
    [{ SESSION_LINGER_MS: '1'.repeat(400) }, 'SESSION_LINGER_MS must be'],
    [{ DNS_CHECK: 'yes' }, 'DNS_CHECK must be on or off'],
    [{ DNS_CHECK: 'OFF' }, 'DNS_CHECK must be on or off'],
    [{ DNS_RESOLVER: '1.1.1.1' }, 'DNS_RESOLVER must be the https URL'],
    [{ DNS_RESOLVER: 'http://dns.example/dns-query' }, 'DNS_RESOLVER must be the https URL'],
    [{ DNS_RESOLVER: 'http://127.0.0.1.dns.example/' }, 'DNS_RESOLVER must be the https URL'],
    [{ DNS_RESOLVER: 'https://user:password@dns.example/' }, 'DNS_RESOLVER must be the https URL'],
    [{ DNS_RESOLVER: 'https://dns.example/#part' }, 'DNS_RESOLVER must be the https URL'],
    [{ DNS_RESOLVER: 'file:///etc/hosts' }, 'DNS_RESOLVER must be the https URL'],
    [{ DNS_RESOLVER: `https://dns.example/${'x'.repeat(1_024)}` }, 'DNS_RESOLVER must be the https URL'],
    [{ DNS_CHECK: 'off', DNS_RESOLVER: 'nonsense' }, 'DNS_RESOLVER must be the https URL'],
  ])('%j', (variables, sentence) => {
    const said = problems({ ...GOOD, ...variables });
    expect(said).toEqual([expect.stringContaining(sentence)]);
    expect(said[0]).toMatch(/\.$/);
  });

  test('no sentence repeats a value', () => {
    const said = problems({
      OPERATOR_KEY: 'hunter2',
      MASTER_KEY: 'swordfish',
      CORS_ORIGINS: 'opensesame',
      ALLOWED_TARGETS: 'xyzzy',
      SESSION_LINGER_MS: 'tr0ub4dor',
      DNS_CHECK: 'letmein',
      DNS_RESOLVER: 'correcthorse',
    }).join(' ');
    for (const value of ['hunter2', 'swordfish', 'opensesame', 'tr0ub4dor', 'letmein', 'correcthorse', 'xyzzy'])
      expect(said).not.toContain(value);
  });
});
