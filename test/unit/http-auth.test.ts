/** Who may do what: each route asked with each kind of credential, and what a stranger can learn from the answers. */
import { describe, expect, test } from 'vitest';
import { newToken } from '../../src/crypto/token.ts';
import { newAccountId } from '../../src/crypto/ids.ts';
import type { Scope } from '../../src/mailbox/rpc.ts';
import { NEW_ACCOUNT, OPERATOR_KEY, problemOf, World } from './http-world.ts';
import { random } from './http-fakes.ts';

interface Endpoint {
  method: string;
  path: (account: string) => string;
  scope: 'operator' | Scope;
  json?: unknown;
  status: number;
}

const MESSAGE = '/messages/kQ3vW0cJ8mX2dYf1sTnRrA';
const CHECKPOINT = '/checkpoints/phone';
const ENDPOINTS: Endpoint[] = [
  { method: 'POST', path: () => '/v1/accounts', scope: 'operator', json: NEW_ACCOUNT, status: 201 },
  { method: 'GET', path: () => '/v1/accounts', scope: 'operator', status: 200 },
  { method: 'GET', path: (id) => `/v1/accounts/${id}`, scope: 'read', status: 200 },
  { method: 'DELETE', path: (id) => `/v1/accounts/${id}`, scope: 'manage', status: 204 },
  { method: 'GET', path: (id) => `/v1/accounts/${id}/messages`, scope: 'read', status: 200 },
  { method: 'GET', path: (id) => `/v1/accounts/${id}${MESSAGE}`, scope: 'read', status: 200 },
  { method: 'DELETE', path: (id) => `/v1/accounts/${id}${MESSAGE}`, scope: 'delete', status: 204 },
  { method: 'POST', path: (id) => `/v1/accounts/${id}/messages/get`, scope: 'read', json: { ids: [] }, status: 200 },
  { method: 'POST', path: (id) => `/v1/accounts/${id}/messages/delete`, scope: 'delete', json: { ids: [] }, status: 200 },
  { method: 'GET', path: (id) => `/v1/accounts/${id}${MESSAGE}/raw`, scope: 'read', status: 200 },
  { method: 'HEAD', path: (id) => `/v1/accounts/${id}${MESSAGE}/raw`, scope: 'read', status: 200 },
  { method: 'GET', path: (id) => `/v1/accounts/${id}${MESSAGE}/attachments/2`, scope: 'read', status: 200 },
  { method: 'GET', path: (id) => `/v1/accounts/${id}/changes`, scope: 'read', status: 200 },
  { method: 'GET', path: (id) => `/v1/accounts/${id}/checkpoints`, scope: 'read', status: 200 },
  { method: 'GET', path: (id) => `/v1/accounts/${id}${CHECKPOINT}`, scope: 'read', status: 200 },
  { method: 'PUT', path: (id) => `/v1/accounts/${id}${CHECKPOINT}`, scope: 'write', json: { state: 's1.a' }, status: 200 },
  { method: 'DELETE', path: (id) => `/v1/accounts/${id}${CHECKPOINT}`, scope: 'write', status: 204 },
  { method: 'POST', path: (id) => `/v1/accounts/${id}/sync`, scope: 'read', status: 200 },
];
const SCOPES: Scope[] = ['read', 'write', 'delete', 'manage'];
const OF_ACCOUNT = ENDPOINTS.filter(({ scope }) => scope !== 'operator');
const OF_OPERATOR = ENDPOINTS.filter(({ scope }) => scope === 'operator');
const name = (endpoint: Endpoint) => `${endpoint.method} ${endpoint.path('{account}')}`;

function ask(world: World, endpoint: Endpoint, id: string, as?: string) {
  const json = endpoint.json === undefined ? {} : { json: endpoint.json };
  return world.ask(endpoint.method, endpoint.path(id), { ...json, ...(as === undefined ? {} : { as }) });
}

/** A problem without what tells one request from another. */
async function essence(response: Response) {
  const headers = [...response.headers].filter(([header]) => header !== 'request-id');
  const { instance: _, ...body } = response.body === null ? { instance: '' } : await problemOf(response);
  return { status: response.status, headers, body };
}

describe.each(ENDPOINTS.map((endpoint) => ({ title: name(endpoint), endpoint })))('$title', ({ endpoint }) => {
  test('is done for the operator', async () => {
    const world = new World();
    const { id } = world.account();
    expect((await ask(world, endpoint, id, OPERATOR_KEY)).status).toBe(endpoint.status);
  });

  test.each([
    ['no credential', undefined],
    ['a wrong operator key', 'operator-key-of-the-tests-012345678x'],
    ['something that is no token', 'pgt_nonsense'],
    ['a token of an account that never was', newToken(random, newAccountId(random, null))],
  ])('is 401 with %s', async (_, as) => {
    const world = new World();
    const { id } = world.account();
    const response = await ask(world, endpoint, id, as);
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
    if (endpoint.method !== 'HEAD') expect((await problemOf(response)).code).toBe('unauthorized');
  });

  test('is 401 with a token of this account that is made up', async () => {
    const world = new World();
    const { id } = world.account();
    expect((await ask(world, endpoint, id, newToken(random, id))).status).toBe(401);
  });

  test.each(SCOPES)('with a token of scope %s is what the scope allows', async (scope) => {
    const world = new World();
    const { id, token } = world.account([scope]);
    const allowed = endpoint.scope !== 'operator' && (scope === 'manage' || scope === endpoint.scope);
    expect((await ask(world, endpoint, id, token)).status).toBe(allowed ? endpoint.status : 403);
  });
});

describe.each(OF_ACCOUNT.map((endpoint) => ({ title: name(endpoint), endpoint })))('$title', ({ endpoint }) => {
  test('tells a foreign, an absent and an impossible account apart for nobody', async () => {
    const world = new World();
    const mine = world.account(['read']);
    const foreign = world.account().id;
    const absent = newAccountId(random, null);
    const answers = [];
    for (const id of [foreign, absent, 'acc_1', 'acc_' + '0'.repeat(3000), '%00'])
      answers.push(await essence(await ask(world, endpoint, id, mine.token)));
    for (const id of [absent, 'nothing', '%E0%A4%A']) answers.push(await essence(await ask(world, endpoint, id, OPERATOR_KEY)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]!.status).toBe(404);
  });

  test('asks nothing of the foreign account', async () => {
    const world = new World();
    const mine = world.account();
    const foreign = world.account();
    await ask(world, endpoint, foreign.id, mine.token);
    expect(foreign.mailbox.calls).toEqual([]);
    expect(mine.mailbox.calls.map(({ method }) => method)).toEqual(['authorize']);
  });
});

describe.each(OF_OPERATOR.map((endpoint) => ({ title: name(endpoint), endpoint })))('$title', ({ endpoint }) => {
  test('changes nothing for a token', async () => {
    const world = new World();
    const { id, token } = world.account();
    expect((await ask(world, endpoint, id, token)).status).toBe(403);
    expect(world.directory.calls).toEqual([]);
  });
});

test('a removed account answers its tokens 401 and the operator 404', async () => {
  const world = new World();
  const { id, token } = world.account();
  expect((await world.ask('DELETE', `/v1/accounts/${id}`, { as: token })).status).toBe(204);
  expect((await world.ask('DELETE', `/v1/accounts/${id}`, { as: token })).status).toBe(401);
  expect((await world.ask('GET', `/v1/accounts/${id}`, { as: token })).status).toBe(401);
  expect((await world.ask('DELETE', `/v1/accounts/${id}`, { as: OPERATOR_KEY })).status).toBe(404);
});

test('each of several operator keys is good', async () => {
  const other = 'another-operator-key-0123456789abcdef';
  const world = new World({ OPERATOR_KEY: `${OPERATOR_KEY},${other}` });
  expect((await world.ask('GET', '/v1/accounts', { as: OPERATOR_KEY })).status).toBe(200);
  expect((await world.ask('GET', '/v1/accounts', { as: other })).status).toBe(200);
  expect((await world.ask('GET', '/v1/accounts', { as: `${OPERATOR_KEY},${other}` })).status).toBe(401);
});

test.each(['Basic b3A6b3A=', 'Bearer', `bearer${OPERATOR_KEY}`, `Bearer ${OPERATOR_KEY} x`, `Token ${OPERATOR_KEY}`])(
  '"%s" is no credential',
  async (header) => {
    const world = new World();
    const response = await world.ask('GET', '/v1/accounts', { headers: { Authorization: header } });
    expect(response.status).toBe(401);
  },
);

test('the scheme is read in any case', async () => {
  const world = new World();
  expect((await world.ask('GET', '/v1/accounts', { headers: { Authorization: `bEARER  ${OPERATOR_KEY}` } })).status).toBe(200);
});

test("the token's page is told to the Mailbox", async () => {
  const world = new World();
  const { id, mailbox, token } = world.account();
  await world.ask('GET', `/v1/accounts/${id}`, { as: token, headers: { Origin: 'https://app.example.com' } });
  await world.ask('GET', `/v1/accounts/${id}`, { as: token });
  expect(mailbox.callers).toMatchObject([{ origin: 'https://app.example.com' }, { origin: null }]);
});
