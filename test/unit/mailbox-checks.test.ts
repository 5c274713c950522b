/** What a check costs in rows, and that its time survives the object all the same. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { POLL } from '../../src/limits.ts';
import { ALL, nodeMailbox, type NodeMailbox, OPERATOR, settingsFor, valueOf } from '../support/node-mailbox.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

/** Rows written so far: those of tables, and the alarm's. */
function written(box: NodeMailbox): { rows: number; alarms: number } {
  const [changes] = box.sql.exec<{ n: number }>(`SELECT total_changes() AS n`);
  return { rows: changes?.n ?? 0, alarms: box.alarmWrites() };
}

/** What `work` writes. */
async function cost(box: NodeMailbox, work: () => Promise<unknown>): Promise<{ rows: number; alarms: number }> {
  const before = written(box);
  await work();
  const after = written(box);
  return { rows: after.rows - before.rows, alarms: after.alarms - before.alarms };
}

const view = async (box: NodeMailbox) => valueOf(await box.service.account(OPERATOR));
const checkedAt = async (box: NodeMailbox): Promise<number> => Date.parse((await view(box)).sync.checkedAt ?? '');

/** An account whose background work is done. */
async function settled(change: Parameters<typeof settingsFor>[1] = {}): Promise<NodeMailbox> {
  world.fill(3);
  const { box } = await world.account(await world.serve(), {}, change);
  valueOf(await box.service.sync(OPERATOR));
  return box;
}

describe('a poll that finds nothing new', () => {
  it('writes one row, its alarm, whether the object was awake or asleep', async () => {
    const box = await settled();
    await box.ring();
    expect(await cost(box, () => box.ring())).toEqual({ rows: 0, alarms: 1 });
    for (let n = 0; n < 3; n++) {
      box.restart();
      expect(await cost(box, () => box.ring())).toEqual({ rows: 0, alarms: 1 });
    }
  });

  it('is known by its alarm after a restart', async () => {
    const box = await settled();
    for (let n = 0; n < 3; n++) {
      const due = box.alarm() ?? 0;
      await box.ring();
      const awake = await checkedAt(box);
      expect(awake).toBeGreaterThanOrEqual(due);
      box.restart();
      expect(await checkedAt(box)).toBe(awake);
      expect((await view(box)).sync).toMatchObject({ stale: false, nextCheckAt: new Date(box.alarm() ?? 0).toISOString() });
    }
  });

  it('asked for by hand moves the alarm, and is known by it too', async () => {
    const box = await settled();
    box.advance(100_000);
    expect(await cost(box, () => box.service.sync(OPERATOR))).toEqual({ rows: 0, alarms: 1 });
    const awake = await checkedAt(box);
    box.restart();
    expect(await checkedAt(box)).toBe(awake);
    // Recent enough, and known to be: nobody is asked.
    expect(await cost(box, () => box.service.messages(OPERATOR, { ...ALL, maxAge: 3600 }))).toEqual({ rows: 0, alarms: 0 });
  });
});

describe('where no alarm stands for the check', () => {
  it.each([
    ['the account is not polled', { pollSeconds: 0 }],
    ['the alarm is set for something else', { pollSeconds: 3_600, cache: { maxBytes: 0, maxMessageBytes: 0 } }],
  ])('because %s, its time is in the row', async (_, change) => {
    const box = await settled(change);
    const [newest] = valueOf(await box.service.messages(OPERATOR, { ...ALL, maxAge: 3600 })).data;
    // Above the cache's cap, so a scratch copy, which has its own time to go.
    valueOf(await box.service.message(OPERATOR, newest?.id ?? '', { html: 'none', maxBodyBytes: 100 }, null));
    box.advance(1_000);
    valueOf(await box.service.sync(OPERATOR));
    const awake = await checkedAt(box);
    box.restart();
    expect(await checkedAt(box)).toBe(awake);
    if (box.alarm() !== null) await box.ring();
    box.restart();
    expect(await checkedAt(box)).toBe(awake);
  });

  it('because the account was paused or its polls changed, it is not lost', async () => {
    const box = await settled();
    await box.ring();
    const awake = await checkedAt(box);
    for (const change of [{ pollSeconds: 3_600 }, { pollSeconds: 60 }, { paused: true }, { paused: false }, { pollSeconds: 0 }]) {
      valueOf(await box.service.update(OPERATOR, change, true));
      expect(await checkedAt(box)).toBe(awake);
      box.restart();
      expect(await checkedAt(box)).toBe(awake);
    }
  });

  it('because it failed, the last good one is told, awake and after a restart', async () => {
    const server = await world.serve();
    const box = nodeMailbox();
    valueOf(await box.service.create(box.id, settingsFor(server.port), true, null));
    await world.ids(box);
    valueOf(await box.service.sync(OPERATOR));
    await box.ring();
    const good = await checkedAt(box);
    await server.close();
    box.restart();
    await box.ring();
    for (let n = 0; n < 2; n++) {
      expect(await view(box)).toMatchObject({ consecutiveFailures: 1, sync: { stale: true, checkedAt: new Date(good).toISOString() } });
      box.restart();
    }
  });

  it('because the alarm was lost, the row’s own time holds', async () => {
    const box = await settled();
    const listed = await checkedAt(box);
    await box.ring();
    box.loseAlarm();
    box.restart();
    expect(await checkedAt(box)).toBeLessThanOrEqual(listed);
    valueOf(await box.service.visit(OPERATOR));
    await box.ring();
    expect(await checkedAt(box)).toBeGreaterThan(listed);
  });
});

it('an alarm that was lost is set again by whoever asks for the account', async () => {
  const box = await settled();
  box.loseAlarm();
  box.restart();
  await view(box);
  expect(box.alarm()).not.toBeNull();
  const listed = await checkedAt(box);
  await box.ring();
  expect(await checkedAt(box)).toBeGreaterThan(listed);
});

it('an object that dies in a poll tells no later check than the one it began, and polls again', async () => {
  world.fill(3);
  let silent = false;
  const server = await world.serve({ answer: ({ verb }) => (silent && verb === 'STAT' ? '' : null) });
  const { box } = await world.account(server);
  valueOf(await box.service.sync(OPERATOR));
  world.drop.add(mail('late'), 'late');
  const due = box.alarm() ?? 0;
  silent = true;
  const asked = sent(server, 'STAT').length;
  const dying = box.ring();
  await expect.poll(() => sent(server, 'STAT').length).toBeGreaterThan(asked);
  box.restart();
  expect(await checkedAt(box)).toBeLessThanOrEqual(due + 1_000);
  expect(box.alarm()).toBeGreaterThan(due);
  // A dead object's socket is closed; here its server does that.
  silent = false;
  await server.close();
  await dying;
  await world.serve({ port: server.port });
  await box.ring();
  expect(valueOf(await box.service.messages(OPERATOR, { ...ALL, maxAge: 3600 })).total).toBe(4);
});

it('accounts have intervals of their own, the same after a restart, within the jitter', async () => {
  const server = await world.serve();
  const intervals = new Set<number>();
  for (let n = 0; n < 8; n++) {
    const { box } = await world.account(server);
    await box.ring();
    for (let again = 0; again < 2; again++) {
      const interval = (box.alarm() ?? 0) - (await checkedAt(box));
      intervals.add(interval);
      expect(Math.abs(interval - 300_000)).toBeLessThanOrEqual(POLL.jitter * 300_000 + 1);
      box.restart();
      await box.ring();
    }
  }
  expect(intervals.size).toBe(8);
});
