/** Servers that hang up, answer nonsense or refuse at any one thing: what else there is is read all the same, and nobody is pestered. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import { ALL, nodeMailbox, type NodeMailbox, OPERATOR, settingsFor, TOKEN, valueOf } from '../support/node-mailbox.ts';
import { close, ScriptedPeer, send } from '../support/scripted-peer.ts';
import { details, ring, streamOf } from './mailbox-calls.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

/** An account that was not asked for yet. */
async function unasked(port: number, change = {}): Promise<NodeMailbox> {
  const box = nodeMailbox();
  valueOf(await box.service.create(box.id, settingsFor(port, change), false, null));
  return box;
}

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
    await ring(box);
    const before = server.connections.total;
    let waited = 0;
    for (let n = 0; n < 10; n++) waited += await ring(box);
    expect(server.connections.total - before).toBeLessThanOrEqual(10);
    expect(waited).toBeGreaterThan(15 * MAILBOX.backoffFirst);
  });

  it('reads the neighbours of a message at which the server hangs up', async () => {
    world.fill(3);
    const server = await world.serve({ answer: ({ verb, argument }) => (verb === 'TOP' && argument.startsWith('2 ') ? 'close' : null) });
    const box = await unasked(server.port);
    await box.service.sync(OPERATOR);
    for (let n = 0; n < 4; n++) await ring(box);
    expect(await details(box)).toEqual(['headers', 'uidl', 'headers']);
  });

  it('reads the neighbours of a message at whose RETR a server without TOP hangs up', async () => {
    world.fill(3);
    const server = await world.serve({
      hide: ['TOP'],
      answer: ({ verb, argument }) => (verb === 'RETR' && argument === '2' ? 'close' : null),
    });
    const box = await unasked(server.port);
    await box.service.sync(OPERATOR);
    for (let n = 0; n < 4; n++) await ring(box);
    expect(await details(box)).toEqual(['full', 'uidl', 'full']);
  });

  it('does not log in for each message to a server that answers TOP with garbage', async () => {
    world.fill(20);
    const server = await world.serve({ answer: ({ verb }) => (verb === 'TOP' ? 'what?\r\n' : null) });
    const box = await unasked(server.port, { pollSeconds: 0 });
    await box.service.sync(OPERATOR);
    let waited = 0;
    for (let n = 0; n < 5; n++) waited += await ring(box);
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

  it('are not stopped by a greeting that says something of credentials: none were sent', async () => {
    await using peer = await ScriptedPeer.listen([[send('-ERR [AUTH] go away\r\n'), close]]);
    const box = await unasked(peer.port);
    expect(await box.service.sync(OPERATOR)).toMatchObject({ failure: { kind: 'upstream_refused', upstream: { phase: 'greeting' } } });
    expect(valueOf(await box.service.account(OPERATOR)).state).not.toBe('auth_failed');
    expect(box.alarm()).not.toBeNull();
  });
});

describe('an account', () => {
  it('has its alarm before its first sync is over', async () => {
    world.fill(1);
    const server = await world.serve();
    const proxy = await world.proxyTo(server.port);
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
    const answers = (await Promise.all(asked)).map((result) => (result.ok ? 'ok' : result.failure.kind));
    expect(answers.filter((answer) => answer !== 'ok' && answer !== 'not_found' && answer !== 'upstream_unreachable')).toEqual([]);
    expect(answers).toContain('not_found');
  });
});
