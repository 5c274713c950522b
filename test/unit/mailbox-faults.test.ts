import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import { type Cut, CuttingProxy } from '../support/cutting-proxy.ts';
import { ALL, nodeMailbox, type NodeMailbox, OPERATOR, settingsFor, SINCE, TOKEN, valueOf } from '../support/node-mailbox.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;
const proxies: CuttingProxy[] = [];

beforeEach(() => {
  world = new MailWorld();
});

afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  await world.close();
});

async function proxyTo(port: number): Promise<CuttingProxy> {
  const proxy = await CuttingProxy.listen(port);
  proxies.push(proxy);
  return proxy;
}

/** An account that was not asked for yet. */
async function unasked(port: number, change = {}): Promise<NodeMailbox> {
  const box = nodeMailbox();
  valueOf(await box.service.create(box.id, settingsFor(port, change), false, null));
  return box;
}

/** Lets the alarm ring when it is set to, and returns how long that took by the clock. */
async function ring(box: NodeMailbox, clock: { now: number }): Promise<number> {
  const wait = Math.max(0, (box.alarm() ?? clock.now) - clock.now);
  box.advance(wait);
  clock.now += wait;
  await box.service.alarm();
  return wait;
}

/** A message's octets as they come. */
async function streamOf(box: NodeMailbox, id: string): Promise<ReadableStream<Uint8Array>> {
  const query = { ifMatch: null, ifNoneMatch: null, range: null, ifRange: null, body: true };
  const answer = valueOf(await box.service.raw(OPERATOR, id, query));
  if (answer.notModified || answer.stream === null) throw new Error('There are no octets.');
  return answer.stream;
}

const details = async (box: NodeMailbox): Promise<(string | undefined)[]> =>
  valueOf(await box.service.messages(OPERATOR, { ...ALL, order: 'oldest', fields: ['detail'], maxAge: 1_000_000 })).data.map(
    (item) => item.detail,
  );

describe('indexing by alarm', () => {
  it('does not log in again and again for a message that went before it was indexed', async () => {
    world.fill(2);
    let cut = true;
    const server = await world.serve({ answer: ({ verb }) => (cut && verb === 'TOP' ? 'close' : null) });
    const box = await unasked(server.port, { pollSeconds: 0 });
    expect(await box.service.sync(OPERATOR)).toMatchObject({ failure: { kind: 'upstream_unreachable' } });
    cut = false;
    world.drop.remove('u1');
    world.drop.remove('u2');
    const clock = { now: Date.now() };
    await ring(box, clock);
    const before = server.connections.total;
    let waited = 0;
    for (let n = 0; n < 10; n++) waited += await ring(box, clock);
    expect(server.connections.total - before).toBeLessThanOrEqual(10);
    expect(waited).toBeGreaterThan(15 * MAILBOX.backoffFirst);
  });

  it('reads the neighbours of a message at which the server hangs up', async () => {
    world.fill(3);
    const server = await world.serve({ answer: ({ verb, argument }) => (verb === 'TOP' && argument.startsWith('2 ') ? 'close' : null) });
    const box = await unasked(server.port);
    const clock = { now: Date.now() };
    await box.service.sync(OPERATOR);
    for (let n = 0; n < 4; n++) await ring(box, clock);
    expect(await details(box)).toEqual(['headers', 'uidl', 'headers']);
  });

  it('reads the neighbours of a message at whose RETR a server without TOP hangs up', async () => {
    world.fill(3);
    const server = await world.serve({
      hide: ['TOP'],
      answer: ({ verb, argument }) => (verb === 'RETR' && argument === '2' ? 'close' : null),
    });
    const box = await unasked(server.port);
    const clock = { now: Date.now() };
    await box.service.sync(OPERATOR);
    for (let n = 0; n < 4; n++) await ring(box, clock);
    expect(await details(box)).toEqual(['full', 'uidl', 'full']);
  });

  it('does not log in for each message to a server that answers TOP with garbage', async () => {
    world.fill(20);
    const server = await world.serve({ answer: ({ verb }) => (verb === 'TOP' ? 'what?\r\n' : null) });
    const box = await unasked(server.port, { pollSeconds: 0 });
    await box.service.sync(OPERATOR);
    const clock = { now: Date.now() };
    let waited = 0;
    for (let n = 0; n < 5; n++) waited += await ring(box, clock);
    expect(waited).toBeGreaterThan(3 * MAILBOX.backoffFirst);
  });

  it('leaves alone what was read whole while it waited for its turn', async () => {
    world.drop.add(Buffer.concat([mail('large'), Buffer.alloc(8_000_000, 'All work and no play.\r\n'), Buffer.from('\r\n')]), 'u1');
    let cut = true;
    const server = await world.serve({ answer: ({ verb }) => (cut && verb === 'TOP' ? 'close' : null) });
    const box = await unasked(server.port);
    await box.service.sync(OPERATOR);
    cut = false;
    const [id = ''] = await world.ids(box);
    const before = sent(server, 'TOP').length;
    // The transfer is under way and holds the session.
    await streamOf(box, id);
    const { data } = valueOf(await box.service.messages(OPERATOR, { ...ALL, maxAge: 1_000_000 }));
    expect(data.map((item) => item.detail)).toEqual(['full']);
    expect(sent(server, 'TOP').length).toBe(before);
  });

  it('asks once for the headers that two callers want', async () => {
    world.fill(4);
    let cut = true;
    const server = await world.serve({ answer: ({ verb }) => (cut && verb === 'TOP' ? 'close' : null) });
    const box = await unasked(server.port);
    await box.service.sync(OPERATOR);
    cut = false;
    box.advance(2 * MAILBOX.backoffFirst);
    const before = sent(server, 'TOP').length;
    const query = { ...ALL, maxAge: 1_000_000 };
    const pages = await Promise.all([box.service.messages(OPERATOR, query), box.service.messages(OPERATOR, query)]);
    expect(sent(server, 'TOP').length - before).toBe(4);
    for (const page of pages) expect(valueOf(page).data.map((item) => item.detail)).toEqual(Array(4).fill('headers'));
  });
});

describe('a listing', () => {
  it('that contradicts STAT is a failure that the account shows', async () => {
    world.fill(2);
    let empty = false;
    const server = await world.serve({ answer: ({ verb }) => (empty && verb === 'UIDL' ? '+OK\r\n.\r\n' : null) });
    const { box } = await world.account(server);
    empty = true;
    expect(await box.service.sync(OPERATOR)).toMatchObject({ failure: { kind: 'upstream_protocol' } });
    expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({
      state: 'unreachable',
      mailbox: { messages: 2 },
      lastError: { code: 'upstream_protocol' },
      sync: { stale: true },
    });
  });

  it('that is empty beside a full STAT makes no message gone', async () => {
    world.fill(6);
    let empty = false;
    const server = await world.serve({
      answer: ({ verb, argument }) => (empty && verb === 'UIDL' ? (argument ? '-ERR what?\r\n' : '+OK\r\n.\r\n') : null),
    });
    const { box, ids } = await world.account(server);
    empty = true;
    const id = ids[0] ?? '';
    expect(await box.service.deleteMessage(OPERATOR, id)).toMatchObject({ failure: { kind: 'upstream_protocol' } });
    expect((await details(box)).length).toBe(6);
  });

  it('that names a number twice has one message under it, the last', async () => {
    world.fill(2);
    const server = await world.serve({
      answer: ({ verb, argument }) => (verb === 'UIDL' && argument === '' ? '+OK\r\n1 u1\r\n1 u1\r\n2 old\r\n2 u2\r\n.\r\n' : null),
    });
    const { box } = await world.account(server);
    const { data } = valueOf(await box.service.messages(OPERATOR, { ...ALL, fields: ['uidl'], order: 'oldest' }));
    expect(data.map((item) => item.uidl)).toEqual(['u1', 'u2']);
  });

  it('with sizes that no disk could hold can be summed up', async () => {
    const sizes = Array.from({ length: 20 }, (_, n) => `${n + 1} 999999999999999\r\n`).join('');
    world.fill(20);
    const server = await world.serve({
      answer: ({ verb, argument }) => (verb === 'LIST' && argument === '' ? `+OK\r\n${sizes}.\r\n` : null),
    });
    const { box } = await world.account(server);
    expect(valueOf(await box.service.account(OPERATOR)).mailbox).toMatchObject({ messages: 20, octets: 20 * 999_999_999_999_999 });
  });
});

describe('logins', () => {
  it('that a server refuses without saying why are three at most, however often somebody asks', async () => {
    world.fill(1);
    let refuse = false;
    const server = await world.serve({ hide: ['SASL'], answer: ({ verb }) => (refuse && verb === 'PASS' ? '-ERR no\r\n' : null) });
    const { box } = await world.account(server);
    refuse = true;
    const before = sent(server, 'PASS').length;
    for (let n = 0; n < 20; n++) {
      expect(await box.service.messages(OPERATOR, ALL)).toMatchObject({ failure: { kind: 'upstream_auth_failed' } });
      box.advance(10_000);
    }
    expect(sent(server, 'PASS').length - before).toBe(MAILBOX.refusedLogins);
    expect(valueOf(await box.service.account(OPERATOR)).state).toBe('auth_failed');
  });
});

describe('copies', () => {
  it('are read by who asked for them even where the cache has no room at all', async () => {
    const large = Buffer.concat([mail('large'), Buffer.alloc(600_000, 'All work and no play.\r\n'), Buffer.from('\r\n')]);
    world.drop.add(large, 'u1');
    const server = await world.serve();
    const { box, ids } = await world.account(server, {}, { cache: { maxBytes: 0, maxMessageBytes: 16 << 20 } });
    const id = ids[0] ?? '';
    const stream = await streamOf(box, id);
    const { promise, resolve } = Promise.withResolvers<void>();
    // The transfer is over before the reader begins.
    const waiting = setInterval(() => box.sql.exec(`SELECT 1 FROM copies WHERE complete = 0`).length === 0 && resolve(), 5);
    await promise;
    clearInterval(waiting);
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(large)).toBe(true);
    const message = await box.service.message(OPERATOR, id, { html: 'none', maxBodyBytes: 1000 }, null);
    expect(message).toMatchObject({ ok: true });
    await box.service.alarm();
    expect(box.sql.exec(`SELECT message FROM copies`)).toEqual([]);
  });

  it('that somebody reads at leisure do not ring the alarm without end', async () => {
    world.drop.add(Buffer.concat([mail('large'), Buffer.alloc(600_000, 'All work and no play.\r\n'), Buffer.from('\r\n')]), 'u1');
    const server = await world.serve();
    const { box, ids } = await world.account(server, {}, { cache: { maxBytes: 0, maxMessageBytes: 0 } });
    const stream = await streamOf(box, ids[0] ?? '');
    const reader = stream.getReader();
    await reader.read();
    const clock = { now: Date.now() };
    // The stream may read one piece ahead when it is first looked at; from then on nobody reads.
    for (let passed = 0; passed < 2 * MAILBOX.scratchTime;) passed += await ring(box, clock);
    let waited = 0;
    for (let n = 0; n < 5; n++) waited += await ring(box, clock);
    expect(waited).toBeGreaterThan(4 * MAILBOX.backoffFirst);
    let rest = 0;
    for (let read = await reader.read(); !read.done; read = await reader.read()) rest += read.value.length;
    expect(rest).toBeGreaterThan(0);
  });

  it('are not evicted for a message above the cap that is still arriving', async () => {
    world.drop.add(mail('small'), 'u1');
    world.drop.add(Buffer.concat([mail('large'), Buffer.alloc(2_000_000, 'All work and no play.\r\n'), Buffer.from('\r\n')]), 'u2');
    const server = await world.serve();
    const proxy = await proxyTo(server.port);
    const box = nodeMailbox();
    valueOf(
      await box.service.create(box.id, settingsFor(proxy.port, { cache: { maxBytes: 400_000, maxMessageBytes: 400_000 } }), true, TOKEN),
    );
    const [small = '', large = ''] = await world.ids(box);
    valueOf(await box.service.message(OPERATOR, small, { html: 'none', maxBodyBytes: 1000 }, null));
    proxy.cut(80_000, 'stall');
    const stream = await streamOf(box, large);
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = setInterval(() => box.sql.exec(`SELECT 1 FROM copies WHERE octets > 1000000`).length === 1 && resolve(), 5);
    await promise;
    clearInterval(waiting);
    await box.service.alarm();
    expect(box.sql.exec(`SELECT 1 FROM copies WHERE complete = 1`).length).toBe(1);
    await proxies.splice(0)[0]?.close();
    await expect(stream.pipeTo(new WritableStream())).rejects.toThrow();
  });
});

describe('a transfer that was cut off', () => {
  it('and is tried again in another session is waited for, not gone', async () => {
    world.fill(1);
    let cut = true;
    const server = await world.serve({
      answer: ({ verb }) => {
        if (!cut || verb !== 'RETR') return null;
        cut = false;
        return { last: '+OK\r\nSubject: half\r\n' };
      },
    });
    const { box, ids } = await world.account(server, { lingerMs: 5_000 });
    const first = await streamOf(box, ids[0] ?? '');
    await expect(first.pipeTo(new WritableStream())).rejects.toThrow('closed');
    const chunks: Uint8Array[] = [];
    for await (const chunk of await streamOf(box, ids[0] ?? '')) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(world.drop.list()[0]?.octets ?? new Uint8Array())).toBe(true);
    expect(sent(server, 'RETR').length).toBe(2);
    valueOf(await box.service.remove(OPERATOR));
  });
});

describe('an account', () => {
  it('has its alarm before its first sync is over', async () => {
    world.fill(1);
    const server = await world.serve();
    const proxy = await proxyTo(server.port);
    // Greeting, CAPA and the login pass; STAT is never answered.
    proxy.cut(1 + 10 + 1, 'stall');
    const box = nodeMailbox();
    const made = await box.service.create(box.id, settingsFor(proxy.port), true, TOKEN);
    expect(made).toMatchObject({ ok: true });
    expect(box.alarm()).not.toBeNull();
  });

  it('that could not be created leaves no session behind', async () => {
    const server = await world.serve({ answer: ({ verb }) => (verb === 'AUTH' ? '+OK\r\n' : null) });
    const box = nodeMailbox();
    const create = () => box.service.create(box.id, settingsFor(server.port), true, TOKEN);
    const made = await Promise.all([create(), create()]);
    expect(made.filter((result) => result.ok).length).toBe(1);
    await expect.poll(() => server.connections.open).toBe(0);
  });

  it('is removed for each of two who ask at once, in the middle of a sync', async () => {
    world.fill(40);
    const server = await world.serve();
    const { box } = await world.account(server);
    const syncing = box.service.sync(OPERATOR);
    const removed = await Promise.all([box.service.remove(OPERATOR), box.service.remove(OPERATOR)]);
    expect(removed.some((result) => result.ok)).toBe(true);
    expect(removed.every((result) => result.ok || result.failure.kind === 'not_found')).toBe(true);
    expect(await syncing).toMatchObject({ failure: { kind: expect.stringMatching(/^(not_found|upstream_unreachable)$/) } });
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });

  it('that is being removed opens no further connection', async () => {
    world.drop.add(Buffer.concat([mail('large'), Buffer.alloc(8_000_000, 'All work and no play.\r\n'), Buffer.from('\r\n')]), 'u1');
    const server = await world.serve();
    const { box, ids } = await world.account(server, { lingerMs: 20_000 });
    await streamOf(box, ids[0] ?? '');
    const before = server.connections.total;
    valueOf(await box.service.remove(OPERATOR));
    expect(server.connections.total).toBe(before);
  });

  it('that is removed is absent for those who still wait, not a bug', async () => {
    world.fill(40);
    const server = await world.serve();
    const { box } = await world.account(server);
    const asked = [
      box.service.messages(OPERATOR, ALL),
      box.service.messages(OPERATOR, { ...ALL, maxAge: 1 }),
      box.service.sync(OPERATOR),
      box.service.account(OPERATOR),
    ];
    box.advance(5_000);
    asked.push(box.service.messages(OPERATOR, { ...ALL, maxAge: 1 }));
    await box.service.remove(OPERATOR);
    for (const result of await Promise.all(asked)) if (!result.ok) expect(result.failure.kind).not.toBe('internal');
  });
});

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

async function octetsOf(box: NodeMailbox, id: string): Promise<Buffer> {
  // Deadlines of a few milliseconds may pass on a busy machine.
  for (let tries = 5; ; tries--)
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await streamOf(box, id)) chunks.push(chunk);
      return Buffer.concat(chunks);
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
  const clock = { now: Date.now() };
  for (let n = 0; n < 20; n++) {
    const { state, sync, indexing } = valueOf(await box.service.account(OPERATOR));
    if (state === 'ready' && !sync.stale && indexing.done === 5) break;
    await ring(box, clock);
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
  for (const { uidl, octets } of world.drop.list()) expect((await octetsOf(box, now.get(uidl) ?? '')).equals(octets)).toBe(true);
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
      const proxy = await proxyTo(server.port);
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
