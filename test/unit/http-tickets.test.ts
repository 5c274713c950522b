/** Tickets: one URL, one GET, for a while; nothing else, nobody else's, and not after the token has ended. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { call, operationsOf } from '../support/api-operations.ts';
import { NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import { octetsOf, type OctetsWorld } from './octets-world.ts';
import { bare, expectRefused, PNG, ticketFor, withPictures } from './tickets-world.ts';
import { RATE } from '../../src/limits.ts';

const OPERATIONS = await operationsOf(new NodeGateway());

let world: OctetsWorld;
beforeEach(async () => {
  world = await withPictures();
});
afterEach(() => world.close());

describe('a ticket', () => {
  test.each(['', '/messages?limit=1&fields=subject', '/changes', 'message', 'raw', 'attachments/2', 'attachments/2?disposition=inline'])(
    'gives what %j gives, without another credential',
    async (name) => {
      const path = name === '' || name.startsWith('/') ? name : world.message('first', name === 'message' ? '' : `/${name}`);
      const { url } = await ticketFor(world, path);
      const [by, as] = [await bare(world, url), await world.get(path)];
      expect(by.status).toBe(200);
      const lasting = (response: Response) => [...response.headers].filter(([header]) => !/^(?:request-id|ratelimit)$/.test(header));
      expect(lasting(by)).toEqual(lasting(as));
      expect((await octetsOf(by)).equals(await octetsOf(as))).toBe(true);
    },
  );

  test('is good for ranges and conditional requests', async () => {
    const { url } = await ticketFor(world, world.message('first', '/attachments/2'));
    const part = await bare(world, url, 'GET', { Range: 'bytes=0-7' });
    expect(part.status).toBe(206);
    expect((await octetsOf(part)).equals(PNG.subarray(0, 8))).toBe(true);
    expect((await bare(world, url, 'GET', { 'If-None-Match': part.headers.get('ETag') ?? '' })).status).toBe(304);
  });

  test('survives the object that issued it', async () => {
    const { url } = await ticketFor(world, '/messages');
    world.account.box.restart();
    expect((await bare(world, url)).status).toBe(200);
  });

  test('is good for no other path, query or method', async () => {
    const { url } = await ticketFor(world, world.message('first', '/raw'));
    const [path = '', ticket = ''] = url.split('?');
    const listed = (await ticketFor(world, '/messages?limit=1')).url;
    const others = [
      `${world.account.path}?${ticket}`,
      `${world.account.path}/messages?${ticket}`,
      `${world.account.path}${world.message('second', '/raw')}?${ticket}`,
      `${world.account.path}${world.message('first')}?${ticket}`,
      `${path}/?${ticket}`,
      `${path}?a=b&${ticket}`,
      `${path}?${ticket}&a=b`,
      `${path}?${ticket}&`,
      `${path}?&${ticket}`,
      `${path}?${ticket}&${ticket}`,
      `${path}?ticket=`,
      `${path}?${ticket}&ticket=`,
      listed.replace('limit=1', 'limit=2'),
      listed.replace('limit=1&', ''),
      listed.replace('limit=1', 'limit=1&order=oldest'),
      listed.replace('limit=1', 'limit=%31'),
      listed.replace('?', '/get?'),
    ];
    for (const other of others) {
      const response = await bare(world, other);
      // A path that no route has is 404, as it is for everybody.
      if (!/raw\/\?|\/get\?/.test(other)) await expectRefused(response);
      else expect([401, 404, 405]).toContain(response.status);
    }
    for (const method of ['HEAD', 'DELETE'])
      await expectRefused(await bare(world, (await ticketFor(world, world.message('first'))).url, method));
    await expectRefused(await bare(world, (await ticketFor(world, '/messages')).url.replace('/messages', '/sync'), 'POST'));
    expect((await bare(world, url)).status).toBe(200);
  });

  test('is worth nothing with any of its characters changed', async () => {
    const { url } = await ticketFor(world, '/messages');
    const start = url.indexOf('t1.');
    for (let index = start; index < url.length; index++) {
      const other = url[index] === 'A' ? 'B' : 'A';
      await expectRefused(await bare(world, url.slice(0, index) + other + url.slice(index + 1)));
    }
  });

  test('of another account is worth nothing, nor is one of an account that is gone', async () => {
    const other = await world.gateway.account(world.server.port);
    const issued = await ticketFor(world, '/messages', { of: other });
    await expectRefused(await bare(world, issued.url.replace(other.id, world.account.id)));
    expect((await bare(world, issued.url)).status).toBe(200);
    await world.gateway.ask('DELETE', other.path, { as: OPERATOR_KEY });
    await expectRefused(await bare(world, issued.url));
    await expectRefused(await bare(world, issued.url.replace(other.id, 'acc_1')));
  });

  test('gives way to another credential, good or not', async () => {
    const { url } = await ticketFor(world, '/messages');
    const ended = url.replace(/.$/, url.endsWith('A') ? 'B' : 'A');
    expect((await world.gateway.ask('GET', ended, { as: world.account.token })).status).toBe(200);
    await expectRefused(await world.gateway.ask('GET', url, { as: 'nonsense' }));
    expect((await world.gateway.ask('GET', `/v1/accounts?${url.split('?')[1]}`, { as: OPERATOR_KEY })).status).toBe(400);
  });

  test('counts as a call of the token that it was issued to', async () => {
    const { url } = await ticketFor(world, '/messages');
    const left = (response: Response): number => Number(/^"burst";r=(\d+);t=\d+$/.exec(response.headers.get('RateLimit') ?? '')?.[1]);
    const before = left(await world.get('/messages'));
    let response = await bare(world, url);
    for (let asked = 1; response.status === 200 && asked <= RATE.burst + RATE.perMinute; asked++) {
      expect(left(response)).toBeGreaterThanOrEqual(0);
      response = await bare(world, url);
    }
    expect(await problemOf(response)).toMatchObject({ status: 429, code: 'rate_limited' });
    // The token itself has no more left than what has come back meanwhile.
    expect(left(await world.get('/messages'))).toBeLessThan(before / 2);
  });

  test('is in no log, whatever becomes of it', async () => {
    const lines: string[] = [];
    const spy = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
    const { url } = await ticketFor(world, '/messages');
    const { box } = world.account;
    const exec = box.sql.exec.bind(box.sql);
    box.sql.exec = (statement, ...bindings) => {
      if (statement.includes('FROM messages')) throw new Error(url);
      return exec(statement, ...bindings);
    };
    try {
      expect((await bare(world, url)).status).toBe(500);
    } finally {
      box.sql.exec = exec;
      spy.mockRestore();
    }
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join()).not.toContain('t1.');
  });
});

describe('a ticket ends', () => {
  test('at its time', async () => {
    const before = Date.now();
    const { url, expiresAt } = await ticketFor(world, '/messages', { ttlSeconds: 3600 });
    expect(Date.parse(expiresAt)).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.now() + 3_600_000);
    world.gateway.advance(3_000_000);
    expect((await bare(world, url)).status).toBe(200);
    world.gateway.advance(600_000);
    await expectRefused(await bare(world, url));
  });

  test('with the token that it was issued to: when that expires', async () => {
    const expiresAt = new Date(Date.now() + 20_000).toISOString();
    const of = await world.gateway.account(world.server.port, { expiresAt });
    const ticket = await ticketFor(world, '/messages', { of, ttlSeconds: 3600 });
    expect(ticket.expiresAt).toBe(expiresAt);
    expect((await bare(world, ticket.url)).status).toBe(200);
    world.gateway.advance(20_000);
    await expectRefused(await bare(world, ticket.url));
  });

  test('with the token that it was issued to: when that is revoked', async () => {
    const { url } = await ticketFor(world, '/messages');
    const ofOperator = (await ticketFor(world, '/messages', { as: OPERATOR_KEY })).url;
    expect((await bare(world, url)).status).toBe(200);
    const { id } = (await (await world.gateway.ask('GET', '/v1/token', { as: world.account.token })).json()) as { id: string };
    expect((await world.gateway.ask('DELETE', `${world.account.path}/tokens/${id}`, { as: OPERATOR_KEY })).status).toBe(204);
    await expectRefused(await bare(world, url));
    expect((await bare(world, ofOperator)).status).toBe(200);
  });

  test('where its token may not be used: in a page of another origin', async () => {
    const of = await world.gateway.account(world.server.port, { origins: ['https://app.example.com'] });
    const { url } = await ticketFor(world, '/messages', { of });
    expect((await bare(world, url)).status).toBe(200);
    expect((await bare(world, url, 'GET', { Origin: 'https://app.example.com' })).status).toBe(200);
    expect((await bare(world, url, 'GET', { Origin: 'https://evil.example.com' })).status).toBe(403);
  });
});

describe('a ticket is not given', () => {
  const READ = '/messages/kQ3vW0cJ8mX2dYf1sTnRrA/raw';

  test.each([
    ['a path of another account', () => `/v1/accounts/acc_0000000000000000000000${READ}`],
    ['a longer account', () => `${world.account.path}x/messages`],
    ['another host', () => `//evil.example${world.account.path}`],
    ['a URL', () => `https://evil.example${world.account.path}`],
    ['another spelling', () => `${world.account.path}/./messages`],
    ['a way up', () => `${world.account.path}${READ}/../raw`],
    ['an encoded way up', () => `${world.account.path}/%2e%2e/x`],
    ['a fragment', () => `${world.account.path}/messages#x`],
    ['an empty query', () => `${world.account.path}/messages?`],
    ['characters that a URL has encoded', () => `${world.account.path}/messages?cursor=ä b`],
    ['a ticket already', () => `${world.account.path}/messages?ticket=x`],
    ['a path without a route', () => `${world.account.path}/nothing`],
    ['what is no GET', () => `${world.account.path}/sync`],
    ['what needs another scope', () => `${world.account.path}/tokens`],
    ['nothing', () => ''],
    ['too much', () => `${world.account.path}/messages?cursor=${'x'.repeat(1100)}`],
  ])('for %s', async (_, path) => {
    const json = { path: path() };
    const response = await world.gateway.ask('POST', `${world.account.path}/tickets`, { as: world.account.token, json });
    expect(await problemOf(response)).toMatchObject({ status: 400, code: 'invalid_request', errors: [{ pointer: '/path' }] });
  });

  test.each([0, -1, 3601, 1.5, '300', null])('for %j seconds', async (ttlSeconds) => {
    const json = { path: `${world.account.path}/messages`, ttlSeconds };
    const response = await world.gateway.ask('POST', `${world.account.path}/tickets`, { as: world.account.token, json });
    expect(await problemOf(response)).toMatchObject({ status: 400, errors: [{ pointer: '/ttlSeconds' }] });
  });

  test('to a token that may not read', async () => {
    const of = await world.gateway.account(world.server.port, { scopes: ['write', 'delete'] });
    await expect(ticketFor(world, '/messages', { of })).rejects.toThrow('403');
  });

  test('by a ticket', async () => {
    const { url } = await ticketFor(world, '/messages');
    const json = { path: `${world.account.path}/messages` };
    await expectRefused(await world.gateway.ask('POST', `${world.account.path}/tickets?${url.split('?')[1]}`, { json }));
  });
});

test('an operation takes a ticket if it is a GET of the scope read, and then its document says so', async () => {
  const { paths } = (await (await world.gateway.ask('GET', '/openapi.json')).json()) as {
    paths: Record<string, Record<string, { security: Record<string, string[]>[] }>>;
  };
  const ticketed = OPERATIONS.filter(({ path, method }) => paths[path]![method.toLowerCase()]!.security.some((entry) => 'ticket' in entry));
  const wanted = OPERATIONS.filter(({ path, method, scope }) => method === 'GET' && scope === 'read' && path.includes('{account}'));
  expect(ticketed.map(({ title }) => title)).toEqual(wanted.map(({ title }) => title));
  const { url } = await ticketFor(world, '/messages');
  const ticket = url.split('?')[1] ?? '';
  for (const operation of OPERATIONS.filter(({ scope }) => scope !== 'public')) {
    const described = { ...operation, path: `${operation.path}?${ticket}` };
    if (operation.path === '/v1/accounts/{account}/messages') continue;
    await expectRefused(await call(world.gateway, described, { account: world.account.id }, {}, {}));
  }
});
