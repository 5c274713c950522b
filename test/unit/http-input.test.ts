/** Bodies and queries that are refused: where exactly, with which words, and without being read further than needed. */
import { describe, expect, test } from 'vitest';
import { pointerOf } from '../../src/http/zod.ts';
import { HTTP } from '../../src/limits.ts';
import type { Asking } from '../support/asking.ts';
import { NEW_ACCOUNT, OPERATOR_KEY, problemOf, World } from './http-world.ts';

const MARK = 'zQx7secretMARK';

async function refusal(json: unknown) {
  const world = new World();
  const response = await world.ask('POST', '/v1/accounts', { as: OPERATOR_KEY, json });
  const problem = await problemOf(response);
  expect(problem.code).toBe('invalid_request');
  expect(world.directory.calls).toEqual([]);
  return problem.errors!;
}

const soon = () => new Date(Date.now() + 60_000).toISOString();

describe('the body of a new account', () => {
  test.each<[string, unknown, string]>([
    ['server', undefined, '/server'],
    ['server', { host: '' }, '/server/host'],
    ['server', { host: 'a\nb' }, '/server/host'],
    ['server', { host: 'x'.repeat(254) }, '/server/host'],
    ['server', { host: 'x', port: 0 }, '/server/port'],
    ['server', { host: 'x', port: 65_536 }, '/server/port'],
    ['server', { host: 'x', port: '995' }, '/server/port'],
    ['server', { host: 'x', port: 995.5 }, '/server/port'],
    ['server', { host: 'x', security: 'ssl' }, '/server/security'],
    ['server', { host: 'x', [MARK]: 1 }, '/server'],
    ['auth', { username: 'x' }, '/auth/password'],
    ['auth', { password: 'x' }, '/auth/username'],
    ['auth', { username: 'x', password: '' }, '/auth/password'],
    ['auth', { username: 'x\r\nDELE 1', password: 'x' }, '/auth/username'],
    ['auth', { username: 'x', password: 'x\r\nDELE 1' }, '/auth/password'],
    ['auth', { username: '\ud800', password: 'x' }, '/auth/username'],
    ['auth', { username: 'x', password: 'x'.repeat(4097) }, '/auth/password'],
    ['auth', { username: 'x', password: 'x', accessToken: 'y' }, '/auth/accessToken'],
    ['auth', { username: 'x', password: 'x', method: 'xoauth2' }, '/auth/method'],
    ['auth', { username: 'x', accessToken: 'x', method: 'plain' }, '/auth/method'],
    ['auth', { username: 'x', password: 'x', method: 'PLAIN' }, '/auth/method'],
    ['email', 'nobody', '/email'],
    ['externalId', '', '/externalId'],
    ['externalId', 'x'.repeat(129), '/externalId'],
    ['initial', 'some', '/initial'],
    ['pollSeconds', 59, '/pollSeconds'],
    ['pollSeconds', -1, '/pollSeconds'],
    ['pollSeconds', 'often', '/pollSeconds'],
    ['pollSeconds', 300.5, '/pollSeconds'],
    ['pollSeconds', 1e12, '/pollSeconds'],
    ['paused', 'no', '/paused'],
    ['verify', 1, '/verify'],
    ['location', 'moon', '/location'],
    ['jurisdiction', 'us', '/jurisdiction'],
    ['cache', { maxBytes: -1 }, '/cache/maxBytes'],
    ['cache', { maxBytes: 1024 ** 4 }, '/cache/maxBytes'],
    ['token', { scopes: [] }, '/token/scopes'],
    ['token', { scopes: ['read', 'read'] }, '/token/scopes'],
    ['token', { scopes: ['admin'] }, '/token/scopes/0'],
    ['token', { expiresAt: '2020-01-01T00:00:00Z' }, '/token/expiresAt'],
    ['token', { expiresAt: '2999-02-30T00:00:00Z' }, '/token/expiresAt'],
    ['token', { expiresAt: '2999-01-01' }, '/token/expiresAt'],
    ['token', { expiresAt: '2999-01-01T00:00:00+01:00' }, '/token/expiresAt'],
    ['token', { origins: ['https://app.example.com/'] }, '/token/origins/0'],
    ['token', { origins: ['https://APP.example.com'] }, '/token/origins/0'],
    ['token', { origins: ['https://app.example.com:443'] }, '/token/origins/0'],
    ['token', { origins: ['*'] }, '/token/origins/0'],
    ['token', { origins: ['https://*.example.com'] }, '/token/origins/0'],
    ['token', { origins: ['capacitor://*'] }, '/token/origins/0'],
    ['token', { origins: Array.from({ length: 21 }, () => 'https://a.example') }, '/token/origins'],
    ['token', { secret: 'x' }, '/token'],
    ['__proto__', { polluted: true }, ''],
    ['id', 'acc_x', ''],
  ])('is refused with %s = %j at %s', async (member, value, pointer) => {
    const body = Object.fromEntries([...Object.entries(NEW_ACCOUNT).filter(([name]) => name !== member), [member, value]]);
    const errors = await refusal(body);
    expect(errors.map((error) => error.pointer)).toContain(pointer);
    for (const { detail } of errors) expect(detail).toMatch(/^[A-Z].*\.$/s);
  });

  test.each([1, 59, -1, 300.5, 1e12, 'often', '300', null, {}])('says once what pollSeconds may be where it is %j', async (pollSeconds) => {
    const detail = 'Must be 0 (no polls), 60 to 2592000, or "auto".';
    expect(await refusal({ ...NEW_ACCOUNT, pollSeconds })).toEqual([{ pointer: '/pollSeconds', detail }]);
  });

  test.each<[string, unknown]>([
    ['pollSeconds', 0],
    ['pollSeconds', 60],
    ['token', { expiresAt: soon(), origins: ['https://app.example.com', 'http://localhost:5173', 'capacitor://localhost'] }],
    ['token', null],
    ['cache', { maxBytes: 0 }],
    ['auth', { username: 'x', accessToken: 'y'.repeat(16_384), method: 'oauthbearer' }],
    ['auth', { username: 'user with space', password: ' \t pass wörd 密 ' }],
    ['email', '"a@b"@example.com'],
  ])('is taken with %s = %j', async (member, value) => {
    const response = await new World().ask('POST', '/v1/accounts', { as: OPERATOR_KEY, json: { ...NEW_ACCOUNT, [member]: value } });
    expect(response.status).toBe(201);
  });

  test('says which members are known where one is not', async () => {
    const [error] = await refusal({ ...NEW_ACCOUNT, server: { host: 'x', [MARK]: 1 } });
    expect(error).toEqual({ pointer: '/server', detail: 'Has a member or parameter that is not known. Known here: host, port, security.' });
  });

  test('is answered with a bounded number of errors', async () => {
    const errors = await refusal({ ...NEW_ACCOUNT, token: { scopes: Array.from({ length: 5000 }, () => MARK) } });
    expect(errors.length).toBeLessThanOrEqual(HTTP.errors);
  });
});

describe('a query', () => {
  const paths: [string, string, string][] = [
    ['messages', 'limit=0', '/limit'],
    ['messages', 'limit=201', '/limit'],
    ['messages', 'limit=1e2', '/limit'],
    ['messages', 'limit=%2B5', '/limit'],
    ['messages', 'limit=', '/limit'],
    ['messages', 'limit=5&limit=6', '/limit'],
    ['messages', 'limit=5&%6Cimit=5', '/limit'],
    ['messages', 'order=up', '/order'],
    ['messages', 'fields=subject,nothing', '/fields'],
    ['messages', 'maxAge=-1', '/maxAge'],
    ['messages', 'maxAge=1.5', '/maxAge'],
    ['messages', 'maxAge=99999999999', '/maxAge'],
    ['messages', `cursor=${'x'.repeat(513)}`, '/cursor'],
    ['messages', `${MARK}=1`, ''],
    ['messages', '__proto__=1', ''],
    ['messages', 'wait=1', ''],
    ['changes', 'wait=26', '/wait'],
    ['changes', 'checkpoint=a%20b', '/checkpoint'],
    ['changes', 'include=all', '/include'],
    ['messages/kQ3vW0cJ8mX2dYf1sTnRrA', 'html=raw', '/html'],
    ['messages/kQ3vW0cJ8mX2dYf1sTnRrA', 'remote=all', '/remote'],
    ['messages/kQ3vW0cJ8mX2dYf1sTnRrA', 'inline=all', '/inline'],
    ['messages/kQ3vW0cJ8mX2dYf1sTnRrA', 'maxBodyBytes=0', '/maxBodyBytes'],
    ['messages/kQ3vW0cJ8mX2dYf1sTnRrA', 'maxBodyBytes=262145', '/maxBodyBytes'],
    ['messages/kQ3vW0cJ8mX2dYf1sTnRrA/raw', 'download=1', ''],
    ['messages/kQ3vW0cJ8mX2dYf1sTnRrA/attachments/2', 'disposition=show', '/disposition'],
    ['', 'verbose=1', ''],
  ];
  test.each(paths)('of …/%s is refused with ?%s at "%s"', async (path, query, pointer) => {
    const world = new World();
    const { id, mailbox, token } = world.account(['read']);
    const response = await world.ask('GET', `/v1/accounts/${id}${path === '' ? '' : `/${path}`}?${query}`, { as: token });
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 400, errors: [{ pointer }] });
    // It is asked who calls, and nothing else.
    expect(mailbox.calls.map(({ method }) => method)).toEqual(['authorize']);
  });

  test.each<[string, string, unknown]>([
    ['messages', '', { limit: 50, cursor: null, order: 'newest', fields: null, maxAge: 30 }],
    ['messages', 'limit=50&cursor=&order=newest&fields=&maxAge=30', { limit: 50, cursor: null, order: 'newest', fields: null, maxAge: 30 }],
    [
      'messages',
      'limit=200&cursor=c%2Bd&order=oldest&fields=subject,from,subject&maxAge=0',
      { limit: 200, cursor: 'c+d', order: 'oldest', fields: ['subject', 'from'], maxAge: 0 },
    ],
    ['changes', '', { since: null, checkpoint: null, limit: 200, maxAge: 30, include: 'headers' }],
    ['changes', 'since=s1.abc&limit=1&include=ids&maxAge=5', { since: 's1.abc', checkpoint: null, limit: 1, maxAge: 5, include: 'ids' }],
  ])('of …/%s reads ?%s', async (path, query, expected) => {
    const world = new World();
    const { id, mailbox } = world.account();
    expect((await world.ask('GET', `/v1/accounts/${id}/${path}?${query}`, { as: OPERATOR_KEY })).status).toBe(200);
    expect(mailbox.calls).toEqual([{ method: path, args: [expected] }]);
  });

  test.each([
    ['', { html: 'safe', remote: 'blocked', maxBodyBytes: 262_144, ticketsAt: null }],
    ['?html=original&remote=blocked&inline=none&maxBodyBytes=1', { html: 'original', remote: 'blocked', maxBodyBytes: 1, ticketsAt: null }],
    ['?remote=allowed&inline=tickets', { html: 'safe', remote: 'allowed', maxBodyBytes: 262_144, ticketsAt: 'http://localhost' }],
  ])('of a message reads %s', async (query, expected) => {
    const world = new World();
    const { id, mailbox } = world.account();
    await world.ask('GET', `/v1/accounts/${id}/messages/a%2Fb${query}`, { as: OPERATOR_KEY });
    expect(mailbox.calls).toEqual([{ method: 'message', args: ['a/b', expected] }]);
  });
});

function post(body: BodyInit, headers: Record<string, string>) {
  return new World().ask('POST', '/v1/accounts', { as: OPERATOR_KEY, body, headers });
}

describe('a request body', () => {
  const json = JSON.stringify(NEW_ACCOUNT);

  test.each(['application/json', 'application/json;charset=UTF-8', 'Application/JSON ; charset="utf-8"'])('is read as %s', async (type) => {
    expect((await post(json, { 'Content-Type': type })).status).toBe(201);
  });

  test.each([
    'text/plain',
    'application/jsonx',
    'application/json; charset=latin1',
    'application/x-www-form-urlencoded',
    'application/problem+json',
    'multipart/form-data; boundary=x',
  ])('is 415 as %s', async (type) => {
    expect((await post(json, { 'Content-Type': type })).status).toBe(415);
  });

  test('is 415 without a Content-Type', async () => {
    expect((await post(new TextEncoder().encode(json), {})).status).toBe(415);
  });

  test.each([
    ['nothing', ''],
    ['half of JSON', json.slice(0, -1)],
    ['JSON that is no object', '[]'],
    ['null', 'null'],
    ['octets that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['100,000 brackets', '['.repeat(100_000)],
  ])('is 400 if it is %s', async (_, body) => {
    const problem = await problemOf(await post(body, { 'Content-Type': 'application/json' }));
    expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '' }] });
  });

  test('is 413 by its Content-Length, unread', async () => {
    const body = new ReadableStream({ pull: () => Promise.reject(new Error('was read')) }, { highWaterMark: 0 });
    const response = await post(body, { 'Content-Type': 'application/json', 'Content-Length': String(HTTP.bodyOctets + 1) });
    expect(await problemOf(response)).toMatchObject({ status: 413, code: 'request_too_large' });
  });

  test('is 413 by its octets, read no further than needed', async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1000;
        controller.enqueue(new Uint8Array(1000).fill(0x20));
      },
    });
    const response = await post(body, { 'Content-Type': 'application/json' });
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(HTTP.bodyOctets + 5000);
  });

  test('of exactly the limit is read', async () => {
    expect((await post(json.padEnd(HTTP.bodyOctets), { 'Content-Type': 'application/json' })).status).toBe(201);
    expect((await post(json.padEnd(HTTP.bodyOctets + 1), { 'Content-Type': 'application/json' })).status).toBe(413);
  });

  test.each([undefined, '', '{}'])('of a sync may be %j', async (body) => {
    const world = new World();
    const { id } = world.account();
    const headers = body === '{}' ? { 'Content-Type': 'application/json' } : {};
    const response = await world.ask('POST', `/v1/accounts/${id}/sync`, {
      as: OPERATOR_KEY,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    expect(response.status).toBe(200);
  });

  test('of a sync with members is refused', async () => {
    const world = new World();
    const { id } = world.account();
    expect((await world.ask('POST', `/v1/accounts/${id}/sync`, { as: OPERATOR_KEY, json: { force: true } })).status).toBe(400);
  });
});

describe('the body of a DELETE', () => {
  const asked = async (path: string, asking: Asking) => {
    const world = new World();
    const { id, mailbox } = world.account();
    const { status } = await world.ask('DELETE', `/v1/accounts/${id}/${path}`, { as: OPERATOR_KEY, ...asking });
    return { status, calls: mailbox.calls.length };
  };

  test.each(['messages/kQ3vW0cJ8mX2dYf1sTnRrA', 'checkpoints/phone'])(
    'of %s may be empty, and what it says is not passed over',
    async (path) => {
      const taken = await asked(path, {});
      expect(taken.calls).toBe(1);
      for (const asking of [{ body: '' }, { json: {} }, { body: '', headers: { 'Content-Type': 'application/json' } }])
        expect(await asked(path, asking)).toEqual(taken);
      for (const json of [{ dryRun: true }, [], null]) expect(await asked(path, { json })).toEqual({ status: 400, calls: 0 });
      expect(await asked(path, { body: 'dryRun=true' })).toEqual({ status: 415, calls: 0 });
      expect(await asked(path, { body: ' '.repeat(HTTP.bodyOctets + 1) })).toEqual({ status: 413, calls: 0 });
    },
  );
});

test('a pointer escapes what RFC 6901 says', () => {
  expect(pointerOf([])).toBe('');
  expect(pointerOf(['a/b', 0, 'm~n'])).toBe('/a~1b/0/m~0n');
});
