/** PATCH /v1/accounts/{account}: what may change, in which order it is judged, and that nothing of the old is left behind. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directoryOf } from '../../src/http/stubs.ts';
import type { AccountView, MessagePage } from '../../src/mailbox/rpc.ts';
import { Maildrop } from '../support/maildrop.ts';
import { type Asking, type MadeAccount, NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import { type Pop3Server, type Pop3ServerOptions, startPop3Server } from '../support/pop3-server.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;
let server: Pop3Server;
let gateway: NodeGateway;
let mine: MadeAccount;
const servers: Pop3Server[] = [];

beforeEach(async () => {
  world = new MailWorld();
  world.fill(2);
  server = await world.serve();
  gateway = new NodeGateway({ ports: [server.port] });
  mine = await gateway.account(server.port);
  await list();
});
afterEach(async () => {
  await Promise.all([world.close(), ...servers.splice(0).map((each) => each.close())]);
});

/** Another server, and a gateway's permission to use it. */
async function another(subjects: readonly string[], options: Partial<Pop3ServerOptions> = {}): Promise<Pop3Server> {
  const maildrop = new Maildrop();
  for (const subject of subjects) maildrop.add(mail(subject), subject.replaceAll(' ', '-'));
  const made = await startPop3Server({
    users: new Map([
      ['ann', { password: 'secret', maildrop }],
      ['bob', { password: 'new secret', maildrop }],
    ]),
    ...options,
  });
  servers.push(made);
  return made;
}

function patch(json: unknown, asking: Asking = {}, to = gateway): Promise<Response> {
  return to.ask('PATCH', mine.path, { as: OPERATOR_KEY, json, ...asking });
}

async function patched(json: unknown, asking: Asking = {}): Promise<AccountView> {
  const response = await patch(json, asking);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text) as AccountView;
}

async function view(): Promise<AccountView> {
  return (await (await gateway.ask('GET', mine.path, { as: OPERATOR_KEY })).json()) as AccountView;
}

async function list(query = ''): Promise<MessagePage> {
  const response = await gateway.ask('GET', `${mine.path}/messages${query}`, { as: OPERATOR_KEY });
  return (await response.json()) as MessagePage;
}

const subjects = (page: MessagePage) => page.data.map((item) => String(item.subject)).sort();

describe('a merge patch', () => {
  test('changes what it names and nothing else', async () => {
    const before = await view();
    const after = await patched({ pollSeconds: 900, cache: { maxBytes: 1000 } });
    expect(after).toMatchObject({ pollSeconds: 900, cache: { maxBytes: 1000, maxMessageBytes: before.cache.maxMessageBytes } });
    const { pollSeconds: _a, cache: _b, sync: _c, ...rest } = before;
    expect(after).toMatchObject(rest);
    mine.box.restart();
    expect(await view()).toEqual(after);
  });

  test.each(['application/json', 'application/merge-patch+json', 'application/merge-patch+json; charset=utf-8'])(
    'may come as %s',
    async (type) => {
      expect((await patched({ pollSeconds: 700 }, { headers: { 'Content-Type': type } })).pollSeconds).toBe(700);
    },
  );

  test.each(['text/plain', 'application/json-patch+json', 'application/merge-patch+json; charset=latin1'])(
    'may not come as %s',
    async (type) => {
      expect((await patch({ pollSeconds: 700 }, { headers: { 'Content-Type': type } })).status).toBe(415);
    },
  );

  test('is no way in for other calls', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json' };
    expect((await gateway.ask('POST', `${mine.path}/tokens`, { as: OPERATOR_KEY, json: {}, headers })).status).toBe(415);
  });

  test('restores the default with null', async () => {
    await patched({ pollSeconds: 900, paused: true, cache: { maxBytes: 1, maxMessageBytes: 2 }, email: 'a@example.com', externalId: 'x' });
    const after = await patched({ pollSeconds: null, paused: null, cache: { maxBytes: null }, email: null, externalId: null });
    expect(after).toMatchObject({
      pollSeconds: 300,
      paused: false,
      email: null,
      externalId: null,
      cache: { maxBytes: 67_108_864, maxMessageBytes: 2 },
    });
    expect((await patched({ cache: null })).cache).toMatchObject({ maxBytes: 67_108_864, maxMessageBytes: 16_777_216 });
  });

  test('that changes nothing leaves no event and asks nobody', async () => {
    const total = server.connections.total;
    await patched({});
    await patched({ pollSeconds: 300, server: { port: server.port } });
    expect(mine.box.sql.exec(`SELECT number FROM events`)).toHaveLength(2);
    expect(server.connections.total).toBe(total);
  });

  test.each([
    [{ location: 'weur' }, ''],
    [{ jurisdiction: null }, ''],
    [{ initial: 'none' }, ''],
    [{ token: {} }, ''],
    [{ id: 'acc_x' }, ''],
    [{ server: null }, '/server'],
    [{ server: { host: null } }, '/server/host'],
    [{ auth: null }, '/auth'],
    [{ auth: { username: 'ann' } }, '/auth/password'],
    [{ pollSeconds: 59 }, '/pollSeconds'],
    [{ paused: 'yes' }, '/paused'],
    [[], ''],
    [null, ''],
  ])('%j is refused', async (json, pointer) => {
    const before = await view();
    expect(await problemOf(await patch(json))).toMatchObject({ status: 400, errors: [{ pointer }] });
    expect(await view()).toEqual(before);
  });

  test('needs the scope manage', async () => {
    const { token } = (await (
      await gateway.ask('POST', `${mine.path}/tokens`, { as: mine.token, json: { scopes: ['read', 'write', 'delete'] } })
    ).json()) as {
      token: { secret: string };
    };
    expect((await patch({ externalId: 'taken?' }, { as: token.secret })).status).toBe(403);
    expect((await patch({ pollSeconds: 700 }, { as: mine.token })).status).toBe(200);
    const directory = await directoryOf(gateway.env).list({ limit: 10, cursor: null, externalId: null });
    expect(directory).toMatchObject({ value: { data: [{ id: mine.id, externalId: null }] } });
  });
});

describe('new credentials', () => {
  const GOOD = { username: 'bob', password: 'new secret' };

  test('are taken when a login proves them, whose session is then the next sync’s', async () => {
    const other = await another(['one', 'two']);
    gateway = new NodeGateway({ ports: [other.port] });
    mine = await gateway.account(other.port);
    await list();
    const before = other.connections.total;
    const after = await patched({ auth: GOOD });
    expect(after).toMatchObject({ auth: { username: 'bob', method: 'auto' } });
    expect((await list()).sync).toMatchObject({ stale: false, problem: null });
    expect(other.connections.total).toBe(before + 1);
    expect(JSON.stringify(after)).not.toContain('new secret');
  });

  test('that are refused change nothing, and are not held against the old ones', async () => {
    const before = await view();
    const response = await patch({ auth: { username: 'ann', password: 'wrong' }, pollSeconds: 900 });
    expect(await problemOf(response)).toMatchObject({ status: 424, code: 'upstream_auth_failed' });
    expect(await view()).toMatchObject({ state: 'ready', pollSeconds: 300, lastError: null, auth: before.auth });
    expect((await list('?maxAge=0')).sync.stale).toBe(false);
    mine.box.restart();
    expect((await list('?maxAge=0')).total).toBe(2);
  });

  test('end auth_failed', async () => {
    await patched({ auth: { username: 'ann', password: 'wrong' }, verify: false });
    expect((await view()).state).toBe('new');
    expect((await gateway.ask('POST', `${mine.path}/sync`, { as: OPERATOR_KEY })).status).toBe(424);
    expect(await view()).toMatchObject({ state: 'auth_failed', sync: { nextCheckAt: null } });
    const tried = sent(server, 'AUTH').length + sent(server, 'USER').length;
    expect((await gateway.ask('POST', `${mine.path}/sync`, { as: OPERATOR_KEY })).status).toBe(424);
    expect(sent(server, 'AUTH').length + sent(server, 'USER').length).toBe(tried);
    const after = await patched({ auth: { username: 'ann', password: 'secret' } });
    expect(after).toMatchObject({ state: 'ready', lastError: null, consecutiveFailures: 0 });
    expect((await list('?maxAge=0')).total).toBe(2);
    expect((await view()).sync.nextCheckAt).not.toBeNull();
  });

  test('that are proven too late for whoever asked change nothing', async () => {
    let late = false;
    const slow = await another(['one'], {
      answer: ({ verb }) => {
        if (late && verb === 'AUTH') gateway.advance(25_000);
        return null;
      },
    });
    gateway = new NodeGateway({ ports: [slow.port] });
    mine = await gateway.account(slow.port);
    await list();
    late = true;
    expect(await problemOf(await patch({ auth: GOOD, externalId: 'late' }))).toMatchObject({ status: 504, code: 'upstream_timeout' });
    expect(await view()).toMatchObject({ auth: { username: 'ann' }, externalId: null });
    await expect.poll(() => slow.connections.open).toBe(0);
  });

  test('are sealed at rest', async () => {
    await patched({ auth: { username: 'ann', password: 'a very secret password' }, verify: false });
    const rows = mine.box.sql.exec<{ settings: Uint8Array; credentials: Uint8Array }>(`SELECT settings, credentials FROM account`);
    for (const { settings, credentials } of rows)
      for (const box of [settings, credentials]) expect(Buffer.from(box).toString('latin1')).not.toMatch(/secret|ann/);
  });

  test('don’t undo a wait that the server asked for', async () => {
    let delayed = true;
    const other = await another(['one'], {
      answer: ({ verb }) => (delayed && (verb === 'AUTH' || verb === 'PASS') ? '-ERR [LOGIN-DELAY] Not yet.\r\n' : null),
    });
    gateway = new NodeGateway({ ports: [other.port] });
    mine = await gateway.account(other.port, {}, { verify: false });
    expect((await gateway.ask('POST', `${mine.path}/sync`, { as: OPERATOR_KEY })).status).toBe(429);
    delayed = false;
    const { total } = other.connections;
    const response = await patch({ auth: GOOD });
    expect(await problemOf(response)).toMatchObject({ status: 429, code: 'login_delay' });
    expect(other.connections.total).toBe(total);
    gateway.advance(61_000);
    await patched({ auth: GOOD });
  });
});

describe('a new server', () => {
  async function moving(subjectsThere: readonly string[], options: Partial<Pop3ServerOptions> = {}): Promise<Pop3Server> {
    const other = await another(subjectsThere, options);
    gateway = new NodeGateway({ ports: [server.port, other.port], mailbox: { lingerMs: 5_000 } });
    mine = await gateway.account(server.port);
    await expect.poll(() => server.connections.open).toBe(1);
    expect(subjects(await list())).toEqual(['mail 1', 'mail 2']);
    return other;
  }

  test('is what the very next listing is of', async () => {
    const other = await moving(['there']);
    const after = await patched({ server: { port: other.port } });
    expect(after.server).toMatchObject({ host: '127.0.0.1', port: other.port, security: 'none' });
    expect(subjects(await list())).toEqual(['there']);
    expect(other.connections.total).toBe(1);
    await expect.poll(() => server.connections.open).toBe(0);
  });

  test('is listed next also where it was not verified', async () => {
    const other = await moving(['there']);
    await patched({ server: { port: other.port }, verify: false });
    expect(other.connections.total).toBe(0);
    expect(subjects(await list())).toEqual(['there']);
  });

  test('that cannot be reached changes nothing', async () => {
    const other = await moving(['there']);
    await other.close();
    expect(await problemOf(await patch({ server: { port: other.port } }))).toMatchObject({ status: 502, code: 'upstream_unreachable' });
    expect(await view()).toMatchObject({ state: 'ready', lastError: null, server: { port: server.port } });
    expect((await list('?maxAge=0')).total).toBe(2);
  });

  test('is judged before anything is opened, set aside or changed', async () => {
    const holder = await gateway.account(server.port, {}, { verify: false, externalId: 'taken' });
    const response = await patch({ server: { host: '10.0.0.1' }, externalId: 'taken' });
    expect(await problemOf(response)).toMatchObject({ status: 422, code: 'target_not_allowed' });
    expect(await problemOf(await patch({ server: { security: 'tls', port: 25 }, verify: false }))).toMatchObject({ status: 422 });
    const conflict = await patch({ server: { port: server.port }, externalId: 'taken', auth: { username: 'ann', password: 'wrong' } });
    expect(await problemOf(conflict)).toMatchObject({ status: 409, code: 'conflict', account: holder.id });
    expect(await view()).toMatchObject({ externalId: null, server: { host: '127.0.0.1', port: server.port } });
  });

  test('on another host is not sent the old credentials on the word of a token', async () => {
    const elsewhere = new NodeGateway({
      ports: [server.port],
      vars: { ALLOWED_TARGETS: `127.0.0.1:${server.port},127.0.0.2:${server.port}` },
    });
    mine = await elsewhere.account(server.port);
    const total = server.connections.total;
    const there = { server: { host: '127.0.0.2' } };
    for (const verify of [true, false])
      expect(await problemOf(await patch({ ...there, verify }, { as: mine.token }, elsewhere))).toMatchObject({
        status: 400,
        errors: [{ pointer: '/auth' }],
      });
    expect(server.connections.total).toBe(total);
    const auth = { username: 'ann', password: 'secret' };
    expect((await patch({ ...there, auth, verify: false }, { as: mine.token }, elsewhere)).status).toBe(200);
    expect((await patch({ server: { host: '127.0.0.1' }, verify: false }, {}, elsewhere)).status).toBe(200);
  });

  test('waits for its turn behind a session that is at work, and ends none', async () => {
    const other = await moving(['there']);
    const { data } = await list();
    const reading = gateway.ask('GET', `${mine.path}/messages/${data[0]?.id}`, { as: OPERATOR_KEY });
    await expect.poll(() => sent(server, 'RETR').length).toBe(1);
    const moved = patched({ server: { port: other.port } });
    expect((await reading).status).toBe(200);
    expect((await moved).server.port).toBe(other.port);
  });
});

describe('a pause', () => {
  test('stops alarms and sessions; what is known is read all the same', async () => {
    gateway = new NodeGateway({ ports: [server.port], mailbox: { lingerMs: 5_000 } });
    mine = await gateway.account(server.port);
    await list('?maxAge=0');
    expect(server.connections.open).toBe(1);
    const since = (await view()).stateSince;
    gateway.advance(1_000);
    const after = await patched({ paused: true });
    expect(after).toMatchObject({ state: 'paused', paused: true, sync: { nextCheckAt: null } });
    expect(after.stateSince > since).toBe(true);
    expect(mine.box.alarm()).toBeNull();
    await expect.poll(() => server.connections.open).toBe(0);
    const total = server.connections.total;
    gateway.advance(3_600_000);
    expect(await list()).toMatchObject({ total: 2, sync: { stale: true, problem: 'paused' } });
    for (const [method, path] of [
      ['POST', '/sync'],
      ['GET', '/messages?maxAge=0'],
    ] as const)
      expect(await problemOf(await gateway.ask(method, mine.path + path, { as: mine.token }))).toMatchObject({
        status: 409,
        code: 'paused',
      });
    await mine.box.service.alarm();
    expect(server.connections.total).toBe(total);
  });

  test('ends when it is told to', async () => {
    await patched({ paused: true });
    mine.box.restart();
    world.drop.add(mail('later'));
    expect(await patched({ paused: false })).toMatchObject({ state: 'ready', paused: false });
    expect(mine.box.alarm()).not.toBeNull();
    expect((await list('?maxAge=0')).total).toBe(3);
  });

  test('ends what is going on in a session, which is then paused and no fault of the server’s', async () => {
    const stalls = await another(['one', 'two'], { answer: ({ verb }) => (verb === 'RETR' ? '+OK\r\nSubject: half\r\n' : null) });
    gateway = new NodeGateway({ ports: [stalls.port] });
    mine = await gateway.account(stalls.port);
    const { data } = await list();
    const reading = gateway.ask('GET', `${mine.path}/messages/${data[0]?.id}`, { as: OPERATOR_KEY });
    await expect.poll(() => sent(stalls, 'RETR').length).toBe(1);
    const waiting = gateway.ask('GET', `${mine.path}/messages?maxAge=0`, { as: OPERATOR_KEY });
    await view();
    await patched({ paused: true });
    for (const answer of [await reading, await waiting]) expect(await problemOf(answer)).toMatchObject({ status: 409, code: 'paused' });
    expect(await view()).toMatchObject({ state: 'paused', consecutiveFailures: 0, lastError: null });
    await expect.poll(() => stalls.connections.open).toBe(0);
  });

  test('may begin with credentials that are verified, whose session is then ended', async () => {
    expect(await patched({ paused: true, auth: { username: 'ann', password: 'secret' } })).toMatchObject({ state: 'paused' });
    await expect.poll(() => server.connections.open).toBe(0);
    expect(mine.box.alarm()).toBeNull();
  });
});

describe('the schedule and the cache', () => {
  test('follow at once', async () => {
    const asked = Date.parse((await view()).sync.checkedAt ?? '');
    const before = (mine.box.alarm() ?? 0) - asked;
    await patched({ pollSeconds: 3_600 });
    // The account's own share of the jitter is the same part of any interval.
    expect((mine.box.alarm() ?? 0) - asked).toBeCloseTo(12 * before, -2);
    await patched({ pollSeconds: 0 });
    expect(mine.box.alarm()).toBeNull();
  });

  test('give up what there is no more room for', async () => {
    const { data } = await list();
    const raw = await gateway.ask('GET', `${mine.path}/messages/${data[0]?.id}/raw`, { as: OPERATOR_KEY });
    expect((await raw.arrayBuffer()).byteLength).toBeGreaterThan(0);
    await expect.poll(async () => (await view()).cache.usedBytes).toBeGreaterThan(0);
    expect((await patched({ cache: { maxBytes: 0 } })).cache.usedBytes).toBe(0);
  });
});

describe('the identity', () => {
  const entry = async (externalId: string | null = null) => {
    const found = await directoryOf(gateway.env).list({ limit: 10, cursor: null, externalId });
    return found.ok ? found.value.data : [];
  };

  test('is changed in the Directory too', async () => {
    await patched({ externalId: 'user-1', email: 'new@example.com' });
    expect(await entry('user-1')).toMatchObject([{ id: mine.id, externalId: 'user-1', email: 'new@example.com', host: '127.0.0.1' }]);
    await patched({ externalId: 'user-2' });
    expect(await entry('user-1')).toEqual([]);
    const other = await gateway.account(server.port, {}, { verify: false, externalId: 'user-1' });
    expect(await problemOf(await patch({ externalId: 'user-1' }))).toMatchObject({ status: 409, account: other.id });
    await patched({ externalId: 'user-2' });
    await patched({ externalId: null });
    expect(await entry('user-2')).toEqual([]);
  });

  test('stays where the login fails, and the externalId is free for others', async () => {
    expect((await patch({ externalId: 'user-1', auth: { username: 'ann', password: 'wrong' } })).status).toBe(424);
    expect(await entry('user-1')).toEqual([]);
    await gateway.account(server.port, {}, { verify: false, externalId: 'user-1' });
  });

  test('is one thing after two changes at once', async () => {
    const answers = await Promise.all([patch({ externalId: 'a' }), patch({ externalId: 'b' }), patch({ pollSeconds: 600 })]);
    const statuses = answers.map((answer) => answer.status);
    expect(statuses[2]).toBe(200);
    expect(statuses).toContain(200);
    for (const status of statuses) expect([200, 503]).toContain(status);
    const { externalId, pollSeconds } = await view();
    expect(pollSeconds).toBe(600);
    expect(await entry(externalId)).toMatchObject([{ id: mine.id, externalId }]);
  });
});

test('changes that meet are made one after another, and none is lost', async () => {
  const auth = { username: 'ann', password: 'secret' };
  const answers = await Promise.all([
    patch({ auth, pollSeconds: 600 }),
    patch({ cache: { maxBytes: 5 } }),
    patch({ cache: { maxMessageBytes: 6 } }),
  ]);
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
  expect(await view()).toMatchObject({ pollSeconds: 600, cache: { maxBytes: 5, maxMessageBytes: 6 } });
  mine.box.restart();
  expect(await view()).toMatchObject({ pollSeconds: 600, cache: { maxBytes: 5, maxMessageBytes: 6 } });
});

test('an account that is removed while its new credentials are verified is gone', async () => {
  let armed = false;
  let removing: Promise<Response> | null = null;
  const other = await another(['one'], {
    answer: ({ verb, user }) => {
      if (verb === 'AUTH' && user === null && armed) removing ??= gateway.ask('DELETE', mine.path, { as: OPERATOR_KEY });
      return null;
    },
  });
  gateway = new NodeGateway({ ports: [other.port] });
  mine = await gateway.account(other.port);
  await list();
  armed = true;
  const changed = await patch({ auth: { username: 'bob', password: 'new secret' } });
  expect((await removing!).status).toBe(204);
  expect([200, 404]).toContain(changed.status);
  expect(mine.box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  expect(mine.box.alarm()).toBeNull();
  expect((await gateway.ask('GET', mine.path, { as: OPERATOR_KEY })).status).toBe(404);
  await expect.poll(() => other.connections.open).toBe(0);
});
