/** Who may do what with two accounts and their tokens, and what every route says to what it doesn't take. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChangesPage, MessagePage } from '../../src/mailbox/rpc.ts';
import { Maildrop } from '../support/maildrop.ts';
import { startPop3Server } from '../support/pop3-server.ts';
import { BAD_QUERIES, flipped, madeUp } from './bad-input.ts';
import { type Created, MARK, type Problem } from './client.ts';
import { OPERATOR_KEY, World } from './world.ts';

const APP = 'https://app.example.com';
const ABSENT = 'acc_00000000000000000000AA';

let world: World;
let server: { host: string; port: number };
/** Ann's token may read and write; Bob's may all. */
let ann: Created;
let bob: Created;
let paths: { ann: string; bob: string };
let ids: string[];

const drops = { ann: new Maildrop(), bob: new Maildrop() };

function tokenOf({ token }: Created): string {
  return token?.secret ?? '';
}

/** A problem without what differs from one answer to the next. */
function alike(problem: Problem): Partial<Problem> {
  return { ...problem, instance: '' };
}

beforeAll(async () => {
  world = await World.make();
  for (const [name, drop] of Object.entries(drops))
    for (let n = 1; n <= 3; n++) drop.add(Buffer.from(`Subject: ${name} ${n}\r\nFrom: x@example.com\r\n\r\nText.\r\n`), `${name}-${n}`);
  const users = new Map(Object.entries(drops).map(([name, maildrop]) => [name, { password: 'secret-of-all', maildrop }]));
  const { port } = await world.add(startPop3Server({ users, tls: world.certificate }));
  await world.start({ CORS_ORIGINS: `${APP},https://other.example.com` });
  server = { host: 'localhost', port };
  const account = (username: string, token: unknown) =>
    world.operator.create({ server, auth: { username, password: 'secret-of-all' }, externalId: `id of ${username}`, token });
  ann = await account('ann', { scopes: ['read', 'write'], origins: [APP] });
  bob = await account('bob', { scopes: ['manage'] });
  paths = { ann: `/v1/accounts/${ann.account.id}`, bob: `/v1/accounts/${bob.account.id}` };
  const page = await world.operator.get<MessagePage>(`${paths.ann}/messages`);
  ids = page.data.map(({ id }) => id ?? '');
});

afterAll(() => world?.end());

describe('a credential', () => {
  test.each<[string, () => string | null]>([
    ['none', () => null],
    ['an empty one', () => ''],
    ['a wrong key of the same length', () => MARK.padEnd(OPERATOR_KEY.length, 'x')],
    ['half of the key', () => OPERATOR_KEY.slice(0, -1)],
    ['the key twice', () => `${OPERATOR_KEY},${OPERATOR_KEY}`],
    ['a token with a wrong last character', () => tokenOf(ann).slice(0, -1) + (tokenOf(ann).endsWith('0') ? '1' : '0')],
    ['a token that was never given', () => madeUp(ann.account.id)],
    ['a token of an account that is not there', () => madeUp(ABSENT)],
    ['a token of an account in another jurisdiction', () => madeUp(`acc_1${ABSENT.slice(5)}`)],
    ['the id of a token', () => ann.token?.id ?? ''],
  ])('%s opens nothing', async (_, credential) => {
    const problems = [];
    for (const path of [paths.ann, '/v1/accounts']) problems.push(await world.as(credential()).refused(401, 'unauthorized', 'GET', path));
    expect(problems.map(alike)).toEqual([alike(problems[0]!), alike(problems[0]!)]);
  });

  test('is a bearer token, and nowhere but in the header', async () => {
    for (const headers of [{ Authorization: OPERATOR_KEY }, { Authorization: `Basic ${btoa(`x:${OPERATOR_KEY}`)}` }])
      await world.as(null).refused(401, 'unauthorized', 'GET', '/v1/accounts', { headers });
    await world.as(null).refused(401, 'unauthorized', 'GET', `/v1/accounts?access_token=x`);
  });

  test('opens its own account, as far as its scopes go', async () => {
    const client = world.as(tokenOf(ann));
    expect((await client.call('GET', paths.ann)).status).toBe(200);
    expect((await client.call('POST', `${paths.ann}/sync`)).status).toBe(200);
    await client.refused(403, 'forbidden', 'DELETE', `${paths.ann}/messages/${ids[0]}`);
    await client.refused(403, 'forbidden', 'DELETE', paths.ann);
    await client.refused(403, 'forbidden', 'GET', '/v1/accounts');
    await client.refused(403, 'forbidden', 'POST', '/v1/accounts', { json: { server, auth: { username: 'eve', password: MARK } } });
    expect(drops.ann.list().length).toBe(3);
  });

  test('is refused to a page of another origin', async () => {
    const client = world.as(tokenOf(ann));
    expect((await client.call('GET', paths.ann, { headers: { Origin: APP } })).status).toBe(200);
    await client.refused(403, 'forbidden', 'GET', paths.ann, { headers: { Origin: 'https://other.example.com' } });
    await client.refused(403, 'forbidden', 'GET', paths.ann, { headers: { Origin: 'null' } });
  });

  test("of another account finds nothing, as if the account weren't there", async () => {
    const client = world.as(tokenOf(bob));
    const rest = ['', '/messages', `/messages/${ids[0]}`, `/messages/${ids[0]}/raw`, '/changes'];
    for (const path of rest) {
      const foreign = await client.refused(404, 'not_found', 'GET', paths.ann + path);
      const absent = await client.refused(404, 'not_found', 'GET', `/v1/accounts/${ABSENT}${path}`);
      const operator = await world.operator.refused(404, 'not_found', 'GET', `/v1/accounts/${ABSENT}${path}`);
      expect([foreign, operator].map(alike)).toEqual([alike(absent), alike(absent)]);
    }
    for (const path of ['', `/messages/${ids[0]}`]) await client.refused(404, 'not_found', 'DELETE', paths.ann + path);
    await client.refused(404, 'not_found', 'GET', `${paths.bob}/messages/${ids[0]}`);
    expect((await world.operator.get<MessagePage>(`${paths.ann}/messages`)).total).toBe(3);
  });

  test('that expires is refused from then on', async () => {
    const expiresAt = new Date(Date.now() + 3_000).toISOString();
    const auth = { username: 'ann', password: 'secret-of-all' };
    const made = await world.operator.create({ server, auth, verify: false, paused: true, token: { scopes: ['read'], expiresAt } });
    expect(made.token?.expiresAt).toBe(expiresAt);
    const client = world.as(tokenOf(made));
    const path = `/v1/accounts/${made.account.id}`;
    const early = await client.call('GET', path);
    // A slow machine may need more than the three seconds.
    if (Date.now() < Date.parse(expiresAt)) expect(early.status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, Date.parse(expiresAt) - Date.now() + 50));
    await client.refused(401, 'unauthorized', 'GET', path);
    expect((await world.operator.call('DELETE', path)).status).toBe(204);
  });
});

describe('a query', () => {
  test.each(BAD_QUERIES)('%s is refused at %j', async (query, pointer) => {
    const { errors } = await world.operator.refused(400, 'invalid_request', 'GET', `${paths.ann}/${query}`);
    expect(errors?.map((error) => error.pointer)).toEqual([pointer]);
  });

  test('of a message or of the accounts is held to the same', async () => {
    const message = `${paths.ann}/messages/${ids[0]}`;
    for (const query of ['html=raw', 'maxBodyBytes=0', 'maxBodyBytes=262145', `${MARK}=1`])
      await world.operator.refused(400, 'invalid_request', 'GET', `${message}?${query}`);
    for (const query of ['limit=0', 'limit=201', `cursor=${MARK}`, `${MARK}=1`])
      await world.operator.refused(400, 'invalid_request', 'GET', `/v1/accounts?${query}`);
    for (const path of [`${message}/raw`, paths.ann, '/healthz'])
      await world.operator.refused(400, 'invalid_request', 'GET', `${path}?${MARK}=1`);
  });

  test('with a cursor or a state of another account, or with one that was changed, is refused', async () => {
    const { nextCursor } = await world.operator.get<MessagePage>(`${paths.bob}/messages?limit=1`);
    const { newState } = await world.operator.get<ChangesPage>(`${paths.bob}/changes`);
    const { nextCursor: accounts } = await world.operator.get<MessagePage>('/v1/accounts?limit=1');
    const own = await world.operator.get<ChangesPage>(`${paths.ann}/changes`);
    for (const cursor of [nextCursor, accounts]) {
      expect(cursor).toMatch(/^p1\./);
      await world.operator.refused(400, 'invalid_request', 'GET', `${paths.ann}/messages?cursor=${cursor}`);
    }
    await world.operator.refused(400, 'invalid_request', 'GET', `/v1/accounts?cursor=${nextCursor}`);
    await world.operator.refused(400, 'invalid_request', 'GET', `${paths.bob}/messages?limit=1&order=oldest&cursor=${nextCursor}`);
    for (const at of [4, 15, 20, 30]) {
      await world.operator.refused(400, 'invalid_request', 'GET', `${paths.bob}/messages?cursor=${flipped(nextCursor ?? '', at)}`);
      await world.operator.refused(400, 'invalid_request', 'GET', `${paths.ann}/changes?since=${flipped(own.newState, at)}`);
    }
    await world.operator.refused(400, 'invalid_request', 'GET', `${paths.ann}/changes?since=${newState}`);
    expect((await world.operator.get<ChangesPage>(`${paths.ann}/changes?since=${own.newState}`)).created).toEqual([]);
  });
});

describe('an externalId', () => {
  const auth = { username: 'ann', password: MARK };

  test('that is taken names the account that has it, before anybody logs in', async () => {
    const json = { server, auth, externalId: 'id of ann' };
    const { account } = await world.operator.refused(409, 'conflict', 'POST', '/v1/accounts', { json });
    expect(account).toBe(ann.account.id);
    expect((await world.operator.get<{ data: unknown[] }>('/v1/accounts')).data.length).toBe(2);
  });

  test('is looked at after the shape and the target', async () => {
    const taken = { externalId: 'id of ann', server: { host: '127.0.0.1' }, auth };
    await world.operator.refused(400, 'invalid_request', 'POST', '/v1/accounts', { json: { ...taken, [MARK]: 1 } });
    await world.operator.refused(422, 'target_not_allowed', 'POST', '/v1/accounts', { json: taken });
  });

  test('of an account that could not be made is free again', async () => {
    const json = { server, auth, externalId: 'id of eve' };
    for (let n = 0; n < 2; n++) await world.operator.refused(424, 'upstream_auth_failed', 'POST', '/v1/accounts', { json });
    expect(await world.operator.get('/v1/accounts?externalId=id+of+eve')).toEqual({ data: [], nextCursor: null });
  });
});

describe('a route', () => {
  test.each<[string, string, string[]]>([
    ['PUT', '/v1/accounts', ['GET', 'POST']],
    ['DELETE', '/v1/accounts', ['GET', 'POST']],
    ['POST', '/v1/accounts/x/messages', ['GET']],
    ['PUT', '/v1/accounts/x/changes', ['GET']],
    ['GET', '/v1/accounts/x/sync', ['POST']],
    ['DELETE', '/v1/accounts/x/messages/y/raw', ['GET']],
    ['POST', '/healthz', ['GET']],
  ])('does not take %s %s, and says what it takes', async (method, path, allowed) => {
    const { headers } = await world.operator.refusal(405, 'method_not_allowed', method, path);
    const allow = headers.get('Allow')?.split(', ');
    expect(allow).toEqual(expect.arrayContaining(allowed));
    expect(allow).not.toContain(method);
  });

  test.each([
    '/v1',
    '/v1/',
    '/v1/nothing',
    '/v1/accounts/',
    '/v2/accounts',
    '/v1/accounts/x/y/z',
    `/${MARK}`,
    '/.dev.vars',
    '/wrangler.toml',
  ])('is not there: %s', async (path) => {
    await world.operator.refused(404, 'not_found', 'GET', path);
  });

  test('of no account that could be is not found', async () => {
    for (const id of [
      'x',
      'acc_',
      `${ann.account.id}0`,
      ann.account.id.toLowerCase(),
      'tok_0000000000000000000000',
      '%00',
      'a'.repeat(4_000),
    ])
      await world.operator.refused(404, 'not_found', 'GET', `/v1/accounts/${id}`);
  });
});

describe('a page of another origin', () => {
  const preflight = { 'Access-Control-Request-Method': 'DELETE', 'Access-Control-Request-Headers': 'authorization' };

  test.each(['/v1/accounts', '/v1/accounts/x/messages/y', '/v1/nothing'])('may ask %s before it asks', async (path) => {
    const { status, headers } = await world.as(null).call('OPTIONS', path, { headers: { Origin: APP, ...preflight } });
    expect(status).toBe(204);
    expect(Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')))).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': expect.stringMatching(/\bDELETE\b/),
      'access-control-allow-headers': 'Authorization, Content-Type, If-Match, If-None-Match, Range',
      'access-control-max-age': '7200',
      'access-control-expose-headers': expect.any(String),
    });
  });

  test('that is not listed learns nothing', async () => {
    const { headers } = await world.as(null).call('OPTIONS', '/v1/accounts', { headers: { Origin: 'https://evil.example', ...preflight } });
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  test('may read answers and problems, and the headers that matter', async () => {
    for (const path of [paths.bob, '/v1/nothing', `${paths.bob}?x=1`]) {
      const { headers } = await world.operator.call('GET', path, { headers: { Origin: APP } });
      expect(headers.get('Access-Control-Allow-Origin')).toBe(APP);
      for (const name of ['ETag', 'Location', 'Retry-After', 'Request-Id', 'Repr-Digest', 'Content-Disposition'])
        expect(headers.get('Access-Control-Expose-Headers')?.split(', ')).toContain(name);
      expect(headers.has('Access-Control-Allow-Credentials')).toBe(false);
    }
  });
});

test('the deployment says that it is well, to anybody', async () => {
  expect(await world.as(null).get('/healthz')).toEqual({ ok: true, version: expect.stringMatching(/^\d+\.\d+\.\d+/), configured: true });
});

test('nothing that was secret has been printed', () => {
  expect(world.printed('secret-of-all', 'id of ann')).toEqual([]);
});
