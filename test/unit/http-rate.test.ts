/** Limits of use: what a token may ask for in a minute, and how often somebody without one may fail. */
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import { newToken } from '../../src/crypto/token.ts';
import { MAILBOX } from '../../src/limits.ts';
import { Rates } from '../../src/mailbox/rate.ts';
import { mailUsers } from '../support/mail-users.ts';
import { NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import { startPop3Server, type Pop3Server } from '../support/pop3-server.ts';
import { random } from './http-fakes.ts';

describe('a bucket', () => {
  test('gives 600 requests at once, then one each 50 ms', () => {
    const rates = new Rates();
    const counts = Array.from({ length: 600 }, () => rates.count('a', 1_000));
    expect(counts.every(({ retryAfterSeconds }) => retryAfterSeconds === null)).toBe(true);
    expect(counts[0]).toEqual({ rate: { limit: 600, remaining: 599, reset: 1 }, retryAfterSeconds: null });
    expect(counts[599]).toEqual({ rate: { limit: 600, remaining: 0, reset: 30 }, retryAfterSeconds: null });
    expect(rates.count('a', 1_049)).toEqual({ rate: { limit: 600, remaining: 0, reset: 1 }, retryAfterSeconds: 1 });
    expect(rates.count('a', 1_050).retryAfterSeconds).toBe(null);
    expect(rates.count('a', 1_050).retryAfterSeconds).toBe(1);
  });

  test('is full again after the time that it names', () => {
    const rates = new Rates();
    for (let n = 0; n < 600; n++) rates.count('a', 0);
    expect(rates.count('a', 30_000).rate.remaining).toBe(599);
  });

  test('is of its token alone', () => {
    const rates = new Rates();
    for (let n = 0; n < 700; n++) rates.count('a', 0);
    expect(rates.count('b', 0).rate.remaining).toBe(599);
  });

  test('does not mind a clock that goes back', () => {
    const rates = new Rates();
    for (let n = 0; n < 600; n++) rates.count('a', 1e12);
    expect(rates.count('a', 0).retryAfterSeconds).toBe(1);
    expect(rates.count('a', 1e12 + 30_000).rate.remaining).toBe(599);
  });

  test('lets no window have more than the burst and what came back in it, and whoever heeds what is told is never refused', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 1_500 }), (gaps) => {
        const rates = new Rates();
        const served: number[] = [];
        let now = 0;
        let told = { remaining: 600, until: 0 };
        for (const gap of gaps) {
          now += gap % 4 === 0 ? gap : 0;
          if (now >= told.until) told = { remaining: 600, until: now };
          const heeds = told.remaining > 0;
          const { rate, retryAfterSeconds } = rates.count('a', now);
          if (heeds) expect(retryAfterSeconds).toBe(null);
          if (retryAfterSeconds === null) served.push(now);
          told = { remaining: rate.remaining, until: now + rate.reset * 1000 };
        }
        for (const [index, from] of served.entries()) {
          const last = served[index + 600];
          if (last !== undefined) expect(last - from).toBeGreaterThanOrEqual(50);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('keeps no more tokens than an account has, the newest', () => {
    const rates = new Rates();
    for (let n = 0; n < 600; n++) rates.count('first', 0);
    for (let n = 0; n < MAILBOX.tokens; n++) rates.count(`token ${n}`, 0);
    expect(rates.count('first', 0).rate.remaining).toBe(599);
    expect(rates.count(`token ${MAILBOX.tokens - 1}`, 0).rate.remaining).toBe(598);
  });
});

/** A clock that stands still, so that nothing comes back by itself. */
const NOW = Date.now();
const still = { mailbox: { clock: () => NOW } };

const POLICY = '"minute";q=1200;w=60, "burst";q=600;w=30';

const USERS = mailUsers(10);

describe('a token', () => {
  let server: Pop3Server;
  beforeAll(async () => {
    server = await startPop3Server({ users: USERS.users });
  });
  afterAll(() => server.close());

  test('is told what is left with every answer that was counted, good or bad', async () => {
    const gateway = new NodeGateway({ ...still, ports: [server.port], vars: { CORS_ORIGINS: 'https://app.example.com' } });
    const { path, token } = await gateway.account(server.port, { scopes: ['read'] }, { auth: USERS.next() });
    const foreign = newAccountId(random, null);
    const asked: [string, string, number][] = [
      ['GET', path, 200],
      ['HEAD', path, 200],
      ['GET', `${path}/messages/kQ3vW0cJ8mX2dYf1sTnRrA`, 404],
      ['GET', `${path}/messages?cursor=nonsense`, 400],
      ['GET', `${path}/messages?limit=0`, 400],
      ['GET', `${path}/messages/${'x'.repeat(600)}`, 404],
      ['DELETE', path, 403],
      ['GET', '/v1/accounts', 403],
      ['GET', `/v1/accounts/${foreign}`, 404],
    ];
    for (const [index, [method, url, status]] of asked.entries()) {
      const response = await gateway.ask(method, url, { as: token, headers: { Origin: 'https://app.example.com' } });
      expect([url, response.status]).toEqual([url, status]);
      expect(response.headers.get('RateLimit')).toBe(`"burst";r=${599 - index};t=1`);
      expect(response.headers.get('RateLimit-Policy')).toBe(POLICY);
      expect(response.headers.get('Access-Control-Expose-Headers')).toContain('RateLimit, RateLimit-Policy');
    }
  });

  test('that calls too often is told when to go on, whatever it asks for; other tokens and the operator are served', async () => {
    const gateway = new NodeGateway({ ...still, ports: [server.port] });
    const { id, path, token, box } = await gateway.account(server.port, {}, { auth: USERS.next() });
    const hash = createHash('sha256').update(token).digest('hex');
    for (let n = 0; n < 700; n++) await box.service.account({ kind: 'token', hash, origin: null });
    for (const url of [path, `${path}/messages`, '/v1/accounts', `/v1/accounts/${newAccountId(random, null)}`]) {
      const response = await gateway.ask('GET', url, { as: token });
      expect(response.status).toBe(429);
      expect(response.headers.get('Retry-After')).toBe('1');
      expect(response.headers.get('RateLimit')).toBe('"burst";r=0;t=1');
      expect(response.headers.get('RateLimit-Policy')).toBe(POLICY);
      expect(await problemOf(response)).toMatchObject({ code: 'rate_limited', retryable: true });
    }
    expect((await gateway.ask('DELETE', path, { as: token })).status).toBe(429);
    expect((await gateway.ask('GET', path, { as: newToken(random, id) })).status).toBe(401);
    expect((await gateway.ask('GET', path, { as: OPERATOR_KEY })).status).toBe(200);
    gateway.advance(1_000);
    expect((await gateway.ask('GET', path, { as: token })).status).toBe(200);
  });

  test('without being good is not counted, and the operator never is', async () => {
    const gateway = new NodeGateway({ ports: [server.port] });
    const { id, path } = await gateway.account(server.port, {}, { auth: USERS.next() });
    for (const as of [OPERATOR_KEY, newToken(random, id), 'nonsense']) {
      const response = await gateway.ask('GET', path, { as });
      expect(response.headers.has('RateLimit')).toBe(false);
      expect(response.headers.has('RateLimit-Policy')).toBe(false);
    }
  });
});

/** The platform's counter, with a limit of its own. */
class Counter {
  readonly counts = new Map<string, number>();
  broken = false;
  limit({ key }: { key: string }): Promise<{ success: boolean }> {
    if (this.broken) return Promise.reject(new Error('The counter is not there.'));
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    return Promise.resolve({ success: count <= 3 });
  }
}

describe('failed authentications', () => {
  const from = (address: string) => ({ headers: { 'CF-Connecting-IP': address } });

  test('beyond the limit are 429 for their address alone, and a good credential is served all the same', async () => {
    const counter = new Counter();
    const gateway = new NodeGateway({ vars: { AUTH_FAILURES: counter } });
    for (let n = 0; n < 3; n++) expect((await gateway.ask('GET', '/v1/accounts', { as: 'wrong', ...from('192.0.2.1') })).status).toBe(401);
    const refused = await gateway.ask('GET', '/v1/accounts', { as: 'wrong', ...from('192.0.2.1') });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('Retry-After')).toBe('60');
    expect(refused.headers.has('WWW-Authenticate')).toBe(false);
    expect(refused.headers.get('Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await problemOf(refused)).toMatchObject({ code: 'rate_limited', instance: `urn:uuid:${refused.headers.get('Request-Id')}` });
    expect((await gateway.ask('GET', '/v1/accounts', { ...from('192.0.2.1') })).status).toBe(429);
    expect((await gateway.ask('GET', '/v1/accounts', { as: 'wrong', ...from('192.0.2.2') })).status).toBe(401);
    expect((await gateway.ask('GET', '/v1/accounts', { as: OPERATOR_KEY, ...from('192.0.2.1') })).status).toBe(200);
    expect(counter.counts).toEqual(
      new Map([
        ['192.0.2.1', 5],
        ['192.0.2.2', 1],
      ]),
    );
  });

  test('count no other answer', async () => {
    const counter = new Counter();
    const gateway = new NodeGateway({ vars: { AUTH_FAILURES: counter } });
    for (const [method, path] of [
      ['GET', '/healthz'],
      ['GET', '/nowhere'],
      ['OPTIONS', '/v1/accounts'],
      ['PUT', '/healthz'],
    ] as const)
      await gateway.ask(method, path);
    await gateway.ask('GET', '/v1/accounts?limit=0', { as: OPERATOR_KEY });
    expect(counter.counts.size).toBe(0);
  });

  test.each([
    [['2001:db8:1:2::1', '2001:db8:1:2:ffff::9'], 1],
    [['2001:db8:1:2::1', '2001:db8:1:3::1'], 2],
    [['::ffff:192.0.2.1', '192.0.2.1'], 1],
    [['', 'nonsense', 'x'.repeat(9_999)], 1],
  ])('from %j are %d callers', async (addresses, callers) => {
    const counter = new Counter();
    const gateway = new NodeGateway({ vars: { AUTH_FAILURES: counter } });
    for (const address of addresses) await gateway.ask('GET', '/v1/accounts', from(address));
    expect(counter.counts.size).toBe(callers);
  });

  test('stay 401 where nobody counts them', async () => {
    const counter = new Counter();
    counter.broken = true;
    for (const gateway of [new NodeGateway(), new NodeGateway({ vars: { AUTH_FAILURES: counter } })])
      for (let n = 0; n < 5; n++) expect((await gateway.ask('GET', '/v1/accounts')).status).toBe(401);
  });
});
