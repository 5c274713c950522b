/** The cron trigger: what stayed between Directory and Mailbox is settled, lost alarms ring again, figures come back. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import { DIRECTORY, SWEEP } from '../../src/limits.ts';
import type { DeploymentStats, DirectoryEntry } from '../../src/directory/rpc.ts';
import { directoryOf } from '../../src/http/stubs.ts';
import type { Deps } from '../../src/mailbox/deps.ts';
import { sweep } from '../../src/http/sweep.ts';
import { OPERATOR, settingsFor, valueOf } from '../support/node-mailbox.ts';
import { type MadeAccount, NodeGateway, OPERATOR_KEY } from '../support/node-gateway.ts';
import { type Pop3Server, startPop3Server } from '../support/pop3-server.ts';
import { random } from './http-fakes.ts';

const MINUTE = 60_000;
const LATER = DIRECTORY.reservationTime + 1;

let server: Pop3Server;
let gateway: NodeGateway;
let lines: string[];

beforeEach(async () => {
  lines = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  server = await startPop3Server({ users: new Map([['ann', { password: 'secret' }]]) });
  gateway = new NodeGateway({ ports: [server.port] });
});
afterEach(() => server.close());

const directory = () => directoryOf(gateway.env);
const unverified = (more: Record<string, unknown> = {}) => gateway.account(server.port, {}, { verify: false, ...more });

function entry(id: string, externalId: string | null = null): DirectoryEntry {
  return { id, email: null, externalId, host: '127.0.0.1', createdAt: new Date().toISOString() };
}

async function listed(): Promise<string[]> {
  const result = await directory().list({ limit: 200, cursor: null, externalId: null });
  return result.ok ? result.value.data.map(({ id }) => id) : [];
}

async function stats(): Promise<DeploymentStats> {
  const response = await gateway.ask('GET', '/v1/stats', { as: OPERATOR_KEY });
  expect(response.status).toBe(200);
  return (await response.json()) as DeploymentStats;
}

describe('what a creation left behind', () => {
  test('is confirmed where the Mailbox exists', async () => {
    const id = newAccountId(random, null);
    await directory().reserve(entry(id, 'user-1'));
    valueOf(await gateway.mailbox(id).service.create(id, settingsFor(server.port), false, null));
    await sweep(gateway.env);
    expect(await listed()).toEqual([]);
    gateway.advance(LATER);
    await sweep(gateway.env);
    expect(await listed()).toEqual([id]);
  });

  test('is forgotten where it doesn’t, and nothing is stored by asking', async () => {
    const id = newAccountId(random, null);
    await directory().reserve(entry(id, 'user-1'));
    gateway.advance(LATER);
    await sweep(gateway.env);
    expect(await directory().confirm(id)).toMatchObject({ ok: false });
    expect(gateway.mailbox(id).sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
    await unverified({ externalId: 'user-1' });
  });

  test('is not touched while it may still be going on', async () => {
    const id = newAccountId(random, null);
    await directory().reserve(entry(id));
    gateway.advance(DIRECTORY.reservationTime - MINUTE);
    await sweep(gateway.env);
    expect(await directory().confirm(id)).toMatchObject({ ok: true });
  });
});

describe('what a removal left behind', () => {
  test('is finished', async () => {
    const { id, box, path } = await unverified({ externalId: 'user-1' });
    await directory().release(id);
    gateway.advance(LATER);
    await sweep(gateway.env);
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
    expect((await gateway.ask('GET', path, { as: OPERATOR_KEY })).status).toBe(404);
    await unverified({ externalId: 'user-1' });
  });

  test('is finished where the key is destroyed and nothing else yet', async () => {
    const { id, box } = await unverified();
    await directory().release(id);
    box.sql.exec(`UPDATE account SET data_key = x''`);
    box.restart();
    gateway.advance(LATER);
    await sweep(gateway.env);
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });

  test('is forgotten where the Mailbox is gone already, also if the entry is live', async () => {
    const { id } = await unverified();
    valueOf(await gateway.mailbox(id).service.remove(OPERATOR));
    expect(await listed()).toEqual([id]);
    await sweep(gateway.env);
    expect(await listed()).toEqual([]);
  });

  test('stays, named in the log, while the Mailbox can’t be opened', async () => {
    const { id, box } = await unverified();
    await directory().release(id);
    box.restart(`k9:${Buffer.alloc(32, 9).toString('base64')}`);
    gateway.advance(LATER);
    await sweep(gateway.env);
    expect(lines.some((line) => line.includes('account_unsettled') && line.includes(id) && line.includes('misconfigured'))).toBe(true);
    box.restart();
    await sweep(gateway.env);
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });
});

describe('a visit', () => {
  test('sets an alarm that was lost, of an object that is asleep and of one that believes it set', async () => {
    const asleep = await unverified();
    const awake = await gateway.account(server.port);
    expect((await gateway.ask('GET', `${awake.path}/messages`, { as: awake.token })).status).toBe(200);
    // The first sync may still be at its end when the page comes out of what it has listed.
    await expect.poll(() => awake.box.alarm()).toBeGreaterThan(Date.now() + MINUTE);
    const next = awake.box.alarm();
    const { total } = server.connections;
    for (const { box } of [asleep, awake]) {
      expect(box.alarm()).not.toBeNull();
      box.loseAlarm();
    }
    asleep.box.restart();
    await sweep(gateway.env);
    expect(asleep.box.alarm()).not.toBeNull();
    expect(awake.box.alarm()).toBe(next);
    expect(server.connections.total).toBe(total);
  });

  test('gives an account back the alarm that the platform gave up after it had failed seven times', async () => {
    let broken = false;
    const wrap = (deps: Deps): Deps => {
      const exec: Deps['sql']['exec'] = (statement, ...bindings) => {
        if (broken) throw new Error('The storage does not answer.');
        return deps.sql.exec(statement, ...bindings);
      };
      return { ...deps, sql: { exec, transaction: (body) => deps.sql.transaction(body) } };
    };
    gateway = new NodeGateway({ ports: [server.port], mailbox: { wrap } });
    const { box, path, token } = await gateway.account(server.port);
    expect((await gateway.ask('POST', `${path}/sync`, { as: token, json: {} })).status).toBe(200);
    broken = true;
    for (let tries = 0; tries < 7; tries++) await expect(box.service.alarm(box.alarm())).rejects.toThrow('does not answer');
    box.loseAlarm();
    broken = false;
    const logins = server.connections.total;
    gateway.advance(60 * MINUTE);
    await sweep(gateway.env);
    expect(box.alarm()).not.toBeNull();
    await box.ring();
    expect(server.connections.total).toBe(logins + 1);
    const account = await gateway.ask('GET', path, { as: token });
    expect(await account.json()).toMatchObject({ state: 'ready', consecutiveFailures: 0 });
  });

  test('is made once a day', async () => {
    const { box } = await unverified();
    await sweep(gateway.env);
    box.loseAlarm();
    gateway.advance(SWEEP.visitAfter - MINUTE);
    await sweep(gateway.env);
    expect(box.alarm()).toBeNull();
    gateway.advance(2 * MINUTE);
    await sweep(gateway.env);
    expect(box.alarm()).not.toBeNull();
  });

  test('that finds an alarm lost brings the others forward, for theirs may be, too', async () => {
    const first = await unverified();
    await sweep(gateway.env);
    gateway.advance(SWEEP.visitAgainAfter + MINUTE);
    const second = await unverified();
    for (const { box } of [first, second]) box.loseAlarm();
    await sweep(gateway.env);
    expect([first, second].map(({ box }) => box.alarm() !== null)).toEqual([false, true]);
    expect(lines.some((line) => line.includes('"swept"') && line.includes('"lost":1'))).toBe(true);
    await sweep(gateway.env);
    expect(first.box.alarm()).not.toBeNull();
  });

  test('is not brought forward again within the hour', async () => {
    const first = await unverified();
    const second = await unverified();
    await sweep(gateway.env);
    for (const { box } of [first, second]) box.loseAlarm();
    await first.box.service.visit(OPERATOR);
    gateway.advance(SWEEP.visitAgainAfter - MINUTE);
    const third = await unverified();
    third.box.loseAlarm();
    await sweep(gateway.env);
    await sweep(gateway.env);
    expect([second, third].map(({ box }) => box.alarm() !== null)).toEqual([false, true]);
  });

  test('that fails costs the others nothing and is made again within the hour', async () => {
    const broken = await unverified();
    const good = await unverified();
    broken.box.restart(`k9:${Buffer.alloc(32, 9).toString('base64')}`);
    for (const { box } of [broken, good]) box.loseAlarm();
    await sweep(gateway.env);
    expect(good.box.alarm()).not.toBeNull();
    expect(broken.box.alarm()).toBeNull();
    expect(await listed()).toEqual([broken.id, good.id]);
    broken.box.restart();
    await sweep(gateway.env);
    expect(broken.box.alarm()).toBeNull();
    gateway.advance(SWEEP.visitAgainAfter + 1);
    await sweep(gateway.env);
    expect(broken.box.alarm()).not.toBeNull();
  });

  test('is made to all in turn, a bounded number each run', async () => {
    const made: MadeAccount[] = [];
    for (let n = 0; n < 25; n++) made.push(await unverified({ pollSeconds: 600 }));
    for (const { box } of made) box.loseAlarm();
    let now = 0;
    const slow = () => (now += SWEEP.time / 2 + 1);
    const visited = () => made.filter(({ box }) => box.alarm() !== null).length;
    await sweep(gateway.env, slow);
    expect(visited()).toBe(SWEEP.atOnce);
    await sweep(gateway.env, slow);
    expect(visited()).toBe(2 * SWEEP.atOnce);
    await sweep(gateway.env);
    expect(visited()).toBe(made.length);
  });

  test('ends a change of identity that was left in the middle, as the Mailbox has it', async () => {
    const { id, box } = await unverified({ externalId: 'old' });
    const holder = async (externalId: string) => {
      const found = await directory().list({ limit: 1, cursor: null, externalId });
      return found.ok ? found.value.data.map((each) => each.id) : null;
    };
    await sweep(gateway.env);
    await directory().propose(id, 'new');
    valueOf(await box.service.update(OPERATOR, { externalId: 'new', email: 'new@example.com' }, true));
    await sweep(gateway.env);
    expect(await holder('old')).toEqual([id]);
    gateway.advance(DIRECTORY.proposalTime + 1);
    await sweep(gateway.env);
    expect(await holder('new')).toEqual([id]);
    expect(await holder('old')).toEqual([]);
    await unverified({ externalId: 'old' });
  });
});

describe('the figures about all accounts', () => {
  test('are those that the last visits found, and say since when', async () => {
    expect(await stats()).toEqual({
      accounts: { new: 0, ready: 0, auth_failed: 0, unreachable: 0, paused: 0 },
      polls: { accounts: 0, perDay: 0 },
      failures: {},
      oldestUnchecked: null,
      asOf: null,
    });
    const ready = await gateway.account(server.port);
    await gateway.ask('GET', `${ready.path}/messages`, { as: ready.token });
    const wrong = await unverified({ auth: { username: 'ann', password: 'wrong' } });
    await gateway.ask('POST', `${wrong.path}/sync`, { as: wrong.token });
    const never = await unverified({ pollSeconds: 600 });
    await unverified({ paused: true });
    await unverified({ pollSeconds: 0 });
    expect((await stats()).accounts).toMatchObject({ new: 5 });
    gateway.advance(MINUTE);
    const before = Date.now() + MINUTE;
    await sweep(gateway.env);
    const { asOf, ...found } = await stats();
    expect(found).toEqual({
      accounts: { new: 2, ready: 1, auth_failed: 1, unreachable: 0, paused: 1 },
      polls: { accounts: 2, perDay: 288 + 144 },
      failures: { upstream_auth_failed: 1 },
      oldestUnchecked: { account: never.id, checkedAt: null },
    });
    expect(Date.parse(asOf ?? '')).toBeGreaterThanOrEqual(before);
    await gateway.ask('DELETE', wrong.path, { as: OPERATOR_KEY });
    expect(await stats()).toMatchObject({ accounts: { auth_failed: 0 }, failures: {} });
  });

  test('are for the operator alone', async () => {
    const { token } = await unverified();
    expect((await gateway.ask('GET', '/v1/stats', { as: token })).status).toBe(403);
  });
});

test('a deployment that is not configured is left alone', async () => {
  const { OPERATOR_KEY: _, ...env } = gateway.env;
  await sweep(env);
  expect(lines).toEqual(['{"event":"sweep_misconfigured"}']);
});
