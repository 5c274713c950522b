/** Syncs against a real POP3 server: how much is asked, what is believed, and which message is which. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import type * as rpc from '../../src/mailbox/rpc.ts';
import { AbsenceStore } from '../../src/mailbox/store/absence-store.ts';
import { KeyStore } from '../../src/mailbox/store/key-store.ts';
import { ALL, type NodeMailbox, nodeMailbox, OPERATOR, settingsFor, SINCE, valueOf } from '../support/node-mailbox.ts';
import { mail } from './mailbox-world.ts';
import { mails, Server, type Shown } from './shown-server.ts';

let server: Server;
let box: NodeMailbox;

beforeEach(async () => {
  server = await new Server().start();
  box = nodeMailbox();
});

afterEach(async () => {
  await server.close();
});

async function account(shown: readonly Shown[], change = {}): Promise<void> {
  server.show(shown);
  valueOf(await box.service.create(box.id, settingsFor(server.port, { pollSeconds: 300, ...change }), false, null));
  await sync();
}

async function sync(): Promise<rpc.SyncReport> {
  return valueOf(await box.service.sync(OPERATOR));
}

/** Subject → id of the live messages, in their order. */
async function ids(): Promise<Map<string | null | undefined, string>> {
  const page = valueOf(await box.service.messages(OPERATOR, { ...ALL, limit: 200, order: 'oldest', maxAge: 1e6 }));
  return new Map(page.data.map((item) => [item.subject, item.id ?? '']));
}

async function feed(state: string | null): Promise<rpc.ChangesPage> {
  return valueOf(await box.service.changes(OPERATOR, { ...SINCE, since: state, maxAge: 1e6 }));
}

describe('a sync asks for', () => {
  test('no more than STAT and one UIDL where nothing has changed', async () => {
    await account(mails(10));
    server.commands();
    const report = await sync();
    expect(server.commands()).toEqual(['STAT', 'UIDL 10']);
    expect(report).toMatchObject({ created: 0, destroyed: 0, total: 10 });
  });

  test('no more than STAT where nothing has changed in an empty maildrop', async () => {
    await account([]);
    server.commands();
    await sync();
    expect(server.commands()).toEqual(['STAT']);
  });

  test('the new messages alone where the mailbox has grown', async () => {
    await account(mails(10));
    server.show(mails(12));
    server.commands();
    const before = await ids();
    expect(await sync()).toMatchObject({ created: 2, destroyed: 0, total: 12 });
    expect(server.commands().filter((line) => !line.startsWith('TOP'))).toEqual([
      'STAT',
      'UIDL 10',
      'UIDL 11',
      'LIST 11',
      'UIDL 12',
      'LIST 12',
    ]);
    const after = await ids();
    expect([...after.values()].slice(0, 10)).toEqual([...before.values()]);
    // What was learned of the last message is what the next sync goes by.
    await sync();
    expect(server.commands()).toEqual(['STAT', 'UIDL 12']);
  });

  test.each<[string, (shown: Shown[]) => Shown[], Partial<rpc.SyncReport>]>([
    ['one is gone', (shown) => shown.slice(0, -1), { created: 0, destroyed: 1 }],
    ['one in the middle is gone and one has come', (shown) => [...shown.toSpliced(3, 1), ...mails(1, 11)], { created: 1, destroyed: 1 }],
    ['a new one has the place of the last', (shown) => [...shown.slice(0, -1), ...mails(1, 11)], { created: 1, destroyed: 1 }],
    ['one that was gone has come back behind the last', (shown) => [...shown, { octets: mail('back'), uidl: 'u0' }], { created: 1 }],
  ])('everything where %s', async (_, change, expected) => {
    await account(mails(10));
    server.show(change(server.shown));
    server.commands();
    expect(await sync()).toMatchObject(expected);
    expect([...(await ids()).keys()].length).toBe(server.shown.length);
  });

  test('everything where STAT and the sizes of the new ones disagree', async () => {
    await account(mails(10));
    server.show(mails(11));
    server.answers.set('LIST', (argument) => (argument === '11' ? '+OK 11 9\r\n' : null));
    server.commands();
    expect(await sync()).toMatchObject({ created: 1 });
    expect(server.commands()).toContain('UIDL');
  });

  test('everything where a new one has a UIDL that is known', async () => {
    await account(mails(10));
    server.show(mails(11));
    const lines = Array.from({ length: 11 }, (_, n) => `${n + 1} ${n === 10 ? 'u5' : `u${n + 1}`}\r\n`);
    server.answers.set('UIDL', (argument) =>
      argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : argument === '11' ? '+OK 11 u5\r\n' : null,
    );
    expect(await sync()).toMatchObject({ created: 1, destroyed: 0, total: 11 });
    expect(server.commands()).toContain('UIDL');
  });

  test('everything once a day', async () => {
    await account(mails(3));
    server.commands();
    box.advance(MAILBOX.fullListingEvery - 60_000);
    await sync();
    expect(server.commands()).toEqual(['STAT', 'UIDL 3']);
    box.advance(60_000);
    await sync();
    expect(server.commands()).toEqual(['STAT', 'UIDL', 'LIST']);
  });
});

describe('a listing that lacks most of a mailbox', () => {
  beforeEach(() => account(mails(30)));

  test('destroys nothing until another one agrees, half a minute later', async () => {
    const before = await ids();
    const { newState } = await feed(null);
    server.show(mails(5));
    expect(await sync()).toMatchObject({ destroyed: 0, total: 30, sync: { stale: true, problem: null } });
    expect(valueOf(await box.service.account(OPERATOR)).sync.stale).toBe(true);
    box.advance(MAILBOX.suspectTime - 1_000);
    expect(await sync()).toMatchObject({ destroyed: 0, total: 30 });
    box.advance(1_000);
    expect(await sync()).toMatchObject({ destroyed: 25, total: 5, sync: { stale: false } });
    expect((await feed(newState)).destroyed.map(({ id, reason }) => [id, reason])).toEqual(
      [...before.values()].slice(5).map((id) => [id, 'server']),
    );
  });

  test('is looked at again soon, by the alarm', async () => {
    server.show([]);
    await sync();
    const soon = (box.alarm() ?? Number.POSITIVE_INFINITY) - Date.now();
    expect(soon).toBeLessThanOrEqual(MAILBOX.suspectTime * 1.2);
    box.advance(soon + 1_000);
    await box.service.alarm();
    expect(valueOf(await box.service.account(OPERATOR)).mailbox.messages).toBe(0);
  });

  test('is forgotten where the next one has everything again', async () => {
    const before = await ids();
    server.show(mails(5));
    await sync();
    server.show(mails(30));
    box.advance(60_000);
    expect(await sync()).toMatchObject({ created: 0, destroyed: 0, total: 30, sync: { stale: false } });
    expect(await ids()).toEqual(before);
    // It begins anew the next time.
    server.show(mails(5));
    box.advance(60_000);
    expect(await sync()).toMatchObject({ destroyed: 0, total: 30, sync: { stale: true } });
  });

  test('takes in what is new all the same', async () => {
    server.show([...mails(5), ...mails(1, 31)]);
    expect(await sync()).toMatchObject({ created: 1, destroyed: 0, total: 31, sync: { stale: true } });
  });

  test('gives messages that come back later their old ids, as updates', async () => {
    const before = await ids();
    server.show(mails(5));
    await sync();
    box.advance(60_000);
    await sync();
    const { newState } = await feed(null);
    server.show(mails(30));
    expect(await sync()).toMatchObject({ created: 0, total: 30 });
    const { created, updated } = await feed(newState);
    expect(created).toEqual([]);
    expect(updated.map((item) => item.id)).toEqual([...before.values()].slice(5));
  });

  test('is also one that has fewer entries than STAT counts', async () => {
    const lines = Array.from({ length: 29 }, (_, n) => `${n + 1} u${n + 1}\r\n`);
    server.answers.set('UIDL', (argument) => (argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : '-ERR\r\n'));
    expect(await sync()).toMatchObject({ destroyed: 0, total: 30, sync: { stale: true } });
    server.answers.clear();
    expect(await sync()).toMatchObject({ destroyed: 0, total: 30, sync: { stale: false } });
  });
});

describe('a server that has given its messages new UIDLs', () => {
  const renamed = (shown: readonly Shown[]): Shown[] => shown.map(({ octets, uidl }) => ({ octets, uidl: `new-${uidl}` }));
  const shuffled = (shown: readonly Shown[]): Shown[] =>
    shown
      .map((entry, n) => [(n * 17) % 30, entry] as const)
      .sort(([a], [b]) => a - b)
      .map(([, entry]) => entry);

  test.each<[string, (shown: Shown[]) => Shown[]]>([
    ['in the same order', (shown) => shown],
    ['in the reverse order', (shown) => shown.toReversed()],
    ['in no order', shuffled],
    ['but for one that stands elsewhere', (shown) => [...shown.slice(-1), ...shown.slice(0, -1)]],
    ['and left three as they were', (shown) => [...mails(3), ...shown.slice(3)]],
  ])('is recognised: %s', async (_, order) => {
    await account(mails(30));
    const before = await ids();
    const { newState } = await feed(null);
    server.show(order(renamed(mails(30))));
    expect(await sync()).toMatchObject({ created: 0, destroyed: 0, total: 30, renumbered: true, sync: { stale: false } });
    expect(await ids()).toEqual(before);
    expect(await feed(newState)).toMatchObject({ created: [], updated: [], destroyed: [], renumbered: true });
    // The new UIDLs hold from now on, each for its message.
    expect(await sync()).toMatchObject({ created: 0, destroyed: 0, renumbered: false });
    for (const [subject, id] of before) {
      const message = valueOf(
        await box.service.message(OPERATOR, id, { html: 'none', maxBodyBytes: 1_000, remote: 'blocked', ticketsAt: null } as never, null),
      );
      expect(message).toMatchObject({
        message: { subject, uidl: `${server.shown.find(({ octets }) => Buffer.from(octets).includes(`: ${subject}\r\n`))?.uidl}` },
      });
    }
  });

  test('while mail came and went', async () => {
    await account(mails(30));
    const before = await ids();
    server.show([...renamed(mails(30)).toSpliced(10, 1), ...mails(2, 31)]);
    const report = await sync();
    expect(report).toMatchObject({ created: 2, destroyed: 1, total: 31, renumbered: true });
    const after = await ids();
    expect(after.get('mail 11')).toBe(undefined);
    for (const [subject, id] of before) if (subject !== 'mail 11') expect(after.get(subject)).toBe(id);
  });

  test('is not taken for one where nothing but the size of other messages fits', async () => {
    const nameless = (count: number, from = 1): Shown[] =>
      Array.from({ length: count }, (_, n) => ({
        uidl: `u${from + n}`,
        octets: Buffer.from(`Subject: mail ${from + n}\r\n\r\nHello\r\n`),
      }));
    await account(nameless(2));
    server.show(nameless(2, 3));
    expect(await sync()).toMatchObject({ created: 2, destroyed: 2, renumbered: false });
    expect(new Set((await ids()).keys())).toEqual(new Set(['mail 3', 'mail 4']));
  });

  test('is not taken for one where the messages are others', async () => {
    await account(mails(10));
    const before = await ids();
    server.show(mails(10, 101));
    expect(await sync()).toMatchObject({ created: 10, destroyed: 10, renumbered: false });
    const after = await ids();
    for (const id of before.values()) expect([...after.values()]).not.toContain(id);
  });

  test('is not taken for one where others have the same sizes', async () => {
    await account(Array.from({ length: 5 }, (_, n) => ({ octets: mail(`old ${n}`), uidl: `a${n}` })));
    server.show(Array.from({ length: 5 }, (_, n) => ({ octets: mail(`new ${n}`), uidl: `b${n}` })));
    expect(await sync()).toMatchObject({ created: 5, destroyed: 5, renumbered: false });
  });

  test('changes nothing where the connection breaks in the middle of the headers', async () => {
    await account(mails(30));
    const before = await ids();
    server.show(renamed(mails(30)));
    let cut = 10;
    server.answers.set('TOP', () => (cut-- > 0 ? null : 'close'));
    expect(await box.service.sync(OPERATOR)).toMatchObject({ ok: false });
    expect(await ids()).toEqual(before);
    server.answers.clear();
    box.advance(3_600_000);
    expect(await sync()).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
    expect(await ids()).toEqual(before);
  });
});

describe('tombstones', () => {
  beforeEach(async () => {
    await account(mails(4));
    server.show(mails(1));
    await sync();
  });

  test('are kept after ninety days too, while they are few', async () => {
    box.advance(MAILBOX.tombstoneTime + 60_000);
    await sync();
    expect(await feed(null)).toMatchObject({ destroyedComplete: true });
    expect(box.sql.exec(`SELECT count(*) AS n FROM messages`)).toEqual([{ n: 4 }]);
  });

  test('go, oldest first, where they are old and there are newer ones enough', () => {
    const absences = new AbsenceStore(box.sql);
    const [last, , first] = box.sql.exec<{ destroyed: number }>(
      `SELECT destroyed FROM messages WHERE destroyed > 0 ORDER BY destroyed DESC`,
    );
    const now = Date.now() + 1_000;
    expect(absences.prunable(now, 0)).toBe(last?.destroyed);
    expect(absences.prunable(now, 2)).toBe(first?.destroyed);
    expect(absences.prunable(now, 3)).toBe(0);
    expect(absences.prunable(now - 3_600_000, 0)).toBe(0);
    expect(absences.prune(last?.destroyed ?? 0, 2)).toEqual({ place: (first?.destroyed ?? 0) + 1, created: [2, 3] });
    expect(box.sql.exec(`SELECT count(*) AS n FROM messages`)).toEqual([{ n: 2 }]);
  });
});

describe('UIDLs of many messages that come at once', () => {
  test('are told one by one, after a restart too, and go with the last message that needs them', async () => {
    await account(mails(130));
    const shown = async (): Promise<(string | null | undefined)[]> => {
      return valueOf(await box.service.messages(OPERATOR, { ...ALL, limit: 200, order: 'oldest', fields: ['uidl'], maxAge: 1e6 })).data.map(
        (item) => item.uidl,
      );
    };
    const expected = mails(130).map(({ uidl }) => uidl);
    expect(await shown()).toEqual(expected);
    box.restart();
    expect(await shown()).toEqual(expected);
    const keys = new KeyStore(box.sql);
    expect(box.sql.exec(`SELECT count(*) AS n FROM uidl_packs`)).toEqual([{ n: 1 }]);
    keys.prunePacks();
    expect(await shown()).toEqual(expected);
    box.sql.exec(`DELETE FROM messages WHERE pack IS NOT NULL`);
    keys.prunePacks();
    expect(box.sql.exec(`SELECT count(*) AS n FROM uidl_packs`)).toEqual([{ n: 0 }]);
    expect(await shown()).toEqual(expected.slice(100));
  });

  test('hold for messages that are renumbered out of a pack', async () => {
    await account(mails(130));
    server.show(mails(130).map(({ octets, uidl }) => ({ octets, uidl: `x${uidl}` })));
    expect(await sync()).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
    const page = valueOf(await box.service.messages(OPERATOR, { ...ALL, limit: 200, order: 'oldest', fields: ['uidl'], maxAge: 1e6 }));
    expect(page.data.map((item) => item.uidl)).toEqual(mails(130).map(({ uidl }) => `x${uidl}`));
  });
});
