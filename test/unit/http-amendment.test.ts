/** PATCH /v1/accounts/{account}: what may change, in which order it is judged, and that nothing of the old is left behind. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directoryOf } from '../../src/http/stubs.ts';
import { OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import { AmendmentWorld } from './amendment-world.ts';

let world: AmendmentWorld;

beforeEach(async () => {
  world = await AmendmentWorld.make();
});
afterEach(() => world.close());

describe('a merge patch', () => {
  test('changes what it names and nothing else', async () => {
    const before = await world.view();
    const after = await world.patched({ pollSeconds: 900, cache: { maxBytes: 1000 } });
    expect(after).toMatchObject({ pollSeconds: 900, cache: { maxBytes: 1000, maxMessageBytes: before.cache.maxMessageBytes } });
    const { pollSeconds: _a, cache: _b, sync: _c, ...rest } = before;
    expect(after).toMatchObject(rest);
    world.mine.box.restart();
    expect(await world.view()).toEqual(after);
  });

  test.each(['application/json', 'application/merge-patch+json', 'application/merge-patch+json; charset=utf-8'])(
    'may come as %s',
    async (type) => {
      expect((await world.patched({ pollSeconds: 700 }, { headers: { 'Content-Type': type } })).pollSeconds).toBe(700);
    },
  );

  test.each(['text/plain', 'application/json-patch+json', 'application/merge-patch+json; charset=latin1'])(
    'may not come as %s',
    async (type) => {
      expect((await world.patch({ pollSeconds: 700 }, { headers: { 'Content-Type': type } })).status).toBe(415);
    },
  );

  test('is no way in for other calls', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json' };
    expect((await world.gateway.ask('POST', `${world.mine.path}/tokens`, { as: OPERATOR_KEY, json: {}, headers })).status).toBe(415);
  });

  test('restores the default with null', async () => {
    await world.patched({
      pollSeconds: 900,
      paused: true,
      cache: { maxBytes: 1, maxMessageBytes: 2 },
      email: 'a@example.com',
      externalId: 'x',
    });
    const after = await world.patched({ pollSeconds: null, paused: null, cache: { maxBytes: null }, email: null, externalId: null });
    expect(after).toMatchObject({
      pollSeconds: 300,
      paused: false,
      email: null,
      externalId: null,
      cache: { maxBytes: 67_108_864, maxMessageBytes: 2 },
    });
    expect((await world.patched({ cache: null })).cache).toMatchObject({ maxBytes: 67_108_864, maxMessageBytes: 16_777_216 });
  });

  test('that changes nothing leaves no event and asks nobody', async () => {
    const total = world.server.connections.total;
    await world.patched({});
    await world.patched({ pollSeconds: 300, server: { port: world.server.port } });
    expect(world.mine.box.sql.exec(`SELECT number FROM events`)).toHaveLength(2);
    expect(world.server.connections.total).toBe(total);
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
    const before = await world.view();
    expect(await problemOf(await world.patch(json))).toMatchObject({ status: 400, errors: [{ pointer }] });
    expect(await world.view()).toEqual(before);
  });

  test('needs the scope manage', async () => {
    const { token } = (await (
      await world.gateway.ask('POST', `${world.mine.path}/tokens`, { as: world.mine.token, json: { scopes: ['read', 'write', 'delete'] } })
    ).json()) as {
      token: { secret: string };
    };
    expect((await world.patch({ externalId: 'taken?' }, { as: token.secret })).status).toBe(403);
    expect((await world.patch({ pollSeconds: 700 }, { as: world.mine.token })).status).toBe(200);
    const directory = await directoryOf(world.gateway.env).list({ limit: 10, cursor: null, externalId: null });
    expect(directory).toMatchObject({ value: { data: [{ id: world.mine.id, externalId: null }] } });
  });
});

describe('the schedule and the cache', () => {
  test('follow at once', async () => {
    const asked = Date.parse((await world.view()).sync.checkedAt ?? '');
    const before = (world.mine.box.alarm() ?? 0) - asked;
    await world.patched({ pollSeconds: 3_600 });
    // The account's own share of the jitter is the same part of any interval.
    expect((world.mine.box.alarm() ?? 0) - asked).toBeCloseTo(12 * before, -2);
    await world.patched({ pollSeconds: 0 });
    expect(world.mine.box.alarm()).toBeNull();
  });

  test('give up what there is no more room for', async () => {
    const { data } = await world.list();
    const raw = await world.gateway.ask('GET', `${world.mine.path}/messages/${data[0]?.id}/raw`, { as: OPERATOR_KEY });
    expect((await raw.arrayBuffer()).byteLength).toBeGreaterThan(0);
    await expect.poll(async () => (await world.view()).cache.usedBytes).toBeGreaterThan(0);
    expect((await world.patched({ cache: { maxBytes: 0 } })).cache.usedBytes).toBe(0);
  });
});

describe('the identity', () => {
  const entry = async (externalId: string | null = null) => {
    const found = await directoryOf(world.gateway.env).list({ limit: 10, cursor: null, externalId });
    return found.ok ? found.value.data : [];
  };

  test('is changed in the Directory too', async () => {
    await world.patched({ externalId: 'user-1', email: 'new@example.com' });
    expect(await entry('user-1')).toMatchObject([{ id: world.mine.id, externalId: 'user-1', email: 'new@example.com', host: '127.0.0.1' }]);
    await world.patched({ externalId: 'user-2' });
    expect(await entry('user-1')).toEqual([]);
    const other = await world.gateway.account(world.server.port, {}, { verify: false, externalId: 'user-1' });
    expect(await problemOf(await world.patch({ externalId: 'user-1' }))).toMatchObject({ status: 409, account: other.id });
    await world.patched({ externalId: 'user-2' });
    await world.patched({ externalId: null });
    expect(await entry('user-2')).toEqual([]);
  });

  test('stays where the login fails, and the externalId is free for others', async () => {
    expect((await world.patch({ externalId: 'user-1', auth: { username: 'ann', password: 'wrong' } })).status).toBe(424);
    expect(await entry('user-1')).toEqual([]);
    await world.gateway.account(world.server.port, {}, { verify: false, externalId: 'user-1' });
  });

  test('is one thing after two changes at once', async () => {
    const answers = await Promise.all([
      world.patch({ externalId: 'a' }),
      world.patch({ externalId: 'b' }),
      world.patch({ pollSeconds: 600 }),
    ]);
    const statuses = answers.map((answer) => answer.status);
    expect(statuses[2]).toBe(200);
    expect(statuses).toContain(200);
    for (const status of statuses) expect([200, 503]).toContain(status);
    const { externalId, pollSeconds } = await world.view();
    expect(pollSeconds).toBe(600);
    expect(await entry(externalId)).toMatchObject([{ id: world.mine.id, externalId }]);
  });
});

test('changes that meet are made one after another, and none is lost', async () => {
  const auth = { username: 'ann', password: 'secret' };
  const answers = await Promise.all([
    world.patch({ auth, pollSeconds: 600 }),
    world.patch({ cache: { maxBytes: 5 } }),
    world.patch({ cache: { maxMessageBytes: 6 } }),
  ]);
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
  expect(await world.view()).toMatchObject({ pollSeconds: 600, cache: { maxBytes: 5, maxMessageBytes: 6 } });
  world.mine.box.restart();
  expect(await world.view()).toMatchObject({ pollSeconds: 600, cache: { maxBytes: 5, maxMessageBytes: 6 } });
});
