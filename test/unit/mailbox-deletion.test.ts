/** Deleting several messages at once: what is asked, in which order, what is stored before it, and what is told of each. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HTTP } from '../../src/limits.ts';
import { callerOf, type NodeMailbox, nodeMailbox, settingsFor, TOKEN, valueOf } from '../support/node-mailbox.ts';
import { destroyed, intents, remove, sync } from './mailbox-calls.ts';
import { MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

/** Everything that is stored. */
function dump(box: NodeMailbox) {
  const tables = box.sql.exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`);
  return tables.map(({ name }) => [name, box.sql.exec(`SELECT * FROM ${name}`)]);
}

describe('deleting several messages', () => {
  it('is one session: all that is listed, then all of DELE, then QUIT', async () => {
    world.fill(12);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    const before = { sessions: server.connections.total, commands: server.commands.length };
    const wanted = ids.slice(2, 10).toReversed();
    expect(await remove(box, wanted)).toEqual({ deleted: wanted, notFound: [], failed: [] });
    expect(server.connections.total).toBe(before.sessions + 1);
    const verbs = server.commands.slice(before.commands).map((command) => command.split(' ')[0]);
    expect(verbs.join(' ')).toMatch(/[^E] UIDL LIST( DELE){8} QUIT$/);
    expect(world.uidls).toEqual(['u1', 'u2', 'u11', 'u12']);
    expect(new Set(destroyed(box))).toEqual(new Set(wanted.map((id) => ({ id, reason: 'api' }))));
    expect(intents(box)).toEqual([]);
  });

  it('answers in the order asked, each id once, and again the same', async () => {
    world.fill(3);
    const { box, ids } = await world.account(await world.serve());
    const [a = '', b = '', c = ''] = ids;
    const never = ['A'.repeat(22), 'no id at all'];
    expect(await remove(box, [c, never[0]!, a, c, never[1]!, never[0]!])).toEqual({ deleted: [c, a], notFound: never, failed: [] });
    expect(await remove(box, [a, b, c])).toEqual({ deleted: [a, b, c], notFound: [], failed: [] });
    expect(world.uidls).toEqual([]);
    expect(await remove(box, [])).toEqual({ deleted: [], notFound: [], failed: [] });
  });

  it('asks no server about what is gone already', async () => {
    world.fill(2);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    await remove(box, ids);
    await server.close();
    expect((await remove(box, ids)).deleted).toEqual(ids);
  });

  it('takes a thousand', async () => {
    world.fill(1_050);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    const sessions = server.connections.total;
    const wanted = ids.slice(0, HTTP.batchDelete);
    expect((await remove(box, wanted)).deleted).toEqual(wanted);
    expect(server.connections.total).toBe(sessions + 1);
    expect(world.uidls.length).toBe(50);
    expect((await sync(box)).total).toBe(50);
  });

  it('makes all intents durable before the first DELE', async () => {
    world.fill(4);
    const seen: unknown[] = [];
    let box: NodeMailbox | null = null;
    const server = await world.serve({
      answer: ({ verb }) => {
        if (box && (verb === 'UIDL' || verb === 'DELE')) seen.push([verb, intents(box).map(({ written }) => written)]);
        return null;
      },
    });
    const made = await world.account(server);
    box = made.box;
    await remove(box, made.ids.slice(0, 3));
    expect(seen.slice(0, 4)).toEqual(Array.from({ length: 4 }, () => ['UIDL', [0, 0, 0]]));
    expect(seen.slice(4)).toEqual(Array.from({ length: 3 }, () => ['DELE', [1, 1, 1]]));
  });

  it('hits the right ones when numbers have moved', async () => {
    world.fill(9);
    const { box, ids } = await world.account(await world.serve());
    for (const uidl of ['u1', 'u3']) world.drop.remove(uidl);
    const wanted = [ids[3]!, ids[6]!, ids[0]!];
    expect((await remove(box, wanted)).deleted).toEqual(wanted);
    expect(world.uidls).toEqual(['u2', 'u5', 'u6', 'u8', 'u9']);
    expect(new Set(destroyed(box))).toEqual(
      new Set([
        { id: ids[0], reason: 'server' },
        { id: ids[3], reason: 'api' },
        { id: ids[6], reason: 'api' },
      ]),
    );
  });

  it('goes on behind a DELE that is refused', async () => {
    world.fill(4);
    const server = await world.serve({
      answer: ({ verb, argument }) => (verb === 'DELE' && argument === '2' ? '-ERR [SYS/PERM] Kept by law.\r\n' : null),
    });
    const { box, ids } = await world.account(server);
    const report = await remove(box, ids);
    expect(report.deleted).toEqual([ids[0], ids[2], ids[3]]);
    expect(report.failed).toMatchObject([
      { id: ids[1], failure: { kind: 'upstream_refused', upstream: { phase: 'dele', responseCode: 'SYS/PERM' } } },
    ]);
    expect(world.uidls).toEqual(['u2']);
    expect(intents(box)).toEqual([]);
    expect((await sync(box)).total).toBe(1);
    expect(sent(server, 'DELE').length).toBe(4);
  });

  it('destroys nothing when every DELE is refused', async () => {
    world.fill(2);
    const server = await world.serve({ answer: ({ verb }) => (verb === 'DELE' ? '-ERR No.\r\n' : null) });
    const { box, ids } = await world.account(server);
    expect((await remove(box, ids)).failed.map(({ failure }) => failure.kind)).toEqual(['upstream_refused', 'upstream_refused']);
    expect(destroyed(box)).toEqual([]);
    expect(intents(box)).toEqual([]);
  });

  it('tells what may have been deleted from what was never asked when the connection breaks between', async () => {
    world.fill(4);
    const server = await world.serve({
      hide: ['PIPELINING'],
      answer: ({ verb, argument }) => (verb === 'DELE' && argument === '2' ? 'close' : null),
    });
    const { box, ids } = await world.account(server);
    const report = await remove(box, ids);
    expect(report.failed.map(({ failure }) => failure.kind)).toEqual([
      'delete_unconfirmed',
      'delete_unconfirmed',
      'upstream_unreachable',
      'upstream_unreachable',
    ]);
    expect(intents(box)).toMatchObject([
      { written: 1, tries: 1 },
      { written: 1, tries: 1 },
    ]);
    expect(world.uidls.length).toBe(4);
  });

  it('holds all for unconfirmed that were on their way together when the connection broke', async () => {
    world.fill(4);
    const server = await world.serve({ answer: ({ verb, argument }) => (verb === 'DELE' && argument === '2' ? 'close' : null) });
    const { box, ids } = await world.account(server);
    const report = await remove(box, ids);
    expect(report.failed.map(({ failure }) => failure.kind)).toEqual(ids.map(() => 'delete_unconfirmed'));
    expect(intents(box).map(({ written, tries }) => [written, tries])).toEqual(ids.map(() => [1, 1]));
  });

  it('is unconfirmed, with what the server said, when QUIT is refused', async () => {
    world.fill(2);
    const server = await world.serve({ answer: ({ verb }) => (verb === 'QUIT' ? { last: '-ERR Some were not removed.\r\n' } : null) });
    const { box, ids } = await world.account(server);
    expect((await remove(box, ids)).failed).toMatchObject(
      ids.map((id) => ({ id, failure: { kind: 'delete_unconfirmed', upstream: { phase: 'quit', text: 'Some were not removed.' } } })),
    );
    expect(destroyed(box)).toEqual([]);
  });

  it('fails for each and intends nothing when the server cannot be reached', async () => {
    world.fill(2);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    await server.close();
    expect(await remove(box, [...ids, 'never'])).toMatchObject({
      deleted: [],
      notFound: ['never'],
      failed: [{ failure: { kind: 'upstream_unreachable' } }, { failure: { kind: 'upstream_unreachable' } }],
    });
    expect(intents(box)).toEqual([]);
  });

  it('does not delete by a UIDL that several messages have', async () => {
    world.fill(3);
    const server = await world.serve({
      answer: ({ verb, argument }) => (verb === 'UIDL' && argument === '' ? '+OK\r\n1 same\r\n2 same\r\n3 own\r\n.\r\n' : null),
    });
    const { box, ids } = await world.account(server);
    for (const dryRun of [true, false]) {
      const report = await remove(box, ids, dryRun);
      expect(report.deleted).toEqual([ids[2]]);
      expect(report.failed).toMatchObject([
        { id: ids[0], failure: { kind: 'upstream_refused', upstream: { phase: 'uidl' }, reason: expect.any(String) } },
        { id: ids[1], failure: { kind: 'upstream_refused' } },
      ]);
    }
    expect(world.uidls).toEqual(['u1', 'u2']);
  });

  it('shares the messages of two calls that meet', async () => {
    world.fill(4);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    const reports = await Promise.all([remove(box, ids.slice(0, 3)), remove(box, ids.slice(1, 4))]);
    expect(reports.map(({ deleted }) => deleted.length)).toEqual([3, 3]);
    expect(sent(server, 'DELE').length).toBe(4);
    expect(destroyed(box).length).toBe(4);
  });

  it('needs the scope', async () => {
    const server = await world.serve();
    const box = nodeMailbox();
    const made = valueOf(await box.service.create(box.id, settingsFor(server.port), true, { ...TOKEN, scopes: ['read', 'write'] }));
    const caller = callerOf(made.token?.secret ?? '');
    expect(await box.service.deleteMessages(caller, [], true)).toMatchObject({ failure: { kind: 'forbidden' } });
    expect(await box.service.deleteMessage(caller, 'x')).toMatchObject({ failure: { kind: 'forbidden' } });
  });
});

describe('a dry run', () => {
  it('says what would be, writes nothing and asks nobody', async () => {
    world.fill(3);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    await remove(box, ids.slice(0, 1));
    const before = { stored: dump(box), sessions: server.connections.total, alarm: box.alarm() };
    expect(await remove(box, ['never', ...ids, ids[0]!], true)).toEqual({ deleted: ids, notFound: ['never'], failed: [] });
    expect({ stored: dump(box), sessions: server.connections.total, alarm: box.alarm() }).toEqual(before);
    expect(world.uidls).toEqual(['u2', 'u3']);
  });
});
