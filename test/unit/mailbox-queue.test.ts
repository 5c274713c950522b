/** Whose turn it is at the one session: people before background work, which steps aside for them and is not starved. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HTTP, MAILBOX } from '../../src/limits.ts';
import { MailboxError, overloaded } from '../../src/mailbox/failure.ts';
import { type Priority, Queue } from '../../src/mailbox/queue.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A queue whose turn is taken, and the names of those who had it since, in order. Each gives it back at once. */
async function taken(by: Priority = 'interactive') {
  const queue = new Queue();
  const holder = { priority: by };
  await queue.enter(holder);
  const order: string[] = [];
  const join = (name: string, priority: Priority) => {
    const visitor = { priority };
    const done = queue.enter(visitor).then(() => {
      order.push(name);
      queue.leave();
    });
    return { visitor, done };
  };
  return { queue, holder, order, join };
}

describe('the queue', () => {
  it('gives the turn to whom a person waits for, then to background work, each in order of arrival', async () => {
    const { queue, order, join } = await taken();
    const all = [join('b1', 'background'), join('i1', 'interactive'), join('b2', 'background'), join('i2', 'interactive')];
    queue.leave();
    await Promise.all(all.map(({ done }) => done));
    expect(order).toEqual(['i1', 'i2', 'b1', 'b2']);
    expect(queue.current).toBeNull();
  });

  it('lets so many go ahead of background work and no more', async () => {
    const { queue, order, join } = await taken();
    const background = join('background', 'background');
    const people = Array.from({ length: 3 * MAILBOX.bypassedMost }, (_, n) => join(`${n}`, 'interactive'));
    queue.leave();
    await Promise.all([background, ...people].map(({ done }) => done));
    expect(order.indexOf('background')).toBe(MAILBOX.bypassedMost);
  });

  it('lets work that stepped aside go on before other background work, and as often as it is wanted', async () => {
    const { queue, order, join } = await taken('background');
    const all = [join('other', 'background')];
    expect(queue.wanted).toBe(false);
    for (const name of ['i1', 'i2']) {
      all.push(join(name, 'interactive'));
      expect(queue.wanted).toBe(true);
      await queue.stepAside();
      order.push('goes on');
    }
    queue.leave();
    await Promise.all(all.map(({ done }) => done));
    expect(order).toEqual(['i1', 'goes on', 'i2', 'goes on', 'other']);
  });

  it('lets work that stepped aside go on in the middle of a crowd', async () => {
    const { queue, order, join } = await taken('background');
    const all = Array.from({ length: 2 * MAILBOX.bypassedMost }, (_, n) => join(`${n}`, 'interactive'));
    await queue.stepAside();
    expect(order.length).toBe(MAILBOX.bypassedMost);
    queue.leave();
    await Promise.all(all.map(({ done }) => done));
  });

  it('does not ask work to step aside that somebody waits for by now', async () => {
    const { queue, holder, join } = await taken('background');
    const one = join('i1', 'interactive');
    holder.priority = 'interactive';
    expect(queue.wanted).toBe(false);
    queue.leave();
    await one.done;
  });

  it('gives work its turn among those that people wait for, once somebody waits for it', async () => {
    const { queue, order, join } = await taken();
    const raised = join('raised', 'background');
    const all = [raised, join('b', 'background'), join('i', 'interactive')];
    raised.visitor.priority = 'interactive';
    queue.leave();
    await Promise.all(all.map(({ done }) => done));
    expect(order).toEqual(['raised', 'i', 'b']);
  });

  it('does nothing when who has the turn steps aside for nobody', async () => {
    const { queue, holder } = await taken('background');
    await queue.stepAside();
    expect(queue.current).toBe(holder);
  });

  it('sends away who waits too long or is one too many, and all when it is cleared, also who stepped aside', async () => {
    vi.useFakeTimers();
    const { queue, holder, join } = await taken('background');
    const refused = expect(join('i', 'interactive').done).rejects.toThrow('overloaded');
    await vi.advanceTimersByTimeAsync(HTTP.queueTime);
    await refused;
    const waiting = Array.from({ length: MAILBOX.queuedJobs }, (_, n) => join(`${n}`, 'background').done);
    await expect(join('one too many', 'interactive').done).rejects.toThrow('overloaded');
    const outcomes = Promise.allSettled(waiting);
    const gone = new MailboxError({ kind: 'not_found' });
    const cleared = queue.clear(gone);
    expect((await outcomes).every((outcome) => outcome.status === 'rejected' && outcome.reason === gone)).toBe(true);
    expect(queue.current).toBe(holder);
    queue.leave();
    await cleared;
  });

  it('sends away who stepped aside when it is cleared, and waits for who has the turn', async () => {
    const { queue, holder } = await taken('background');
    const reader = { priority: 'interactive' as const };
    const entered = queue.enter(reader);
    const aside = expect(queue.stepAside()).rejects.toThrow('overloaded');
    await entered;
    const cleared = queue.clear(overloaded());
    await aside;
    expect(queue.current).toBe(reader);
    expect(queue.current).not.toBe(holder);
    queue.leave();
    await cleared;
  });
});
