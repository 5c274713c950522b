/** A sync whose connection fails behind any one of its lines, in each of four ways: nothing is lost, nothing told twice. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cut, CuttingProxy } from '../support/cutting-proxy.ts';
import { ALL, nodeMailbox, type NodeMailbox, OPERATOR, settingsFor, SINCE, valueOf } from '../support/node-mailbox.ts';
import { details, octets, ring, streamOf } from './mailbox-calls.ts';
import { MailWorld } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

/** An age that no ledger has: it is read without asking the server. What broke is mended by the alarm alone. */
const KNOWN = 1_000_000_000;

async function createdSince(box: NodeMailbox, since: string | null): Promise<{ ids: string[]; state: string | null }> {
  const ids: string[] = [];
  for (let state = since; ;) {
    const page = await box.service.changes(OPERATOR, { ...SINCE, since: state, limit: 2, include: 'ids', maxAge: KNOWN });
    if (!page.ok) return { ids, state };
    ids.push(...page.value.created.map((item) => item.id));
    state = page.value.newState;
    if (!page.value.hasMore) return { ids, state };
  }
}

/** What is listed, without asking the server: UIDL → id. */
async function listed(box: NodeMailbox): Promise<Map<string, string>> {
  const page = await box.service.messages(OPERATOR, { ...ALL, fields: ['uidl'], maxAge: KNOWN });
  return new Map(page.ok ? page.value.data.map((item) => [item.uidl ?? '', item.id ?? '']) : []);
}

/**
 * A message's octets. One try may fail, for a connection that was open before the proxy was healed still has its fate before it; `hurried`:
 * more of them, for deadlines so short that they may pass on a busy machine.
 */
async function octetsOf(box: NodeMailbox, id: string, hurried: boolean): Promise<Buffer> {
  for (let tries = hurried ? 5 : 1; ; tries--)
    try {
      return await octets(await streamOf(box, id));
    } catch (error) {
      if (tries === 0) throw error;
    }
}

/** One sync that fails after `line` lines, then recovery. Throws what doesn't hold. */
async function survive(port: number, line: number, how: Cut): Promise<void> {
  const proxy = await CuttingProxy.listen(port);
  try {
    await survivedAt(proxy, line, how);
  } finally {
    await proxy.close();
    await expect.poll(() => world.drop.locked).toBe(false);
  }
}

/** Short, since all that is stalled is waited for; but longer than a busy machine takes for an answer. */
const PATIENCE = { greeting: 150, reply: 150, chunk: 150 };

async function survivedAt(proxy: CuttingProxy, line: number, how: Cut): Promise<void> {
  const box = nodeMailbox({ lingerMs: 1_000, deadlines: how === 'stall' ? PATIENCE : {} });
  valueOf(await box.service.create(box.id, settingsFor(proxy.port), false, null));
  proxy.cut(line, how);
  const synced = await box.service.sync(OPERATOR);
  if (!synced.ok) expect(synced.failure.kind).toMatch(/^upstream_(unreachable|timeout|protocol)$/);
  expect(proxy.cuts).toBeGreaterThan(0);
  const broken = valueOf(await box.service.account(OPERATOR));
  expect(['new', 'ready', 'unreachable']).toContain(broken.state);
  expect(broken.sync.nextCheckAt).not.toBeNull();
  expect(box.alarm()).not.toBeNull();
  // Before the first listing there is nothing to read yet.
  const begun = broken.sync.checkedAt !== null;
  const before = begun ? await createdSince(box, null) : { ids: [], state: null };
  const known = begun ? await listed(box) : new Map<string, string>();

  proxy.heal();
  // Every other object doesn't survive its fault.
  if (line % 2 === 1) {
    box.restart();
    proxy.sever();
  }
  for (let n = 0; n < 20; n++) {
    const { state, sync, indexing } = valueOf(await box.service.account(OPERATOR));
    if (state === 'ready' && !sync.stale && indexing.done === 5) break;
    await ring(box);
  }
  expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({
    state: 'ready',
    consecutiveFailures: 0,
    mailbox: { messages: 5 },
    indexing: { done: 5, of: 5 },
  });
  expect(box.alarm()).not.toBeNull();
  const after = await createdSince(box, before.state);
  const now = await listed(box);
  expect([...before.ids, ...after.ids].sort()).toEqual([...now.values()].sort());
  expect(new Set(now.values()).size).toBe(5);
  for (const [uidl, id] of known) expect(now.get(uidl)).toBe(id);
  for (const { uidl, octets: there } of world.drop.list())
    expect((await octetsOf(box, now.get(uidl) ?? '', how === 'stall')).equals(there)).toBe(true);
  expect(box.sql.exec(`SELECT 1 FROM copies WHERE complete = 0`)).toEqual([]);
  valueOf(await box.service.remove(OPERATOR));
}

describe('a sync of five messages', () => {
  it('that goes on in another session counts, and indexes, what came in the first', async () => {
    world.fill(5);
    let cut = true;
    const server = await world.serve({
      answer: ({ verb }) => {
        if (!cut || verb !== 'TOP') return null;
        cut = false;
        return 'close';
      },
    });
    const box = nodeMailbox();
    valueOf(await box.service.create(box.id, settingsFor(server.port), true, null));
    expect(valueOf(await box.service.sync(OPERATOR))).toMatchObject({ created: 5, destroyed: 0, total: 5 });
    expect(await details(box)).toEqual(Array(5).fill('headers'));
  });

  it.each(['close', 'reset', 'stall', 'garbage'] as const)(
    'loses and doubles nothing at a %s after any line',
    { timeout: 120_000 },
    async (how) => {
      world.fill(5);
      const server = await world.serve();
      const proxy = await world.proxyTo(server.port);
      const whole = nodeMailbox();
      valueOf(await whole.service.create(whole.id, settingsFor(proxy.port), false, null));
      expect(valueOf(await whole.service.sync(OPERATOR)).created).toBe(5);
      expect(valueOf(await whole.service.account(OPERATOR)).indexing.done).toBe(5);
      await expect.poll(() => world.drop.locked).toBe(false);
      const failed: string[] = [];
      // What comes after the last line before QUIT's answer is of no interest to anybody.
      const points = proxy.lines - 1;
      expect(points).toBeGreaterThan(50);
      for (let line = 0; line < points; line++)
        await survive(server.port, line, how).catch((error: unknown) => failed.push(`after line ${line}: ${String(error)}`));
      expect(failed).toEqual([]);
    },
  );
});
