/** Another server, other credentials, a pause: what becomes of sessions, of what was learned, and of those who are waiting. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import type { Pop3Server, Pop3ServerOptions } from '../support/pop3-server.ts';
import { AmendmentWorld, subjects } from './amendment-world.ts';
import { mail, sent } from './mailbox-world.ts';

let world: AmendmentWorld;

beforeEach(async () => {
  world = await AmendmentWorld.make();
});
afterEach(() => world.close());

describe('new credentials', () => {
  const GOOD = { username: 'bob', password: 'new secret' };

  test('are taken when a login proves them, whose session is then the next sync’s', async () => {
    const other = await world.another(['one', 'two']);
    world.gateway = new NodeGateway({ ports: [other.port] });
    world.mine = await world.gateway.account(other.port);
    await world.list();
    const before = other.connections.total;
    const after = await world.patched({ auth: GOOD });
    expect(after).toMatchObject({ auth: { username: 'bob', method: 'auto' } });
    expect((await world.list()).sync).toMatchObject({ stale: false, problem: null });
    expect(other.connections.total).toBe(before + 1);
    expect(JSON.stringify(after)).not.toContain('new secret');
  });

  test('that are refused change nothing, and are not held against the old ones', async () => {
    const before = await world.view();
    const response = await world.patch({ auth: { username: 'ann', password: 'wrong' }, pollSeconds: 900 });
    expect(await problemOf(response)).toMatchObject({ status: 424, code: 'upstream_auth_failed' });
    expect(await world.view()).toMatchObject({ state: 'ready', pollSeconds: 300, lastError: null, auth: before.auth });
    expect((await world.list('?maxAge=0')).sync.stale).toBe(false);
    world.mine.box.restart();
    expect((await world.list('?maxAge=0')).total).toBe(2);
  });

  test('end auth_failed', async () => {
    await world.patched({ auth: { username: 'ann', password: 'wrong' }, verify: false });
    expect((await world.view()).state).toBe('new');
    expect((await world.gateway.ask('POST', `${world.mine.path}/sync`, { as: OPERATOR_KEY })).status).toBe(424);
    expect(await world.view()).toMatchObject({ state: 'auth_failed', sync: { nextCheckAt: null } });
    const tried = sent(world.server, 'AUTH').length + sent(world.server, 'USER').length;
    expect((await world.gateway.ask('POST', `${world.mine.path}/sync`, { as: OPERATOR_KEY })).status).toBe(424);
    expect(sent(world.server, 'AUTH').length + sent(world.server, 'USER').length).toBe(tried);
    const after = await world.patched({ auth: { username: 'ann', password: 'secret' } });
    expect(after).toMatchObject({ state: 'ready', lastError: null, consecutiveFailures: 0 });
    expect((await world.list('?maxAge=0')).total).toBe(2);
    expect((await world.view()).sync.nextCheckAt).not.toBeNull();
  });

  test('that are proven too late for whoever asked change nothing', async () => {
    let late = false;
    const slow = await world.another(['one'], {
      answer: ({ verb }) => {
        if (late && verb === 'AUTH') world.gateway.advance(25_000);
        return null;
      },
    });
    world.gateway = new NodeGateway({ ports: [slow.port] });
    world.mine = await world.gateway.account(slow.port);
    await world.list();
    late = true;
    expect(await problemOf(await world.patch({ auth: GOOD, externalId: 'late' }))).toMatchObject({ status: 504, code: 'upstream_timeout' });
    expect(await world.view()).toMatchObject({ auth: { username: 'ann' }, externalId: null });
    await expect.poll(() => slow.connections.open).toBe(0);
  });

  test('are sealed at rest', async () => {
    await world.patched({ auth: { username: 'ann', password: 'a very secret password' }, verify: false });
    const rows = world.mine.box.sql.exec<{ settings: Uint8Array; credentials: Uint8Array }>(`SELECT settings, credentials FROM account`);
    expect(rows).toHaveLength(1);
    for (const { settings, credentials } of rows)
      for (const box of [settings, credentials]) expect(Buffer.from(box).toString('latin1')).not.toMatch(/secret|ann/);
  });

  test('don’t undo a wait that the server asked for', async () => {
    let delayed = true;
    const other = await world.another(['one'], {
      answer: ({ verb }) => (delayed && (verb === 'AUTH' || verb === 'PASS') ? '-ERR [LOGIN-DELAY] Not yet.\r\n' : null),
    });
    world.gateway = new NodeGateway({ ports: [other.port] });
    world.mine = await world.gateway.account(other.port, {}, { verify: false });
    expect((await world.gateway.ask('POST', `${world.mine.path}/sync`, { as: OPERATOR_KEY })).status).toBe(429);
    delayed = false;
    const { total } = other.connections;
    const response = await world.patch({ auth: GOOD });
    expect(await problemOf(response)).toMatchObject({ status: 429, code: 'login_delay' });
    expect(other.connections.total).toBe(total);
    world.gateway.advance(61_000);
    await world.patched({ auth: GOOD });
  });
});

describe('a new server', () => {
  async function moving(subjectsThere: readonly string[], options: Partial<Pop3ServerOptions> = {}): Promise<Pop3Server> {
    const other = await world.another(subjectsThere, options);
    world.gateway = new NodeGateway({ ports: [world.server.port, other.port], mailbox: { lingerMs: 5_000 } });
    world.mine = await world.gateway.account(world.server.port);
    await expect.poll(() => world.server.connections.open).toBe(1);
    expect(subjects(await world.list())).toEqual(['mail 1', 'mail 2']);
    return other;
  }

  test('is what the very next listing is of', async () => {
    const other = await moving(['there']);
    const after = await world.patched({ server: { port: other.port } });
    expect(after.server).toMatchObject({ host: '127.0.0.1', port: other.port, security: 'none' });
    expect(subjects(await world.list())).toEqual(['there']);
    expect(other.connections.total).toBe(1);
    await expect.poll(() => world.server.connections.open).toBe(0);
  });

  test('is listed next also where it was not verified', async () => {
    const other = await moving(['there']);
    await world.patched({ server: { port: other.port }, verify: false });
    expect(other.connections.total).toBe(0);
    expect(subjects(await world.list())).toEqual(['there']);
  });

  test('that cannot be reached changes nothing', async () => {
    const other = await moving(['there']);
    await other.close();
    expect(await problemOf(await world.patch({ server: { port: other.port } }))).toMatchObject({
      status: 502,
      code: 'upstream_unreachable',
    });
    expect(await world.view()).toMatchObject({ state: 'ready', lastError: null, server: { port: world.server.port } });
    expect((await world.list('?maxAge=0')).total).toBe(2);
  });

  test('is judged before anything is opened, set aside or changed', async () => {
    const holder = await world.gateway.account(world.server.port, {}, { verify: false, externalId: 'taken' });
    const response = await world.patch({ server: { host: '10.0.0.1' }, externalId: 'taken' });
    expect(await problemOf(response)).toMatchObject({ status: 422, code: 'target_not_allowed' });
    expect(await problemOf(await world.patch({ server: { security: 'tls', port: 25 }, verify: false }))).toMatchObject({ status: 422 });
    const conflict = await world.patch({
      server: { port: world.server.port },
      externalId: 'taken',
      auth: { username: 'ann', password: 'wrong' },
    });
    expect(await problemOf(conflict)).toMatchObject({ status: 409, code: 'conflict', account: holder.id });
    expect(await world.view()).toMatchObject({ externalId: null, server: { host: '127.0.0.1', port: world.server.port } });
  });

  test('on another host is not sent the old credentials on the word of a token', async () => {
    const elsewhere = new NodeGateway({
      ports: [world.server.port],
      vars: { ALLOWED_TARGETS: `127.0.0.1:${world.server.port},127.0.0.2:${world.server.port}` },
    });
    world.mine = await elsewhere.account(world.server.port);
    const total = world.server.connections.total;
    const there = { server: { host: '127.0.0.2' } };
    for (const verify of [true, false])
      expect(await problemOf(await world.patch({ ...there, verify }, { as: world.mine.token }, elsewhere))).toMatchObject({
        status: 400,
        errors: [{ pointer: '/auth' }],
      });
    expect(world.server.connections.total).toBe(total);
    const auth = { username: 'ann', password: 'secret' };
    expect((await world.patch({ ...there, auth, verify: false }, { as: world.mine.token }, elsewhere)).status).toBe(200);
    expect((await world.patch({ server: { host: '127.0.0.1' }, verify: false }, {}, elsewhere)).status).toBe(200);
  });

  test('waits for its turn behind a session that is at work, and ends none', async () => {
    const other = await moving(['there']);
    const { data } = await world.list();
    const reading = world.gateway.ask('GET', `${world.mine.path}/messages/${data[0]?.id}`, { as: OPERATOR_KEY });
    await expect.poll(() => sent(world.server, 'RETR').length).toBe(1);
    const moved = world.patched({ server: { port: other.port } });
    expect((await reading).status).toBe(200);
    expect((await moved).server.port).toBe(other.port);
  });
});

describe('a pause', () => {
  test('stops alarms and sessions; what is known is read all the same', async () => {
    world.gateway = new NodeGateway({ ports: [world.server.port], mailbox: { lingerMs: 5_000 } });
    world.mine = await world.gateway.account(world.server.port);
    await world.list('?maxAge=0');
    expect(world.server.connections.open).toBe(1);
    const since = (await world.view()).stateSince;
    world.gateway.advance(1_000);
    const after = await world.patched({ paused: true });
    expect(after).toMatchObject({ state: 'paused', paused: true, sync: { nextCheckAt: null } });
    expect(after.stateSince > since).toBe(true);
    expect(world.mine.box.alarm()).toBeNull();
    await expect.poll(() => world.server.connections.open).toBe(0);
    const total = world.server.connections.total;
    world.gateway.advance(3_600_000);
    expect(await world.list()).toMatchObject({ total: 2, sync: { stale: true, problem: 'paused' } });
    for (const [method, path] of [
      ['POST', '/sync'],
      ['GET', '/messages?maxAge=0'],
    ] as const)
      expect(await problemOf(await world.gateway.ask(method, world.mine.path + path, { as: world.mine.token }))).toMatchObject({
        status: 409,
        code: 'paused',
      });
    await world.mine.box.service.alarm();
    expect(world.server.connections.total).toBe(total);
  });

  test('ends when it is told to', async () => {
    await world.patched({ paused: true });
    world.mine.box.restart();
    world.mail.drop.add(mail('later'));
    expect(await world.patched({ paused: false })).toMatchObject({ state: 'ready', paused: false });
    expect(world.mine.box.alarm()).not.toBeNull();
    expect((await world.list('?maxAge=0')).total).toBe(3);
  });

  test('ends what is going on in a session, which is then paused and no fault of the server’s', async () => {
    const stalls = await world.another(['one', 'two'], { answer: ({ verb }) => (verb === 'RETR' ? '+OK\r\nSubject: half\r\n' : null) });
    world.gateway = new NodeGateway({ ports: [stalls.port] });
    world.mine = await world.gateway.account(stalls.port);
    const { data } = await world.list();
    const reading = world.gateway.ask('GET', `${world.mine.path}/messages/${data[0]?.id}`, { as: OPERATOR_KEY });
    await expect.poll(() => sent(stalls, 'RETR').length).toBe(1);
    const waiting = world.gateway.ask('GET', `${world.mine.path}/messages?maxAge=0`, { as: OPERATOR_KEY });
    await world.view();
    await world.patched({ paused: true });
    for (const answer of [await reading, await waiting]) expect(await problemOf(answer)).toMatchObject({ status: 409, code: 'paused' });
    expect(await world.view()).toMatchObject({ state: 'paused', consecutiveFailures: 0, lastError: null });
    await expect.poll(() => stalls.connections.open).toBe(0);
  });

  test('may begin with credentials that are verified, whose session is then ended', async () => {
    expect(await world.patched({ paused: true, auth: { username: 'ann', password: 'secret' } })).toMatchObject({ state: 'paused' });
    await expect.poll(() => world.server.connections.open).toBe(0);
    expect(world.mine.box.alarm()).toBeNull();
  });
});

test('an account that is removed while its new credentials are verified is gone', async () => {
  let armed = false;
  let removing: Promise<Response> | null = null;
  const other = await world.another(['one'], {
    answer: ({ verb, user }) => {
      if (verb === 'AUTH' && user === null && armed) removing ??= world.gateway.ask('DELETE', world.mine.path, { as: OPERATOR_KEY });
      return null;
    },
  });
  world.gateway = new NodeGateway({ ports: [other.port] });
  world.mine = await world.gateway.account(other.port);
  await world.list();
  armed = true;
  const changed = await world.patch({ auth: { username: 'bob', password: 'new secret' } });
  expect((await removing!).status).toBe(204);
  expect([200, 404]).toContain(changed.status);
  expect(world.mine.box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  expect(world.mine.box.alarm()).toBeNull();
  expect((await world.gateway.ask('GET', world.mine.path, { as: OPERATOR_KEY })).status).toBe(404);
  await expect.poll(() => other.connections.open).toBe(0);
});
