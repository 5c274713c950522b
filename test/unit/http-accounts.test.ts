/** Accounts over HTTP: made, listed and removed, in the order that the contract has, and what is left where a step in between fails. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { isAccountId } from '../../src/crypto/ids.ts';
import type { Failure } from '../../src/mailbox/rpc.ts';
import { CreatedAccount } from '../../src/http/schemas/account.ts';
import { NEW_ACCOUNT, OPERATOR_KEY, problemOf, World } from './http-world.ts';
import type { FakeMailbox } from './http-fakes.ts';

function create(world: World, json: unknown) {
  return world.ask('POST', '/v1/accounts', { as: OPERATOR_KEY, json });
}

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});

/** A world whose new Mailboxes all behave so. */
function worldWhere(behave: (mailbox: FakeMailbox) => void): World {
  const world = new World();
  world.behave = behave;
  return world;
}

const created = (world: World) => [...world.mailboxes.values()].flatMap(({ calls }) => calls.filter(({ method }) => method === 'create'));

describe('creating an account', () => {
  test('fills in the defaults of the contract', async () => {
    const world = new World();
    const response = await create(world, NEW_ACCOUNT);
    expect(response.status).toBe(201);
    const body = CreatedAccount.parse(await response.json());
    expect(isAccountId(body.account.id)).toBe(true);
    expect(response.headers.get('Location')).toBe(`/v1/accounts/${body.account.id}`);
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    expect(created(world)[0]!.args).toEqual([
      body.account.id,
      {
        email: 'ann@example.com',
        externalId: null,
        server: { host: 'pop.example.com', port: 995, security: 'tls' },
        auth: { username: 'ann@example.com', password: 'a secret password', accessToken: null, method: 'auto' },
        initial: 'all',
        pollSeconds: 300,
        paused: false,
        location: null,
        jurisdiction: null,
        cache: { maxBytes: 67_108_864, maxMessageBytes: 16_777_216 },
      },
      true,
      { scopes: ['manage'], expiresAt: null, origins: [], label: '' },
    ]);
    expect(world.directory.calls).toEqual(['reserve', 'confirm']);
    expect(world.directory.entries.get(body.account.id)).toMatchObject({ state: 'live', entry: { host: 'pop.example.com' } });
  });

  test('gives a token that works, and never the password', async () => {
    const world = new World();
    const response = await create(world, NEW_ACCOUNT);
    const text = await response.text();
    expect(text).not.toContain('a secret password');
    const { account, token } = CreatedAccount.parse(JSON.parse(text));
    expect((await world.ask('GET', `/v1/accounts/${account.id}`, { as: token!.secret })).status).toBe(200);
  });

  test('gives no token if none is wanted', async () => {
    const response = await create(new World(), { ...NEW_ACCOUNT, token: null });
    expect(CreatedAccount.parse(await response.json()).token).toBeNull();
  });

  test.each([
    ['tls', 995],
    ['starttls', 110],
    ['none', 110],
  ])('takes the port of %s, %d, where none is named', async (security, port) => {
    const world = new World({ ALLOWED_TARGETS: `pop.example.com:${port}` });
    await create(world, { ...NEW_ACCOUNT, server: { host: 'pop.example.com', security } });
    expect(created(world)[0]!.args[1]).toMatchObject({ server: { port } });
  });

  test.each([
    [{ auth: { username: 'ann', password: 'x' } }, null],
    [{ email: null }, null],
    [{ email: 'other@example.com' }, 'other@example.com'],
  ])('with %o has the email %s', async (given, email) => {
    const world = new World();
    await create(world, { ...NEW_ACCOUNT, ...given });
    expect(created(world)[0]!.args[1]).toMatchObject({ email });
  });

  test('passes the place where it is to live', async () => {
    const world = new World();
    await create(world, { ...NEW_ACCOUNT, location: 'weur', jurisdiction: 'eu' });
    expect(world.hints).toEqual(['weur']);
    expect(world.jurisdictions).toEqual(['eu']);
  });

  test('is refused where the platform has no jurisdictions', async () => {
    const world = new World();
    world.env = {
      ...world.env,
      MAILBOX: {
        ...world.env.MAILBOX,
        jurisdiction: () => {
          throw new Error('not implemented');
        },
      },
    };
    const response = await create(world, { ...NEW_ACCOUNT, jurisdiction: 'eu' });
    expect((await problemOf(response)).errors).toMatchObject([{ pointer: '/jurisdiction' }]);
    expect(world.directory.calls).toEqual([]);
  });

  test('judges in the order of the contract: shape, target, externalId, login', async () => {
    const refusal: Failure = {
      kind: 'upstream_auth_failed',
      upstream: { phase: 'login', responseCode: 'AUTH', text: 'no' },
      retryAfterSeconds: null,
    };
    const world = worldWhere((mailbox) => (mailbox.failure = refusal));
    const entry = { id: 'acc_taken', email: null, externalId: 'user-1', host: 'x', createdAt: '2026-11-20T10:24:00Z' };
    world.directory.entries.set('acc_taken', { entry, state: 'live' });
    const wrong = { server: { host: '127.0.0.1' }, auth: NEW_ACCOUNT.auth, externalId: 'user-1', nonsense: 1 };
    expect(await problemOf(await create(world, wrong))).toMatchObject({ status: 400, code: 'invalid_request' });
    const { nonsense: _, ...shaped } = wrong;
    expect(await problemOf(await create(world, shaped))).toMatchObject({ status: 422, code: 'target_not_allowed' });
    expect(world.directory.calls).toEqual([]);
    const allowed = { ...shaped, server: { host: 'pop.example.com' } };
    expect(await problemOf(await create(world, allowed))).toMatchObject({ status: 409, code: 'conflict', account: 'acc_taken' });
    expect(created(world)).toEqual([]);
    const free = { ...allowed, externalId: 'user-2' };
    expect(await problemOf(await create(world, free))).toMatchObject({ status: 424, upstream: refusal.upstream });
    expect([...world.directory.entries.keys()]).toEqual(['acc_taken']);
  });

  test('leaves nothing behind when the Mailbox breaks', async () => {
    const world = worldWhere((mailbox) => {
      mailbox.create = async (_account, settings) => {
        mailbox.settings = settings;
        throw new Error('broken after storing');
      };
    });
    expect((await create(world, NEW_ACCOUNT)).status).toBe(500);
    expect([...world.directory.entries]).toEqual([]);
    expect([...world.mailboxes.values()].map(({ settings }) => settings)).toEqual([null]);
  });

  test('leaves the entry to be settled when the Mailbox cannot be reached any more', async () => {
    const world = worldWhere((mailbox) => (mailbox.thrown = new Error('gone')));
    expect((await create(world, NEW_ACCOUNT)).status).toBe(500);
    expect([...world.directory.entries.values()].map(({ state }) => state)).toEqual(['removing']);
  });

  test('is undone when the Directory does not confirm it', async () => {
    const world = new World();
    world.directory.confirm = async () => ({ ok: false, failure: { kind: 'misconfigured', detail: 'Set something.' } });
    expect(await problemOf(await create(world, NEW_ACCOUNT))).toMatchObject({ code: 'misconfigured', detail: 'Set something.' });
    expect([...world.directory.entries]).toEqual([]);
    expect([...world.mailboxes.values()].map(({ settings }) => settings)).toEqual([null]);
  });
});

describe('removing an account', () => {
  test.each(['operator', 'token'])('by the %s forgets it in both places', async (who) => {
    const world = new World();
    const { id, token, mailbox } = world.account(['manage']);
    const response = await world.ask('DELETE', `/v1/accounts/${id}`, { as: who === 'operator' ? OPERATOR_KEY : token });
    expect(response.status).toBe(204);
    expect(response.headers.has('Content-Type')).toBe(false);
    expect(mailbox.settings).toBeNull();
    expect(world.directory.entries.has(id)).toBe(false);
  });

  test('by a token that may not leaves it listed', async () => {
    const world = new World();
    const { id, token } = world.account(['read', 'write', 'delete']);
    expect((await world.ask('DELETE', `/v1/accounts/${id}`, { as: token })).status).toBe(403);
    expect(world.directory.entries.get(id)!.state).toBe('live');
  });

  test('that broke half-way is finished by the next', async () => {
    const world = new World();
    const { id, mailbox } = world.account();
    mailbox.thrown = new Error('broken');
    expect((await world.ask('DELETE', `/v1/accounts/${id}`, { as: OPERATOR_KEY })).status).toBe(500);
    expect(world.directory.entries.get(id)!.state).toBe('removing');
    mailbox.thrown = null;
    expect((await world.ask('DELETE', `/v1/accounts/${id}`, { as: OPERATOR_KEY })).status).toBe(204);
    expect(world.directory.entries.has(id)).toBe(false);
  });

  test('whose Mailbox is gone already frees its entry', async () => {
    const world = new World();
    const { id, mailbox } = world.account();
    mailbox.settings = null;
    expect((await world.ask('DELETE', `/v1/accounts/${id}`, { as: OPERATOR_KEY })).status).toBe(404);
    expect(world.directory.entries.has(id)).toBe(false);
  });
});

describe('listing accounts', () => {
  test('pages through the Directory', async () => {
    const world = new World();
    const { account } = (await (await create(world, { ...NEW_ACCOUNT, externalId: 'user-1' })).json()) as { account: { id: string } };
    await create(world, { ...NEW_ACCOUNT, externalId: 'user-2' });
    const response = await world.ask('GET', '/v1/accounts?externalId=user-1&limit=1', { as: OPERATOR_KEY });
    expect(response.headers.get('Cache-Control')).toBe('private, no-cache');
    expect(await response.json()).toEqual({
      data: [{ id: account.id, email: 'ann@example.com', externalId: 'user-1', host: 'pop.example.com', createdAt: expect.any(String) }],
      nextCursor: null,
    });
  });

  test('refuses a cursor that the Directory did not give', async () => {
    const response = await new World().ask('GET', '/v1/accounts?cursor=zzz', { as: OPERATOR_KEY });
    expect((await problemOf(response)).errors).toEqual([{ pointer: '/cursor', detail: expect.any(String) }]);
  });
});
