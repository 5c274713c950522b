/**
 * Who may do what: every operation of the OpenAPI document with every kind of credential, against real objects. An operation
 * that is added is tested here by being there.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newAccountId, newMessageIds } from '../../src/crypto/ids.ts';
import { newToken } from '../../src/crypto/token.ts';
import type { Scope, TokenSettings } from '../../src/mailbox/rpc.ts';
import { type ApiOperation, call, operationsOf } from '../support/api-operations.ts';
import { mailUsers } from '../support/mail-users.ts';
import { type Asking, type MadeAccount, NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import { startPop3Server, type Pop3Server } from '../support/pop3-server.ts';
import { random } from './http-fakes.ts';

const OPERATIONS = await operationsOf(new NodeGateway());
const CLOSED = OPERATIONS.filter(({ scope }) => scope !== 'public');
const OF_ACCOUNT = CLOSED.filter(({ path }) => path.includes('{account}'));
const SCOPES: Scope[] = ['read', 'write', 'delete', 'manage'];
const APP = 'https://app.example.com';

const USERS = mailUsers(2_000, ['Subject: one\r\n\r\nHello\r\n']);

let server: Pop3Server;
let gateway: NodeGateway;
/** An account for each kind of token that isn't let in, or not everywhere. */
let tokens: Record<'expired' | 'revoked' | 'removed' | 'page' | Scope, MadeAccount>;

/** One that no message has. */
function messageId(): string {
  return newMessageIds(random, 1)[0] ?? '';
}

async function make(token: Partial<TokenSettings> = {}): Promise<MadeAccount> {
  return gateway.account(server.port, token, { auth: USERS.next() });
}

beforeAll(async () => {
  server = await startPop3Server({ users: USERS.users });
  gateway = new NodeGateway({ ports: [server.port] });
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  tokens = {
    expired: await make({ expiresAt }),
    revoked: await make(),
    removed: await make(),
    page: await make({ origins: [APP] }),
    read: await make({ scopes: ['read'] }),
    write: await make({ scopes: ['write'] }),
    delete: await make({ scopes: ['delete'] }),
    manage: await make({ scopes: ['manage'] }),
  };
  gateway.advance(120_000);
  const { data } = (await (await gateway.ask('GET', `${tokens.revoked.path}/tokens`, { as: OPERATOR_KEY })).json()) as {
    data: { id: string }[];
  };
  for (const { id } of data) await gateway.ask('DELETE', `${tokens.revoked.path}/tokens/${id}`, { as: OPERATOR_KEY });
  await gateway.ask('DELETE', tokens.removed.path, { as: OPERATOR_KEY });
});
afterAll(() => server.close());

/** A message of the account, listed. */
async function messageOf({ path, token }: MadeAccount): Promise<string> {
  const response = await gateway.ask('GET', `${path}/messages`, { as: token });
  const { data } = (await response.json()) as { data?: { id: string }[] };
  return data?.[0]?.id ?? messageId();
}

function ask(operation: ApiOperation, parameters: Record<string, string>, asking: Asking): Promise<Response> {
  const target = { host: '127.0.0.1', port: server.port, security: 'none' };
  return call(gateway, operation, parameters, asking, { server: target, auth: USERS.next() });
}

/** The answer must be this problem; HEAD is not asked here, so there is always a body. */
async function expectProblem(response: Response, status: number, code: string): Promise<void> {
  expect(response.status).toBe(status);
  expect(await problemOf(response)).toMatchObject({ status, code });
  expect(response.headers.get('WWW-Authenticate')).toBe(status === 401 ? 'Bearer' : null);
}

/** Neither refused for who asks nor an error of ours. What the call itself comes to is tested where it belongs. */
async function expectAdmitted(response: Response): Promise<void> {
  const text = await response.text();
  expect([401, 403, 429], text).not.toContain(response.status);
  expect(response.status, text).toBeLessThan(500);
}

test('there are operations of each scope', () => {
  expect(new Set(OPERATIONS.map(({ scope }) => scope))).toEqual(new Set(['public', 'operator', 'any', ...SCOPES]));
  for (const { path, scope } of OPERATIONS) if (path.startsWith('/v1/accounts')) expect(scope).not.toBe('public');
});

describe.each(CLOSED)('$title ($scope)', (operation) => {
  const forOperator = operation.scope === 'operator';

  test.each<[string, () => string | undefined]>([
    ['no token', () => undefined],
    ['something that is no token', () => 'nonsense'],
    ['a token with a wrong checksum', () => `${tokens.manage.token.slice(0, -1)}${tokens.manage.token.endsWith('0') ? '1' : '0'}`],
    ['a wrong operator key', () => `${OPERATOR_KEY}x`],
    ['a token that was made up for this account', () => newToken(random, tokens.manage.id)],
    ['a token of an account that never was', () => newToken(random, newAccountId(random, null))],
  ])('is 401 with %s', async (_, credential) => {
    const as = credential();
    await expectProblem(await ask(operation, { account: tokens.manage.id }, as === undefined ? {} : { as }), 401, 'unauthorized');
  });

  test('is 401 with a bad token even where the request is not valid', async () => {
    const { id } = tokens.manage;
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'account' ? id : 'x'.repeat(600)));
    for (const as of [newToken(random, id), tokens.expired.token])
      for (const url of [path, `${path}?nonsense=1`]) {
        const account = as === tokens.expired.token ? url.replace(id, tokens.expired.id) : url;
        await expectProblem(await gateway.ask(operation.method, account, { as }), 401, 'unauthorized');
      }
  });

  test.each(['expired', 'revoked', 'removed'] as const)('is 401 with a token that is %s', async (kind) => {
    const { id, token } = tokens[kind];
    await expectProblem(await ask(operation, { account: id }, { as: token }), 401, 'unauthorized');
  });

  test.each(SCOPES)('with the scope %s is what that allows', async (scope) => {
    const allowed = !forOperator && ([scope, 'any'].includes(operation.scope) || scope === 'manage');
    if (!allowed) return expectProblem(await ask(operation, { account: tokens[scope].id }, { as: tokens[scope].token }), 403, 'forbidden');
    const fresh = await make({ scopes: [scope] });
    await expectAdmitted(await ask(operation, { account: fresh.id, message: await messageOf(fresh) }, { as: fresh.token }));
  });

  test('is 403 from a page of another origin, whatever the scope', async () => {
    const { id, token } = tokens.page;
    const response = await ask(operation, { account: id }, { as: token, headers: { Origin: 'https://evil.example.com' } });
    await expectProblem(response, 403, 'forbidden');
  });

  test('from a page of a listed origin, or from a program, is what the scope allows', async () => {
    for (const headers of [{ Origin: APP }, {}] as Record<string, string>[]) {
      const { id, token } = await make({ origins: [APP] });
      const response = await ask(operation, { account: id }, { as: token, headers });
      if (forOperator) await expectProblem(response, 403, 'forbidden');
      else await expectAdmitted(response);
    }
  });

  test('is open to the operator', async () => {
    const fresh = await make();
    await expectAdmitted(await ask(operation, { account: fresh.id, message: await messageOf(fresh) }, { as: OPERATOR_KEY }));
  });
});

/** An answer without what tells one request from another. */
async function essence(response: Response) {
  const headers = [...response.headers].filter(([name]) => !['request-id', 'ratelimit'].includes(name));
  const { instance, ...body } = await problemOf(response);
  expect(instance).toBe(`urn:uuid:${response.headers.get('Request-Id')}`);
  return { status: response.status, headers, body };
}

describe.each(OF_ACCOUNT)('$title', (operation) => {
  test('tells a foreign, an absent and an impossible account apart for no token', async () => {
    const absent = newAccountId(random, null);
    const answers = [];
    for (const account of [tokens.read.id, absent, 'acc_1', 'nothing', `acc_${'7'.repeat(22)}`, 'x'.repeat(3_000), '%00', '%E0%A4%A'])
      answers.push(await essence(await ask(operation, { account }, { as: tokens.manage.token })));
    expect(answers[0]).toMatchObject({ status: 404, body: { code: 'not_found' } });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(gateway.mailbox(absent).sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });

  test('tells an absent and an impossible account apart not even for the operator, and stores nothing', async () => {
    const absent = newAccountId(random, null);
    const answers = [];
    for (const account of [absent, 'acc_1', 'nothing', '%00'])
      answers.push(await essence(await ask(operation, { account }, { as: OPERATOR_KEY })));
    expect(answers[0]).toMatchObject({ status: 404, body: { code: 'not_found' } });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(gateway.mailbox(absent).sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });
});

describe.each(OF_ACCOUNT.filter(({ path }) => path.includes('{message}')))('$title', (operation) => {
  test('tells a foreign, an absent and an impossible message apart for nobody', async () => {
    const mine = await make();
    const foreign = await messageOf(tokens.read);
    const answers = [];
    for (const message of [foreign, messageId(), 'x', 'x'.repeat(3_000), '%00', '%E0%A4%A'])
      answers.push(await essence(await ask(operation, { account: mine.id, message }, { as: mine.token })));
    expect(answers[0]).toMatchObject({ status: 404, body: { code: 'not_found' } });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });
});
