/** An account from its first login to its removal: who may call it, when it asks its server, and what is left of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HTTP } from '../../src/limits.ts';
import { ALL, callerOf, type NodeMailbox, nodeMailbox, OPERATOR, settingsFor, TOKEN, valueOf } from '../support/node-mailbox.ts';
import { on, ScriptedPeer, send, stall } from '../support/scripted-peer.ts';
import { ids, page } from './mailbox-calls.ts';
import { mail, MailWorld } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

describe('creating an account', () => {
  it('stores nothing when the login is refused', async () => {
    const server = await world.serve();
    const box = nodeMailbox();
    const auth = { username: 'ann', password: 'wrong', accessToken: null, method: 'auto' as const };
    const result = await box.service.create(box.id, settingsFor(server.port, { auth }), true, TOKEN);
    expect(result).toMatchObject({ ok: false, failure: { kind: 'upstream_auth_failed' } });
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
    expect(box.alarm()).toBeNull();
  });

  it('stores nothing when the server cannot be reached or is not POP3', async () => {
    const server = await world.serve();
    await server.close();
    const box = nodeMailbox();
    expect(await box.service.create(box.id, settingsFor(server.port), true, TOKEN)).toMatchObject({
      failure: { kind: 'upstream_unreachable' },
    });
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });

  it('stores nothing when the login takes longer than a request may, and ends the session', async () => {
    // All but a tenth of a second is gone once the login has begun.
    let asked = 0;
    const clock = (): number => (asked++ === 0 ? 0 : HTTP.requestTime - 100);
    await using peer = await ScriptedPeer.listen([[send('+OK\r\n'), ...on('CAPA', '-ERR\r\n'), ...on('USER ann', '+OK\r\n'), stall]]);
    const box = nodeMailbox({ clock });
    expect(await box.service.create(box.id, settingsFor(peer.port), true, TOKEN)).toMatchObject({ failure: { kind: 'upstream_timeout' } });
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
    await peer.finished();
  });

  it('lists in the session that verified it', async () => {
    world.fill(3);
    const server = await world.serve();
    const box = await world.create(server);
    expect((await page(box, { maxAge: 30 })).total).toBe(3);
    expect(server.connections.total).toBe(1);
    const view = valueOf(await box.service.account(OPERATOR));
    expect(view).toMatchObject({ state: 'ready', mailbox: { messages: 3 }, indexing: { done: 3, of: 3 }, consecutiveFailures: 0 });
    expect(view.server.capabilities).toContain('UIDL');
    expect(JSON.stringify(view)).not.toContain('secret');
  });

  it('without verifying needs no server, and asks it by alarm at once', async () => {
    const box = nodeMailbox();
    valueOf(await box.service.create(box.id, settingsFor(1), false, null));
    expect(valueOf(await box.service.account(OPERATOR)).state).toBe('new');
    expect(box.alarm()).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  it('keeps nothing readable at rest', async () => {
    world.drop.add(mail('Confidential matter', 'The quick brown fox\r\n'), 'uidl-of-this-message');
    const box = await world.create(await world.serve());
    const id = (await ids(box)).get('Confidential matter') ?? '';
    valueOf(await box.service.message(OPERATOR, id, { html: 'safe', maxBodyBytes: 262_144 }, null));
    const tables = box.sql.exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`);
    const stored = tables.flatMap(({ name }) => box.sql.exec(`SELECT * FROM ${name}`)).flatMap((row) => Object.values(row));
    const clear = Buffer.concat(
      stored.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value)))),
    ).toString('latin1');
    for (const secret of ['secret', 'Confidential', 'quick brown', 'ann@example.com', 'uidl-of-this-message', '127.0.0.1'])
      expect(clear).not.toContain(secret);
  });
});

describe('who may call', () => {
  it('lets the account token in and no other', async () => {
    const server = await world.serve();
    const box = nodeMailbox();
    const { token } = valueOf(
      await box.service.create(box.id, settingsFor(server.port), true, { ...TOKEN, scopes: ['read'], origins: ['https://a.example'] }),
    );
    const secret = token?.secret ?? '';
    expect(await box.service.account(callerOf(secret))).toMatchObject({ ok: true });
    expect(await box.service.account(callerOf(secret, 'https://a.example'))).toMatchObject({ ok: true });
    expect(await box.service.account(callerOf(secret, 'https://b.example'))).toMatchObject({ failure: { kind: 'forbidden' } });
    expect(await box.service.account(callerOf(`${secret}x`))).toMatchObject({ failure: { kind: 'unauthorized' } });
    expect(await box.service.remove(callerOf(secret))).toMatchObject({ failure: { kind: 'forbidden' } });
    box.restart();
    expect(await box.service.account(callerOf(secret))).toMatchObject({ ok: true });
  });

  it('answers for an absent account without leaving a trace', async () => {
    const box = nodeMailbox();
    expect(await box.service.account(OPERATOR)).toMatchObject({ failure: { kind: 'not_found' } });
    expect(await box.service.account(callerOf('x'))).toMatchObject({ failure: { kind: 'unauthorized' } });
    await box.service.alarm();
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });

  it('changes nothing while the master key is wrong, and goes on when it is mended', async () => {
    world.fill(1);
    const box = await world.create(await world.serve());
    await page(box);
    const before = box.sql.exec(`SELECT * FROM health`);
    for (const wrong of [`k1:${Buffer.alloc(32, 9).toString('base64')}`, `k2:${Buffer.alloc(32, 7).toString('base64')}`]) {
      const service = box.restart(wrong);
      expect(await service.account(OPERATOR)).toMatchObject({ failure: { kind: 'misconfigured' } });
      await service.alarm();
    }
    // What the alarm stood for is in the row now, because the alarm was put off.
    const [after] = box.sql.exec(`SELECT * FROM health`);
    expect([{ ...after, alarm_interval: before[0]?.alarm_interval }]).toEqual(before);
    expect(after?.alarm_interval).toBeNull();
    box.restart();
    expect((await page(box)).total).toBe(1);
  });
});

describe('a server with a login delay', () => {
  it('is not logged in to again before it has passed, by nobody and after a restart too', async () => {
    const capabilities = '+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN\r\nLOGIN-DELAY 60\r\n.\r\n';
    const server = await world.serve({ answer: ({ verb }) => (verb === 'CAPA' ? capabilities : null) });
    const box = await world.create(server);
    expect((await page(box, { maxAge: 30 })).total).toBe(0);
    box.restart();
    const refused = await box.service.sync(OPERATOR);
    expect(refused).toMatchObject({ ok: false, failure: { kind: 'login_delay' } });
    expect(server.connections.total).toBe(1);
    box.advance(61_000);
    valueOf(await box.service.sync(OPERATOR));
  });

  it.each<[string, (box: NodeMailbox) => Promise<unknown>]>([
    ['session', ({ service }) => service.sync(OPERATOR)],
    ['diagnosis', ({ service }) => service.diagnose(OPERATOR, null)],
  ])('has it kept all the same where the object died in the middle of a %s', async (_, begin) => {
    const capabilities = '+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN\r\nLOGIN-DELAY 600\r\n.\r\n';
    let silent = false;
    const answer = ({ verb }: { verb: string }) => (verb === 'CAPA' ? capabilities : silent && verb === 'STAT' ? '' : null);
    const server = await world.serve({ answer });
    const stats = (): number => server.commands.filter((command) => command === 'STAT').length;
    const box = await world.create(server);
    await page(box);
    box.advance(601_000);
    silent = true;
    const asked = stats();
    void begin(box);
    await expect.poll(stats).toBeGreaterThan(asked);
    box.restart();
    expect(await box.service.sync(OPERATOR)).toMatchObject({ ok: false, failure: { kind: 'login_delay' } });
    expect(server.connections.total).toBe(2);
    // By its alarm too.
    expect(box.alarm()).toBeGreaterThan(Date.now() + 601_000 + 590_000);
  });
});

describe('the alarm', () => {
  it('polls, sets itself again, and closes the session at once', async () => {
    world.fill(1);
    const server = await world.serve();
    const box = await world.create(server, { lingerMs: 60_000 });
    await page(box);
    world.come(1, 'late');
    const due = box.alarm() ?? 0;
    await box.ring();
    expect(box.alarm()).toBeGreaterThan(due + 0.9 * 300_000 - 1);
    expect((await page(box, { maxAge: 3600 })).total).toBe(2);
    // A session that a request opened would be kept.
    await expect.poll(() => server.connections.open).toBe(0);
  });

  it('survives a server that is down and backs off', async () => {
    world.fill(1);
    const server = await world.serve();
    const box = await world.create(server);
    await page(box);
    await server.close();
    const gaps: number[] = [];
    for (let failures = 1; failures <= 5; failures++) {
      await box.ring();
      expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({ state: 'unreachable', consecutiveFailures: failures });
      gaps.push((box.alarm() ?? 0) - box.now());
    }
    expect(gaps.at(-1)).toBeGreaterThan(2 * (gaps[0] ?? 0));
  });
});

describe('removing an account', () => {
  it('leaves no row and no alarm', async () => {
    world.fill(2);
    const box = await world.create(await world.serve());
    await page(box);
    valueOf(await box.service.remove(OPERATOR));
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
    expect(box.alarm()).toBeNull();
    expect(await box.service.remove(OPERATOR)).toMatchObject({ failure: { kind: 'not_found' } });
  });

  it('ends a sync that is under way', async () => {
    world.fill(40);
    const box = await world.create(await world.serve());
    const [removed] = await Promise.all([box.service.remove(OPERATOR), box.service.sync(OPERATOR), box.service.messages(OPERATOR, ALL)]);
    expect(removed).toMatchObject({ ok: true });
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });
});
