/** Checkpoints over HTTP: who may set them, when that is refused, and what they are worth. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ChangesPage } from '../../src/mailbox/rpc.ts';
import { Maildrop } from '../support/maildrop.ts';
import { type Asking, type MadeAccount, NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import { OPERATOR, valueOf } from '../support/node-mailbox.ts';
import { type Pop3Server, startPop3Server } from '../support/pop3-server.ts';

interface Shown {
  readonly name: string;
  readonly state: string;
  readonly updatedAt: string;
  readonly behind: number;
}

let drop: Maildrop;
let server: Pop3Server;
let gateway: NodeGateway;
let account: MadeAccount;
/** States of the account, each behind one message more. */
let states: [string, string, string];

beforeEach(async () => {
  drop = new Maildrop();
  server = await startPop3Server({ users: new Map([['ann', { password: 'secret', maildrop: drop }]]) });
  gateway = new NodeGateway({ ports: [server.port] });
  account = await gateway.account(server.port, { scopes: ['read', 'write'] }, { pollSeconds: 0 });
  await sync();
  states = [await deliver('one'), await deliver('two'), await deliver('three')];
});

afterEach(() => server.close());

/** The state after a message was delivered and seen. */
function deliver(subject: string): Promise<string> {
  drop.add(Buffer.from(`Subject: ${subject}\r\n\r\nHello\r\n`));
  return sync();
}

async function sync(): Promise<string> {
  return valueOf(await account.box.service.sync(OPERATOR)).sync.state ?? '';
}

async function changes(query: string): Promise<ChangesPage> {
  const response = await gateway.ask('GET', `${account.path}/changes?${query}`, { as: OPERATOR_KEY });
  return (await response.json()) as ChangesPage;
}

function ask(method: string, name: string, asking: Asking = {}): Promise<Response> {
  return gateway.ask(method, `${account.path}/checkpoints${name === '' ? '' : '/'}${name}`, { as: account.token, ...asking });
}

function put(name: string, state: string, headers: Record<string, string> = {}, force?: boolean): Promise<Response> {
  return ask('PUT', name, { json: { state, ...(force === undefined ? {} : { force }) }, headers });
}

async function shown(response: Response): Promise<Shown> {
  expect(response.headers.get('Content-Type')).toContain('application/json');
  return (await response.json()) as Shown;
}

test('a checkpoint is set, read, followed, listed and forgotten', async () => {
  const made = await put('phone', states[0]);
  expect([made.status, made.headers.get('ETag')]).toEqual([201, expect.stringMatching(/^W\/"[\x21\x23-\x7e]+"$/)]);
  const checkpoint = { name: 'phone', state: states[0], updatedAt: expect.stringMatching(/^\d{4}-.*Z$/), behind: 2 };
  expect(await shown(made)).toEqual(checkpoint);

  const read = await ask('GET', 'phone');
  expect([read.status, read.headers.get('ETag')]).toEqual([200, made.headers.get('ETag')]);
  expect(await shown(read)).toEqual(checkpoint);

  const page = await changes('checkpoint=phone');
  expect(page).toMatchObject({ oldState: states[0], newState: states[2], created: [{ subject: 'two' }, { subject: 'three' }] });
  expect((await shown(await ask('GET', 'phone'))).state).toBe(states[0]);

  const moved = await put('phone', states[1]);
  expect([moved.status, await shown(moved)]).toMatchObject([200, { state: states[1], behind: 1 }]);
  await put('a', states[2]);
  const list = await ask('GET', '');
  expect(await list.json()).toMatchObject({
    data: [
      { name: 'a', state: states[2], behind: 0 },
      { name: 'phone', state: states[1], behind: 1 },
    ],
  });

  expect((await ask('DELETE', 'phone')).status).toBe(204);
  for (const method of ['GET', 'DELETE'])
    expect(await problemOf(await ask(method, 'phone'))).toMatchObject({ status: 404, code: 'not_found' });
  expect(await (await ask('GET', '')).json()).toMatchObject({ data: [{ name: 'a' }] });
});

test('one that was never set reads from the start', async () => {
  expect((await changes('checkpoint=never')).created).toHaveLength(3);
  expect((await ask('GET', 'never')).status).toBe(404);
});

test('the state that it has already changes nothing', async () => {
  const made = await put('phone', states[1]);
  gateway.advance(5_000);
  const rows = account.box.sql.exec('SELECT * FROM checkpoints');
  const again = await put('phone', states[1]);
  expect([again.status, again.headers.get('ETag')]).toEqual([200, made.headers.get('ETag')]);
  expect(await shown(again)).toEqual(await shown(made));
  expect(account.box.sql.exec('SELECT * FROM checkpoints')).toEqual(rows);
});

test('whoever holds it already is told so, until mail comes', async () => {
  const tag = (await put('phone', states[0])).headers.get('ETag') ?? '';
  const headers = { 'If-None-Match': tag };
  expect((await ask('GET', 'phone', { headers })).status).toBe(304);
  await deliver('four');
  const read = await ask('GET', 'phone', { headers });
  expect([read.status, await shown(read)]).toMatchObject([200, { state: states[0], behind: 3 }]);
});

test('backwards is a conflict, unless it is forced', async () => {
  await put('phone', states[1]);
  expect(await problemOf(await put('phone', states[0]))).toMatchObject({ status: 409, code: 'conflict' });
  expect((await put('phone', states[0], {}, false)).status).toBe(409);
  expect((await shown(await ask('GET', 'phone'))).state).toBe(states[1]);
  expect((await put('phone', states[0], {}, true)).status).toBe(200);
  expect((await shown(await ask('GET', 'phone'))).state).toBe(states[0]);
});

describe('a condition', () => {
  test('If-Match lets only one of two writers win', async () => {
    const tag = (await put('phone', states[0])).headers.get('ETag') ?? '';
    const won = await put('phone', states[1], { 'If-Match': tag });
    expect(won.status).toBe(200);
    expect(await problemOf(await put('phone', states[2], { 'If-Match': tag }))).toMatchObject({ status: 412, code: 'precondition_failed' });
    expect((await shown(await ask('GET', 'phone'))).state).toBe(states[1]);
    const now = won.headers.get('ETag') ?? '';
    expect((await put('phone', states[2], { 'If-Match': `"other", ${now}` })).status).toBe(200);
  });

  test('If-Match holds while only mail came, or the tag lost its W/', async () => {
    const tag = (await put('phone', states[0])).headers.get('ETag') ?? '';
    await deliver('four');
    const read = await ask('GET', 'phone');
    expect([read.headers.get('ETag') === tag, (await shown(read)).behind]).toEqual([false, 3]);
    expect((await put('phone', states[1], { 'If-Match': tag.replace('W/', '') })).status).toBe(200);
  });

  test('If-Match fails where there is nothing to match, or it is malformed', async () => {
    for (const tag of ['*', '"x"', 'x', '']) expect((await put('phone', states[0], { 'If-Match': tag })).status).toBe(412);
    expect((await ask('GET', 'phone')).status).toBe(404);
    await put('phone', states[0]);
    expect((await put('phone', states[1], { 'If-Match': '*' })).status).toBe(200);
  });

  test('If-None-Match: * makes, and changes nothing', async () => {
    expect((await put('phone', states[0], { 'If-None-Match': '*' })).status).toBe(201);
    expect((await put('phone', states[1], { 'If-None-Match': '*' })).status).toBe(412);
    expect((await shown(await ask('GET', 'phone'))).state).toBe(states[0]);
  });

  test('holds for forgetting too', async () => {
    const tag = (await put('phone', states[0])).headers.get('ETag') ?? '';
    expect((await ask('DELETE', 'phone', { headers: { 'If-Match': '"other"' } })).status).toBe(412);
    expect((await ask('DELETE', 'phone', { headers: { 'If-Match': tag } })).status).toBe(204);
    expect((await ask('DELETE', 'phone', { headers: { 'If-Match': tag } })).status).toBe(404);
  });
});

describe('what is refused', () => {
  test.each(['a%20b', '%C3%A4', 'x'.repeat(65), '%24', 'a%2Fb'])('%s is no name', async (name) => {
    expect(await problemOf(await put(name, states[0]))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ pointer: '/name' }],
    });
    expect((await ask('GET', name)).status).toBe(404);
    expect((await ask('DELETE', name)).status).toBe(404);
  });

  test.each(['x'.repeat(64), 'A.b_c-9', '-'])('%s is a name', async (name) => {
    expect((await put(name, states[0])).status).toBe(201);
    expect((await changes(`checkpoint=${name}`)).oldState).toBe(states[0]);
  });

  test('a state that is not of this account, and a body that is not as it should be', async () => {
    const other = await gateway.account(server.port);
    const page = await gateway.ask('GET', `${other.path}/changes`, { as: other.token });
    const { newState } = (await page.json()) as ChangesPage;
    for (const state of [newState, '', 's1.', `${states[0]}A`])
      expect(await problemOf(await put('phone', state))).toMatchObject({ status: 400, errors: [{ pointer: '/state' }] });
    for (const json of [{}, { state: 1 }, { state: states[0], force: 'yes' }, { state: states[0], name: 'x' }])
      expect((await ask('PUT', 'phone', { json })).status).toBe(400);
    expect((await ask('GET', 'phone')).status).toBe(404);
  });

  test('setting and forgetting without the scope', async () => {
    await put('phone', states[0]);
    const reader = await gateway.account(server.port, { scopes: ['read', 'delete'] });
    const path = `${reader.path}/checkpoints/phone`;
    expect((await gateway.ask('GET', path, { as: reader.token })).status).toBe(404);
    expect((await gateway.ask('PUT', path, { as: reader.token, json: { state: states[0] } })).status).toBe(403);
    expect((await gateway.ask('DELETE', path, { as: reader.token })).status).toBe(403);
  });

  test('more than a hundred', async () => {
    for (let n = 0; n < 100; n++) expect((await put(`n${n}`, states[0])).status).toBe(201);
    expect(await problemOf(await put('one-more', states[0]))).toMatchObject({ status: 409, code: 'conflict' });
    expect((await put('n7', states[1])).status).toBe(200);
    expect((await ask('DELETE', 'n7')).status).toBe(204);
    expect((await put('one-more', states[0])).status).toBe(201);
    const { data } = await (await ask('GET', '')).json<{ data: unknown[] }>();
    expect(data).toHaveLength(100);
  });
});

test('checkpoints outlive the object', async () => {
  await put('phone', states[1]);
  account.box.restart();
  expect(await shown(await ask('GET', 'phone'))).toMatchObject({ state: states[1], behind: 1 });
});
