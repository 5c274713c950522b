/** At most so many logins of polls at one mail host, whoever's they are; a person waits for none of them. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LOGINS } from '../../src/limits.ts';
import { Turns } from '../../src/mail-host/turns.ts';
import { type FleetServer, startFleetServer } from '../support/fleet-server.ts';
import { nodeMailbox, type NodeMailbox, type NodeMailboxOptions, OPERATOR, settingsFor, valueOf } from '../support/node-mailbox.ts';

const SHORT = { atOnce: 2, turnTime: 40, waiting: 2, waitTime: 20 };
const LONG = { atOnce: 2, turnTime: 60_000, waiting: 2, waitTime: 60_000 };

describe('turns', () => {
  it('are given to so many, and then in order to those who wait', async () => {
    const turns = new Turns(LONG);
    const first = await turns.take();
    const second = await turns.take();
    const order: string[] = [];
    const third = turns.take().then((turn) => {
      order.push('third');
      return turn;
    });
    const fourth = turns.take().then((turn) => {
      order.push('fourth');
      return turn;
    });
    expect(await turns.take()).toBeNull();
    first?.end();
    first?.end();
    expect(await third).not.toBeNull();
    expect(order).toEqual(['third']);
    second?.end();
    expect(await fourth).not.toBeNull();
  });

  it('that never come are given up, and nothing is kept of who waited', async () => {
    const turns = new Turns({ ...LONG, waitTime: 5 });
    const held = [await turns.take(), await turns.take()];
    for (let n = 0; n < 3; n++) expect(await Promise.all([turns.take(), turns.take()])).toEqual([null, null]);
    held[0]?.end();
    expect(await turns.take()).not.toBeNull();
  });

  it('end by themselves when nobody gives them back, once', async () => {
    const turns = new Turns({ ...SHORT, waitTime: 60_000 });
    const forgotten = [await turns.take(), await turns.take()];
    const again = await Promise.all([turns.take(), turns.take()]);
    expect(again).not.toContain(null);
    // What has ended already frees no other's place.
    for (const turn of forgotten) turn?.end();
    const waiting = turns.take();
    const soon = await Promise.race([waiting.then(() => 'given'), Promise.resolve('waits')]);
    expect(soon).toBe('waits');
    await waiting;
  });
});

describe('polls of one mail host', () => {
  let server: FleetServer | null = null;
  afterEach(async () => {
    await server?.close();
    server = null;
  });

  async function accounts(count: number, options: NodeMailboxOptions): Promise<NodeMailbox[]> {
    const made = Array.from({ length: count }, () => nodeMailbox(options));
    const port = server?.port ?? 0;
    for (const [n, box] of made.entries()) {
      const auth = { username: `user${n}`, password: 'x', accessToken: null, method: 'auto' } as const;
      valueOf(await box.service.create(box.id, settingsFor(port, { auth }), false, null));
    }
    return made;
  }

  const state = async (box: NodeMailbox) => valueOf(await box.service.account(OPERATOR)).state;

  it('log in four at a time, and all have their turn', async () => {
    server = await startFleetServer({ loginTime: 20, messages: () => 3 });
    const turns = new Turns();
    const boxes = await accounts(20, { turns: () => turns.take() });
    await Promise.all(boxes.map((box) => box.ring()));
    expect(server.logins).toEqual({ now: 0, most: LOGINS.atOnce, accepted: 20 });
    for (const box of boxes) expect(await state(box)).toBe('ready');
  });

  it('without a turn come again soon, not at once and not together, and are no failures', async () => {
    server = await startFleetServer();
    const boxes = await accounts(6, { turns: () => Promise.resolve(null) });
    const waits: number[] = [];
    for (const box of boxes) {
      await box.ring();
      const at = Date.parse(valueOf(await box.service.account(OPERATOR)).sync.nextCheckAt ?? '');
      expect(at).toBe(box.alarm());
      box.restart();
      expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({
        state: 'new',
        consecutiveFailures: 0,
        sync: { checkedAt: null },
      });
      waits.push(at);
    }
    expect(new Set(waits).size).toBeGreaterThan(1);
    expect(server.logins.accepted).toBe(0);
  });

  it('that went without a turn once tell no check that was not', async () => {
    server = await startFleetServer();
    let turn: { end(): void } | null = { end: () => undefined };
    const [box] = await accounts(1, { turns: () => Promise.resolve(turn) });
    if (!box) throw new Error('there is an account');
    await box.ring();
    const { checkedAt } = valueOf(await box.service.account(OPERATOR)).sync;
    turn = null;
    await box.ring();
    for (let n = 0; n < 2; n++) {
      expect(valueOf(await box.service.account(OPERATOR)).sync.checkedAt).toBe(checkedAt);
      box.restart();
    }
    turn = { end: () => undefined };
    await box.ring();
    expect(valueOf(await box.service.account(OPERATOR)).sync.checkedAt).not.toBe(checkedAt);
    expect(server.logins.accepted).toBe(2);
  });

  it('go on where turns can’t be had', async () => {
    server = await startFleetServer();
    const [box] = await accounts(1, { turns: () => Promise.reject(new Error('no such object')) });
    if (!box) throw new Error('there is an account');
    for (let n = 0; n < 3; n++) await box.ring();
    expect(server.logins.accepted).toBe(3);
    expect(await state(box)).toBe('ready');
  });

  it('go on where no answer comes, and what is given too late is given back', async () => {
    server = await startFleetServer();
    const { promise, resolve } = Promise.withResolvers<{ end(): void }>();
    const [box] = await accounts(1, { turns: () => promise });
    if (!box) throw new Error('there is an account');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const ringing = box.ring();
      await vi.advanceTimersByTimeAsync(LOGINS.answerTime);
      await ringing;
    } finally {
      vi.useRealTimers();
    }
    expect(server.logins.accepted).toBe(1);
    let ended = 0;
    resolve({ end: () => (ended += 1) });
    await promise;
    await expect.poll(() => ended).toBe(1);
  });

  it('are not waited for by a person', async () => {
    server = await startFleetServer();
    const { promise, resolve } = Promise.withResolvers<{ end(): void }>();
    let asked = 0;
    const turns = (): typeof promise => {
      asked += 1;
      return promise;
    };
    const [box] = await accounts(1, { turns });
    if (!box) throw new Error('there is an account');
    const ringing = box.ring();
    await expect.poll(() => asked).toBe(1);
    valueOf(await box.service.sync(OPERATOR));
    expect(server.logins.accepted).toBe(1);
    // A turn that comes then is not needed any more.
    resolve({ end: () => undefined });
    await ringing;
    expect([asked, server.logins.accepted]).toEqual([1, 1]);
  });
});
