/** `"pollSeconds": "auto"`: the pace follows the mail, and the time of the last check is known all the same. */
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { POLL } from '../../src/limits.ts';
import { autoSeconds } from '../../src/mailbox/pace.ts';
import { type NodeMailbox, OPERATOR, valueOf } from '../support/node-mailbox.ts';
import { mail, MailWorld } from './mailbox-world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('the automatic pace', () => {
  const NOW = 1_000 * HOUR;
  const every = (gap: number, count: number, silence = 0): number[] =>
    Array.from({ length: count }, (_, n) => NOW - silence - (n + 1) * gap);

  it.each([
    ['never', [], 1800],
    ['every two minutes', every(2 * MINUTE, 8), 60],
    ['every ten minutes', every(10 * MINUTE, 8), 120],
    ['every half an hour', every(30 * MINUTE, 8), 300],
    ['hourly', every(HOUR, 8), 600],
    ['every two hours', every(2 * HOUR, 8), 1800],
    ['every two minutes until an hour ago', every(2 * MINUTE, 8, HOUR), 120],
    ['every two minutes until yesterday', every(2 * MINUTE, 8, 24 * HOUR), 1800],
    ['all at once, just now', Array<number>(64).fill(NOW), 60],
    ['all at once, an hour ago', Array<number>(64).fill(NOW - HOUR), 600],
    ['in the future, by a clock that was set back', [NOW + HOUR], 60],
  ])('for mail that comes %s', (_, seen, seconds) => {
    expect(autoSeconds(seen, NOW)).toBe(seconds);
  });

  it('is one of its steps, slower the longer nothing comes, and at its quickest again after a burst', () => {
    const ascending = fc.array(fc.nat(48 * HOUR), { minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(ascending, fc.nat(48 * HOUR), (ago, later) => {
        const seen = ago.toSorted((a, b) => a - b).map((each) => NOW - each);
        const before = autoSeconds(seen, NOW);
        expect(POLL.autoSteps).toContain(before);
        expect(autoSeconds(seen, NOW + later)).toBeGreaterThanOrEqual(before);
        const burst = Array.from({ length: POLL.autoListings }, (_, n) => NOW - n * MINUTE);
        expect(autoSeconds([...burst, ...seen], NOW)).toBe(60);
      }),
    );
  });
});

describe('an account that leaves its pace to us', () => {
  let world: MailWorld;
  beforeEach(() => {
    world = new MailWorld();
  });
  afterEach(() => world.close());

  const view = async (box: NodeMailbox) => valueOf(await box.service.account(OPERATOR));
  const checkedAt = async (box: NodeMailbox): Promise<number> => Date.parse((await view(box)).sync.checkedAt ?? '');
  const interval = async (box: NodeMailbox): Promise<number> => (box.alarm() ?? 0) - (await checkedAt(box));
  const within = (seconds: number, actual: number): void =>
    expect(Math.abs(actual - seconds * 1000)).toBeLessThanOrEqual(seconds * 1000 * POLL.jitter + 1);

  it('slows down while nothing comes, each poll known by its alarm, and quickens when something does', async () => {
    world.fill(1);
    const { box } = await world.account(await world.serve(), {}, { pollSeconds: 'auto' });
    expect(await view(box)).toMatchObject({ pollSeconds: 'auto' });
    const steps = new Set<number>();
    for (let n = 0; n < 60; n++) {
      await box.ring();
      const awake = await interval(box);
      box.restart();
      expect(await interval(box)).toBe(awake);
      const step = POLL.autoSteps.find((seconds) => Math.abs(awake / 1000 - seconds) <= seconds * POLL.jitter + 1) ?? 0;
      steps.add(step);
      within(step, awake);
    }
    expect([...steps]).toEqual([...POLL.autoSteps]);
    expect(valueOf(await box.service.visit(OPERATOR)).pollsPerDay).toBe(48);
    for (let n = 0; n < 8; n++) {
      world.drop.add(mail(`news ${n}`), `news${n}`);
      await box.ring();
    }
    expect(await interval(box)).toBeLessThan(15 * MINUTE);
  });

  it('writes one row a poll unless the pace changes', async () => {
    world.fill(1);
    const { box } = await world.account(await world.serve(), {}, { pollSeconds: 'auto' });
    const rows = (): number => box.sql.exec<{ n: number }>(`SELECT total_changes() AS n`)[0]?.n ?? 0;
    box.advance(12 * HOUR);
    for (let n = 0; n < 3; n++) await box.ring();
    const before = { rows: rows(), alarms: box.alarmWrites() };
    for (let n = 0; n < 5; n++) {
      box.restart();
      await box.ring();
    }
    expect({ rows: rows() - before.rows, alarms: box.alarmWrites() - before.alarms }).toEqual({ rows: 0, alarms: 5 });
  });

  it('can be changed to a fixed pace and back', async () => {
    const { box } = await world.account(await world.serve(), {}, { pollSeconds: 600 });
    await box.ring();
    within(600, await interval(box));
    expect(valueOf(await box.service.update(OPERATOR, { pollSeconds: 'auto' }, true))).toMatchObject({ pollSeconds: 'auto' });
    await box.ring();
    within(1800, await interval(box));
    expect(valueOf(await box.service.update(OPERATOR, { pollSeconds: 0 }, true))).toMatchObject({ pollSeconds: 0 });
    expect(box.alarm()).toBeNull();
  });
});
