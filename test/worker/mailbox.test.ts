/** The Mailbox object in workerd: real sockets to the servers of `peers.ts`, real alarms, real eviction. */
/// <reference types="@cloudflare/vitest-plugin/types" />
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import type { AccountSettings, Conditional, MailboxRpc, MessagePage, Octets, Result } from '../../src/mailbox/rpc.ts';
import { ALL, OPERATOR, sent, settingsFor, valueOf } from '../support/rpc-calls.ts';
import type { Peers } from './peers.ts';

const peers = JSON.parse((env as unknown as { PEERS: string }).PEERS) as Peers;
const random = (count: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(count));

let users = 0;

/** A user with a maildrop of their own. */
function newUser(): string {
  return `user${users++}`;
}

async function deliver(user: string, message: string | Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${peers.control}/drop/${user}`, { method: 'PUT', body: message });
  expect(response.ok).toBe(true);
}

async function commands(): Promise<string[]> {
  return (await (await fetch(`http://127.0.0.1:${peers.control}/commands`)).text()).split('\n');
}

function object(account: string) {
  const stub = env.MAILBOX.getByName(account);
  return { stub, rpc: stub as unknown as MailboxRpc };
}

async function create(user: string, server: Partial<AccountSettings['server']> = {}) {
  const account = newAccountId(random, null);
  const { stub, rpc } = object(account);
  const settings = settingsFor(peers.tls, {
    server: { host: 'localhost', port: peers.tls, security: 'tls', ...server },
    auth: { username: user, password: 'secret', accessToken: null, method: 'auto' },
  });
  return { account, stub, rpc, result: await rpc.create(account, settings, true, null) };
}

function streamOf(result: Result<Conditional<Octets>>): ReadableStream<Uint8Array> {
  const stream = new Response(sent(result).body).body;
  if (stream === null) throw new Error('expected octets');
  return stream;
}

async function octets(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe('a mail server over sockets of workerd', () => {
  it.each([
    ['TLS', { port: peers.tls, security: 'tls' }],
    ['STLS', { port: peers.startTls, security: 'starttls' }],
    ['clear text, where it is listed', { port: peers.clear, security: 'none' }],
  ] as const)('is read over %s, octet for octet', async (_, server) => {
    const user = newUser();
    const message = Uint8Array.from([...new TextEncoder().encode('Subject: octets\r\n\r\n.\r\n..\r\n'), 0, 0x80, 0xff, 10, 13, 10]);
    await deliver(user, message);
    const { rpc, result } = await create(user, server);
    expect(valueOf(result).account.state).toBe('ready');
    const { data } = valueOf(await rpc.messages(OPERATOR, ALL));
    expect(data).toMatchObject([{ subject: 'octets', detail: 'headers' }]);
    expect(await octets(streamOf(await rpc.raw(OPERATOR, data[0]?.id ?? '', null)))).toEqual(message);
  });

  it.each([
    ['with a certificate for another name', { port: peers.wrongName }],
    ['of an authority that nobody trusts', { port: peers.untrusted }],
    ['that speaks no TLS', { port: peers.clear }],
    ['that is not there', { port: peers.closed }],
  ])('%s is not talked to, and nothing is stored', async (_, server) => {
    const user = newUser();
    const { stub, result } = await create(user, server);
    expect(result).toMatchObject({ ok: false, failure: { kind: 'upstream_unreachable' } });
    const tables = await runInDurableObject(stub, (_object, state) => [
      ...state.storage.sql.exec(`SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`),
    ]);
    expect(tables).toEqual([]);
    expect((await commands()).filter((command) => command.includes(user))).toEqual([]);
  });

  it('lists a thousand messages and pages through them', async () => {
    const user = newUser();
    for (let n = 0; n < 1_000; n += 50)
      await Promise.all(Array.from({ length: 50 }, (_, k) => deliver(user, `Subject: message ${n + k}\r\n\r\nbody\r\n`)));
    const { rpc, result } = await create(user);
    valueOf(result);
    const seen = new Set<string>();
    let cursor: string | null = null;
    let shown = 0;
    do {
      const page: MessagePage = valueOf(await rpc.messages(OPERATOR, { ...ALL, limit: 200, cursor, maxAge: 60 }));
      for (const item of page.data) seen.add(item.id ?? '');
      shown += page.data.length;
      cursor = page.nextCursor;
    } while (cursor);
    expect(seen.size).toBe(1_000);
    expect(shown).toBe(1_000);
  });
});

describe('an object that comes and goes', () => {
  it('knows everything again after an eviction', async () => {
    const user = newUser();
    await deliver(user, 'Subject: kept\r\n\r\nbody\r\n');
    const { rpc, stub, result } = await create(user);
    valueOf(result);
    const before = valueOf(await rpc.messages(OPERATOR, ALL));
    await evictDurableObject(stub);
    const after = valueOf(await rpc.messages(OPERATOR, { ...ALL, maxAge: 3600 }));
    expect(after.data).toEqual(before.data);
    expect(after.sync.state).toBe(before.sync.state);
  });

  it('polls by its alarm and sets it again', async () => {
    const user = newUser();
    const { rpc, stub, result } = await create(user);
    valueOf(result);
    const { state } = valueOf(await rpc.messages(OPERATOR, ALL)).sync;
    await deliver(user, 'Subject: news\r\n\r\nbody\r\n');
    const ringNow = async (): Promise<void> => {
      // The object is asleep, and its alarm is due: how long ago the last check was follows from that.
      await evictDurableObject(stub);
      const due = Date.now() - 1;
      await runInDurableObject(stub, (_object, { storage }) => {
        storage.sql.exec(`UPDATE health SET attempted_at = 0, checked_at = 0`);
        return storage.setAlarm(due);
      });
      const next = () => runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());
      await expect.poll(next, { timeout: 20_000 }).toBeGreaterThan(due + 200_000);
    };
    const checkedAt = async () => Date.parse(valueOf(await rpc.account(OPERATOR)).sync.checkedAt ?? '');
    await ringNow();
    // The alarm is set again before the server is asked: what it brings comes a little later.
    const news = async () =>
      valueOf(await rpc.changes(OPERATOR, { since: state, checkpoint: null, limit: 10, maxAge: 3600, include: 'headers' })).created;
    await expect.poll(news, { timeout: 20_000 }).toMatchObject([{ subject: 'news' }]);
    // The next one finds nothing new, so no row says when it was.
    const before = Date.now();
    await ringNow();
    await expect.poll(checkedAt).toBeGreaterThan(before - 1_000);
    await evictDurableObject(stub);
    expect(await checkedAt()).toBeGreaterThan(before - 1_000);
    const row = await runInDurableObject(stub, (_object, { storage }) => storage.sql.exec(`SELECT checked_at FROM health`).one());
    expect(row).toEqual({ checked_at: 0 });
  });

  it('aborted in the middle of a transfer, fetches the message again from its start', async () => {
    const user = newUser();
    const body = new Uint8Array(3_000_000).fill(0x61);
    for (let at = 76; at < body.length; at += 78) body.set([13, 10], at);
    body.set([13, 10], body.length - 2);
    const head = new TextEncoder().encode('Subject: large\r\n\r\n');
    const message = new Uint8Array(head.length + body.length);
    message.set(head);
    message.set(body, head.length);
    await deliver(user, message);
    const { account, rpc, result } = await create(user);
    valueOf(result);
    const id = valueOf(await rpc.messages(OPERATOR, ALL)).data[0]?.id ?? '';
    const cut = streamOf(await rpc.raw(OPERATOR, id, null)).getReader();
    await cut.read();
    await abortAllDurableObjects();
    await cut.cancel().catch(() => undefined);
    expect(await octets(streamOf(await object(account).rpc.raw(OPERATOR, id, null)))).toEqual(message);
  });

  it('leaves nothing behind when the account is removed', async () => {
    const user = newUser();
    await deliver(user, 'Subject: gone\r\n\r\nbody\r\n');
    const { rpc, stub, result } = await create(user);
    valueOf(result);
    valueOf(await rpc.messages(OPERATOR, ALL));
    valueOf(await rpc.remove(OPERATOR));
    const left = await runInDurableObject(stub, async (_object, { storage }) => ({
      tables: [...storage.sql.exec(`SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`)],
      alarm: await storage.getAlarm(),
    }));
    expect(left).toEqual({ tables: [], alarm: null });
    expect(await rpc.account(OPERATOR)).toMatchObject({ ok: false, failure: { kind: 'not_found' } });
  });
});
