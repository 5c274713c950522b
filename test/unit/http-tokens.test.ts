/** Tokens beyond the first, the token that asks, and what events tell of it all, over the whole gateway. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import type { AccountEvent, EventPage, NewToken, TokenEntry } from '../../src/mailbox/rpc.ts';
import { type MadeAccount, NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import type { Pop3Server } from '../support/pop3-server.ts';
import { MailWorld } from './mailbox-world.ts';

const DAY = 24 * 60 * 60 * 1000;

let world: MailWorld;
let server: Pop3Server;
let gateway: NodeGateway;
let mine: MadeAccount;

beforeEach(async () => {
  world = new MailWorld();
  server = await world.serve();
  gateway = new NodeGateway({ ports: [server.port] });
  mine = await gateway.account(server.port, {}, { verify: false });
});
afterEach(() => world.close());

async function create(settings: unknown, as = mine.token): Promise<NewToken> {
  const response = await gateway.ask('POST', `${mine.path}/tokens`, { as, json: settings });
  expect(response.status).toBe(201);
  const { token } = (await response.json()) as { token: NewToken };
  expect(response.headers.get('Location')).toBe(`${mine.path}/tokens/${token.id}`);
  expect(response.headers.get('Cache-Control')).toBe('no-store');
  return token;
}

async function list(as = mine.token): Promise<TokenEntry[]> {
  const response = await gateway.ask('GET', `${mine.path}/tokens`, { as });
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as { data: TokenEntry[] };
  return data;
}

async function events(query = '', as = mine.token): Promise<EventPage> {
  const response = await gateway.ask('GET', `${mine.path}/events${query}`, { as });
  expect(response.status).toBe(200);
  return (await response.json()) as EventPage;
}

describe('a token', () => {
  test('is made with what was asked for, works, and is listed without its secret', async () => {
    const settings = {
      scopes: ['read', 'write'],
      expiresAt: '2040-01-01T00:00:00.000Z',
      origins: ['https://app.example.com'],
      label: 'phone',
    };
    const { secret, ...made } = await create(settings);
    expect(made).toMatchObject(settings);
    expect((await gateway.ask('GET', mine.path, { as: secret })).status).toBe(200);
    const listed = await list();
    expect(listed).toHaveLength(2);
    expect(listed.at(-1)).toEqual({ ...made, lastUsedAt: expect.any(String) });
    expect(JSON.stringify(listed)).not.toContain(secret);
    const hash = mine.box.sql.exec<{ hash: string }>(`SELECT hash FROM tokens`).map((row) => row.hash);
    for (const each of hash) expect(JSON.stringify(listed)).not.toContain(each);
  });

  test('says on which day it was last used, and not when it was not', async () => {
    const { id, secret } = await create({ scopes: ['read'] });
    const lastUsed = async () => (await list()).find((token) => token.id === id)?.lastUsedAt;
    expect(await lastUsed()).toBeNull();
    gateway.advance(3 * DAY);
    await gateway.ask('GET', mine.path, { as: secret });
    const today = Math.floor((Date.now() + 3 * DAY) / DAY) * DAY;
    expect(await lastUsed()).toBe(new Date(today).toISOString());
  });

  test('is worth nothing once it is revoked, and revoked once only', async () => {
    const { id, secret } = await create({ scopes: ['manage'] });
    expect((await gateway.ask('DELETE', `${mine.path}/tokens/${id}`, { as: mine.token })).status).toBe(204);
    expect((await gateway.ask('GET', mine.path, { as: secret })).status).toBe(401);
    expect((await gateway.ask('DELETE', `${mine.path}/tokens/${id}`, { as: mine.token })).status).toBe(404);
    expect((await list()).map((token) => token.id)).not.toContain(id);
  });

  test('may revoke itself', async () => {
    const { id, secret } = await create({ scopes: ['manage'] });
    expect((await gateway.ask('DELETE', `${mine.path}/tokens/${id}`, { as: secret })).status).toBe(204);
    expect((await gateway.ask('GET', '/v1/token', { as: secret })).status).toBe(401);
  });

  test('of another account is not there to be revoked', async () => {
    const other = await gateway.account(server.port, {}, { verify: false });
    const [foreign] = other.box.sql.exec<{ id: string }>(`SELECT id FROM tokens`);
    expect((await gateway.ask('DELETE', `${mine.path}/tokens/${foreign?.id}`, { as: mine.token })).status).toBe(404);
    expect((await gateway.ask('GET', other.path, { as: other.token })).status).toBe(200);
  });

  test.each([
    [{ scopes: [] }, '/scopes'],
    [{ scopes: ['operator'] }, '/scopes/0'],
    [{ scopes: ['read', 'read'] }, '/scopes'],
    [{ expiresAt: '2001-01-01T00:00:00Z' }, '/expiresAt'],
    [{ origins: ['https://app.example.com/path'] }, '/origins/0'],
    [{ label: 'x'.repeat(129) }, '/label'],
    [{ secret: 'mine' }, ''],
  ])('that should be %j is refused', async (settings, pointer) => {
    const response = await gateway.ask('POST', `${mine.path}/tokens`, { as: mine.token, json: settings });
    expect(await problemOf(response)).toMatchObject({ status: 400, errors: [{ pointer }] });
    expect(await list()).toHaveLength(1);
  });

  test('is one of a bounded number, of which those that have expired make room', async () => {
    const insert = `INSERT INTO tokens (id, hash, scopes, expires_at, about, created_at)
      SELECT 'tok_' || value, 'hash' || value, 'read', ?, about, 0 FROM tokens, json_each(?)`;
    const expired = Date.now() + DAY;
    mine.box.sql.exec(insert, expired, JSON.stringify(Array.from({ length: MAILBOX.tokens - 1 }, (_, n) => n)));
    const response = await gateway.ask('POST', `${mine.path}/tokens`, { as: mine.token, json: { scopes: ['read'] } });
    expect(await problemOf(response)).toMatchObject({ status: 409, code: 'conflict' });
    gateway.advance(DAY + 1000);
    await create({ scopes: ['read'] });
    expect(mine.box.sql.exec(`SELECT id FROM tokens`)).toHaveLength(2);
  });
});

describe('GET /v1/token', () => {
  test('tells a token what it is, whatever its scope', async () => {
    for (const scope of ['read', 'write', 'delete', 'manage']) {
      const { secret, createdAt: _, ...made } = await create({ scopes: [scope], label: scope });
      const response = await gateway.ask('GET', '/v1/token', { as: secret });
      expect(response.status).toBe(200);
      expect(response.headers.has('RateLimit')).toBe(true);
      expect(await response.json()).toEqual({ ...made, account: mine.id });
    }
  });

  test('tells the operator that it is that', async () => {
    const response = await gateway.ask('GET', '/v1/token', { as: OPERATOR_KEY });
    expect(await response.json()).toEqual({ id: null, account: null, scopes: ['operator'], expiresAt: null, origins: [], label: '' });
  });

  test('is 403 for a page that may not use the token, and 401 once that has expired', async () => {
    const expiresAt = new Date(Date.now() + DAY).toISOString();
    const { secret } = await create({ origins: ['https://app.example.com'], expiresAt });
    const from = (origin: string) => gateway.ask('GET', '/v1/token', { as: secret, headers: { Origin: origin } });
    expect((await from('https://app.example.com')).status).toBe(200);
    expect((await from('https://evil.example.com')).status).toBe(403);
    gateway.advance(DAY + 1000);
    expect((await from('https://app.example.com')).status).toBe(401);
  });
});

describe('events', () => {
  const short = ({ action, by, members, token, messages }: AccountEvent) => [action, by, members, token, messages];

  test('tell who created, changed, revoked and deleted what, the newest first', async () => {
    world.fill(3);
    const [first] = await list();
    const { id, secret } = await create({ scopes: ['manage'], label: 'a private label' });
    await gateway.ask('PATCH', mine.path, { as: secret, json: { pollSeconds: 600, email: 'private@example.com' } });
    await gateway.ask('DELETE', `${mine.path}/tokens/${id}`, { as: OPERATOR_KEY });
    const ids = await world.ids(mine.box);
    await gateway.ask('DELETE', `${mine.path}/messages/${ids[0]}`, { as: mine.token });
    await gateway.ask('POST', `${mine.path}/messages/delete`, { as: mine.token, json: { ids: [ids[0], ids[2], 'nothing'] } });
    await gateway.ask('POST', `${mine.path}/messages/delete`, { as: mine.token, json: { ids: [ids[1]], dryRun: true } });
    const { data, nextCursor } = await events();
    expect(data.map(short)).toEqual([
      ['messages_deleted', first?.id, [], null, [ids[2]]],
      ['messages_deleted', first?.id, [], null, [ids[0]]],
      ['token_revoked', 'operator', [], id, []],
      ['account_changed', id, ['email', 'pollSeconds'], null, []],
      ['token_created', first?.id, [], id, []],
      ['token_created', 'operator', [], first?.id, []],
      ['account_created', 'operator', [], null, []],
    ]);
    expect(nextCursor).toBeNull();
    expect(JSON.stringify(data)).not.toMatch(/private|600/);
    expect(world.uidls).toEqual(['u2']);
  });

  test('come in pages that a new event does not shift', async () => {
    for (let n = 0; n < 5; n++) await create({ label: `${n}` });
    const whole = (await events()).data;
    const pages: AccountEvent[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await events(`?limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.data.length).toBeLessThanOrEqual(2);
      pages.push(...page.data);
      cursor = page.nextCursor;
      if (pages.length === 2) await create({ label: 'meanwhile' });
    }
    expect(pages).toEqual(whole);
  });

  test('refuse a cursor of another account or another listing', async () => {
    const other = await gateway.account(server.port, {}, { verify: false });
    for (const path of [mine.path, other.path])
      for (let n = 0; n < 2; n++) await gateway.ask('POST', `${path}/tokens`, { as: OPERATOR_KEY, json: {} });
    const { nextCursor } = await events('?limit=1');
    for (const url of [
      `${other.path}/events?cursor=${nextCursor}`,
      `${mine.path}/messages?cursor=${nextCursor}`,
      `${mine.path}/events?cursor=p1.x`,
    ])
      expect(await problemOf(await gateway.ask('GET', url, { as: OPERATOR_KEY }))).toMatchObject({
        status: 400,
        errors: [{ pointer: '/cursor' }],
      });
  });

  test('are kept to the newest thousand, across the object’s lives', async () => {
    const about =
      mine.box.sql.exec<{ about: Uint8Array }>(`SELECT about FROM events ORDER BY number DESC LIMIT 1`)[0]?.about ?? new Uint8Array();
    const numbers = JSON.stringify(Array.from({ length: MAILBOX.events }, (_, n) => n + 3));
    mine.box.sql.exec(`INSERT INTO events (number, at, what, about) SELECT value, 0, 'token_created', ? FROM json_each(?)`, about, numbers);
    mine.box.restart();
    await create({});
    const kept = mine.box.sql.exec<{ number: number }>(`SELECT number FROM events ORDER BY number`).map((row) => row.number);
    expect(kept).toHaveLength(MAILBOX.events);
    expect(kept.at(-1)).toBe(MAILBOX.events + 3);
    expect(kept[0]).toBe(4);
  });

  test('name a deletion that was sent and not confirmed', async () => {
    world.fill(1);
    const cut = await world.serve({ answer: ({ verb }) => (verb === 'QUIT' ? 'close' : null) });
    const other = new NodeGateway({ ports: [cut.port] });
    const account = await other.account(cut.port);
    const [id] = await world.ids(account.box);
    expect((await other.ask('DELETE', `${account.path}/messages/${id}`, { as: account.token })).status).toBe(502);
    const { data } = (await (await other.ask('GET', `${account.path}/events?limit=1`, { as: account.token })).json()) as EventPage;
    expect(data).toMatchObject([{ action: 'messages_deleted', messages: [id] }]);
  });
});
