/** Deadlines by one timer: each wait ends at its own time, whatever was waited for before it, and no timer is left behind. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LATE, Watch } from '../../src/net/watch.ts';

const never = (): Promise<never> => new Promise(() => undefined);

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

afterEach(() => vi.restoreAllMocks());

describe('one timer for many waits', () => {
  test('work in time gives what it gives, and its failure', async () => {
    const watch = new Watch();
    expect(await watch.within(Promise.resolve('done'), 60_000)).toBe('done');
    await expect(watch.within(Promise.reject(new Error('broken')), 60_000)).rejects.toThrow('broken');
    watch.end();
  });

  test('a short wait beside a long one, begun before it or after it, ends at its own time', async () => {
    const watch = new Watch();
    const order: string[] = [];
    const wait = async (name: string, milliseconds: number): Promise<void> => {
      expect(await watch.within(never(), milliseconds)).toBe(LATE);
      order.push(name);
    };
    await Promise.all([wait('third', 90), wait('first', 10), wait('second', 50)]);
    expect(order).toEqual(['first', 'second', 'third']);
    watch.end();
  });

  test('a wait behind many that were over in time is not cut short by their deadlines', async () => {
    const watch = new Watch();
    for (let n = 0; n < 100; n++) await watch.within(Promise.resolve(), 5);
    const { promise, resolve } = Promise.withResolvers<string>();
    setTimeout(() => resolve('in time'), 30);
    expect(await watch.within(promise, 60_000)).toBe('in time');
    watch.end();
  });

  test('a clock that is set back makes no wait longer, be the timer its own or an earlier one', async () => {
    const watch = new Watch();
    await watch.within(Promise.resolve(), 10);
    const late = watch.within(never(), 20);
    const now = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => now - 3_600_000);
    const { promise: tooLong, resolve } = Promise.withResolvers<string>();
    setTimeout(() => resolve('an hour'), 1_000);
    expect(await Promise.race([late, tooLong])).toBe(LATE);
    watch.end();
  });

  test('work that fails after its deadline fails unseen', async () => {
    const { promise, reject } = Promise.withResolvers<never>();
    const watch = new Watch();
    expect(await watch.within(promise, 5)).toBe(LATE);
    reject(new Error('too late to matter'));
    await Promise.resolve();
    watch.end();
  });

  test('no timer is left once it has ended, at once or with the last wait that was under way', async () => {
    const before = timers();
    const idle = new Watch();
    await idle.within(Promise.resolve(), 60_000);
    expect(timers()).toBe(before + 1);
    idle.end();
    expect(timers()).toBe(before);
    const busy = new Watch();
    const { promise, resolve } = Promise.withResolvers<void>();
    const waits = busy.within(promise, 60_000);
    busy.end();
    expect(timers()).toBe(before + 1);
    resolve();
    await waits;
    expect(timers()).toBe(before);
  });
});
