/** Where an account may lead to: names that are looked up when it is made and before each connection. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { AccountView, Diagnosis } from '../../src/mailbox/rpc.ts';
import { NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import { startPop3Server, type Pop3Server } from '../support/pop3-server.ts';
import { startResolver, type StubResolver } from '../support/resolver.ts';

let stub: StubResolver;
let server: Pop3Server;
beforeAll(async () => {
  stub = await startResolver();
  server = await startPop3Server({ users: new Map([['ann', { password: 'secret' }]]) });
});
afterEach(() => {
  stub.zone.clear();
  stub.questions.length = 0;
});
afterAll(() => Promise.all([stub.close(), server.close()]));

const HOST = 'pop.example.com';
const checking = () => new NodeGateway({ ports: [server.port], vars: { DNS_CHECK: 'on', DNS_RESOLVER: stub.url } });
const account = (more: object = {}) => ({
  server: { host: HOST },
  auth: { username: 'ann', password: 'a secret password' },
  token: null,
  ...more,
});

async function create(gateway: NodeGateway, json: object): Promise<Response> {
  return gateway.ask('POST', '/v1/accounts', { as: OPERATOR_KEY, json });
}

test('a name that leads into a private network is 422 before anything else is looked at, with and without a login', async () => {
  const gateway = checking();
  const listed = { server: { host: '127.0.0.1', port: server.port, security: 'none' }, externalId: 'taken', verify: false };
  expect((await create(gateway, account(listed))).status).toBe(201);
  stub.zone.set(HOST, { a: ['8.8.8.8'], aaaa: ['fd00::1'] });
  for (const verify of [true, false]) {
    const problem = await problemOf(await create(gateway, account({ verify, externalId: 'taken' })));
    expect(problem).toMatchObject({ status: 422, code: 'target_not_allowed' });
    expect(JSON.stringify(problem)).not.toMatch(/fd00|example|8\.8/);
  }
  expect(gateway.mailboxes.size).toBe(1);
});

test('a name that leads nowhere, or that nobody can say anything about, is 502 and nothing is opened', async () => {
  const gateway = checking();
  expect(await problemOf(await create(gateway, account()))).toMatchObject({ status: 502, code: 'upstream_unreachable', retryable: true });
  stub.zone.set(HOST, (response) => response.writeHead(500).end());
  const problem = await problemOf(await create(gateway, account()));
  expect(problem).toMatchObject({ status: 502, code: 'upstream_unreachable', detail: expect.stringContaining('could not be looked up') });
  const { data } = (await (await gateway.ask('GET', '/v1/accounts', { as: OPERATOR_KEY })).json()) as { data: unknown[] };
  expect(data).toEqual([]);
});

test('a diagnosis says of a name that nobody can say anything about that it could not be looked up, not that nothing answers there', async () => {
  const gateway = checking();
  stub.zone.set(HOST, (response) => response.writeHead(500).end());
  const response = await gateway.ask('POST', '/v1/diagnose', { as: OPERATOR_KEY, json: { server: { host: HOST } } });
  const { advice, steps } = (await response.json()) as Diagnosis;
  expect(steps.at(-1)).toMatchObject({ name: 'connect', code: 'upstream_unreachable', detail: expect.stringContaining('looked up') });
  expect(advice).toMatch(/^The name of the server could not be looked up/);
  expect(stub.questions).toHaveLength(2);
});

test('a listed target is not looked up', async () => {
  const gateway = checking();
  await gateway.account(server.port);
  expect(stub.questions).toEqual([]);
});

test('an account whose name has moved into a private network is unreachable and says why', async () => {
  const gateway = checking();
  stub.zone.set(HOST, { a: ['8.8.8.8'] });
  const response = await create(gateway, account({ verify: false, pollSeconds: 60 }));
  const { account: made } = (await response.json()) as { account: AccountView };
  const path = `/v1/accounts/${made.id}`;
  stub.zone.set(HOST, { a: ['127.0.0.1'] });
  const problem = await problemOf(await gateway.ask('POST', `${path}/sync`, { as: OPERATOR_KEY }));
  expect(problem).toMatchObject({ status: 422, code: 'target_not_allowed' });
  const view = (await (await gateway.ask('GET', path, { as: OPERATOR_KEY })).json()) as AccountView;
  expect(view).toMatchObject({ state: 'unreachable', consecutiveFailures: 1, lastError: { code: 'target_not_allowed' } });
});
