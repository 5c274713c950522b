/** Syncs against a real POP3 server: how much is asked, what is believed, and what is kept of messages that are gone. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import type * as rpc from '../../src/mailbox/rpc.ts';
import { AbsenceStore } from '../../src/mailbox/store/absence-store.ts';
import { KeyStore } from '../../src/mailbox/store/key-store.ts';
import { type NodeMailbox, nodeMailbox, OPERATOR, valueOf } from '../support/node-mailbox.ts';
import { sync } from './mailbox-calls.ts';
import { mail } from './mailbox-world.ts';
import { feed, ids, items, unasked } from './shown-account.ts';
import { mails, Server, type Shown } from './shown-server.ts';

let server: Server;
let box: NodeMailbox;

beforeEach(async () => {
  server = await new Server().start();
  box = nodeMailbox();
});

afterEach(() => server.close());

async function account(shown: readonly Shown[]): Promise<void> {
  await unasked(box, server, shown);
  await sync(box);
}

describe('a sync asks for', () => {
  test('no more than STAT and one UIDL where nothing has changed', async () => {
    await account(mails(10));
    server.commands();
    const report = await sync(box);
    expect(server.commands()).toEqual(['STAT', 'UIDL 10']);
    expect(report).toMatchObject({ created: 0, destroyed: 0, total: 10 });
  });

  test('no more than STAT where nothing has changed in an empty maildrop', async () => {
    await account([]);
    server.commands();
    await sync(box);
    expect(server.commands()).toEqual(['STAT']);
  });

  test('the new messages alone where the mailbox has grown', async () => {
    await account(mails(10));
    server.show(mails(12));
    server.commands();
    const before = await ids(box);
    expect(await sync(box)).toMatchObject({ created: 2, destroyed: 0, total: 12 });
    expect(server.commands().filter((line) => !line.startsWith('TOP'))).toEqual([
      'STAT',
      'UIDL 10',
      'UIDL 11',
      'LIST 11',
      'UIDL 12',
      'LIST 12',
    ]);
    const after = await ids(box);
    expect([...after.values()].slice(0, 10)).toEqual([...before.values()]);
    // What was learned of the last message is what the next sync goes by.
    await sync(box);
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
    expect(await sync(box)).toMatchObject(expected);
    expect([...(await ids(box)).keys()].length).toBe(server.shown.length);
  });

  test('everything where STAT and the sizes of the new ones disagree', async () => {
    await account(mails(10));
    server.show(mails(11));
    server.answers.set('LIST', (argument) => (argument === '11' ? '+OK 11 9\r\n' : null));
    server.commands();
    expect(await sync(box)).toMatchObject({ created: 1 });
    expect(server.commands()).toContain('UIDL');
  });

  test('everything where a new one has a UIDL that is known', async () => {
    await account(mails(10));
    server.show(mails(11));
    const lines = Array.from({ length: 11 }, (_, n) => `${n + 1} ${n === 10 ? 'u5' : `u${n + 1}`}\r\n`);
    server.answers.set('UIDL', (argument) =>
      argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : argument === '11' ? '+OK 11 u5\r\n' : null,
    );
    expect(await sync(box)).toMatchObject({ created: 1, destroyed: 0, total: 11 });
    expect(server.commands()).toContain('UIDL');
  });

  test('everything again where a listing had fewer entries than STAT counts, until another one agrees', async () => {
    await account(mails(4));
    server.show(mails(8));
    const lines = mails(5).map(({ uidl }, index) => `${index + 1} ${uidl}\r\n`);
    const short = (argument: string): string | null => (argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : null);
    server.answers.set('UIDL', short);
    box.advance(MAILBOX.fullListingEvery);
    expect(await sync(box)).toMatchObject({ created: 1, destroyed: 0, total: 5 });
    server.answers.clear();
    expect(await sync(box)).toMatchObject({ created: 3, destroyed: 0, total: 8 });
    server.show(mails(10));
    server.answers.set('UIDL', short);
    box.advance(MAILBOX.fullListingEvery);
    for (const asked of [
      ['STAT', 'UIDL', 'LIST'],
      ['STAT', 'UIDL', 'LIST'],
      ['STAT', 'UIDL 5'],
    ]) {
      server.commands();
      await sync(box);
      expect(server.commands()).toEqual(asked);
      box.advance(MAILBOX.suspectTime);
    }
  });

  test('everything once a day', async () => {
    await account(mails(3));
    server.commands();
    box.advance(MAILBOX.fullListingEvery - 60_000);
    await sync(box);
    expect(server.commands()).toEqual(['STAT', 'UIDL 3']);
    box.advance(60_000);
    await sync(box);
    expect(server.commands()).toEqual(['STAT', 'UIDL', 'LIST']);
  });
});

describe('a listing that lacks most of a mailbox', () => {
  beforeEach(() => account(mails(30)));

  test('destroys nothing until another one agrees, half a minute later', async () => {
    const before = await ids(box);
    const { newState } = await feed(box, null);
    server.show(mails(5));
    expect(await sync(box)).toMatchObject({ destroyed: 0, total: 30, sync: { stale: true, problem: null } });
    expect(valueOf(await box.service.account(OPERATOR)).sync.stale).toBe(true);
    box.advance(MAILBOX.suspectTime - 1_000);
    expect(await sync(box)).toMatchObject({ destroyed: 0, total: 30 });
    box.advance(1_000);
    expect(await sync(box)).toMatchObject({ destroyed: 25, total: 5, sync: { stale: false } });
    expect((await feed(box, newState)).destroyed.map(({ id, reason }) => [id, reason])).toEqual(
      [...before.values()].slice(5).map((id) => [id, 'server']),
    );
  });

  test('is looked at again soon, by the alarm', async () => {
    server.show([]);
    await sync(box);
    const soon = (box.alarm() ?? Number.POSITIVE_INFINITY) - Date.now();
    expect(soon).toBeLessThanOrEqual(MAILBOX.suspectTime * 1.2);
    box.advance(soon + 1_000);
    await box.service.alarm();
    expect(valueOf(await box.service.account(OPERATOR)).mailbox.messages).toBe(0);
  });

  test('is forgotten where the next one has everything again', async () => {
    const before = await ids(box);
    server.show(mails(5));
    await sync(box);
    server.show(mails(30));
    box.advance(60_000);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 30, sync: { stale: false } });
    expect(await ids(box)).toEqual(before);
    // It begins anew the next time.
    server.show(mails(5));
    box.advance(60_000);
    expect(await sync(box)).toMatchObject({ destroyed: 0, total: 30, sync: { stale: true } });
  });

  test('takes in what is new all the same', async () => {
    server.show([...mails(5), ...mails(1, 31)]);
    expect(await sync(box)).toMatchObject({ created: 1, destroyed: 0, total: 31, sync: { stale: true } });
  });

  test('gives messages that come back later their old ids, as updates', async () => {
    const before = await ids(box);
    server.show(mails(5));
    await sync(box);
    box.advance(60_000);
    await sync(box);
    const { newState } = await feed(box, null);
    server.show(mails(30));
    expect(await sync(box)).toMatchObject({ created: 0, total: 30 });
    const { created, updated } = await feed(box, newState);
    expect(created).toEqual([]);
    expect(updated.map((item) => item.id)).toEqual([...before.values()].slice(5));
  });

  test('is also one that has fewer entries than STAT counts', async () => {
    const lines = Array.from({ length: 29 }, (_, n) => `${n + 1} u${n + 1}\r\n`);
    server.answers.set('UIDL', (argument) => (argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : '-ERR\r\n'));
    expect(await sync(box)).toMatchObject({ destroyed: 0, total: 30, sync: { stale: true } });
    server.answers.clear();
    expect(await sync(box)).toMatchObject({ destroyed: 0, total: 30, sync: { stale: false } });
  });
});

describe('tombstones', () => {
  beforeEach(async () => {
    await account(mails(4));
    server.show(mails(1));
    await sync(box);
  });

  test('are kept after ninety days too, while they are few', async () => {
    box.advance(MAILBOX.tombstoneTime + 60_000);
    await sync(box);
    expect(await feed(box, null)).toMatchObject({ destroyedComplete: true });
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
    const shown = async (): Promise<(string | null | undefined)[]> => (await items(box, ['uidl'])).map(({ uidl }) => uidl);
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
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
    expect((await items(box, ['uidl'])).map(({ uidl }) => uidl)).toEqual(mails(130).map(({ uidl }) => `x${uidl}`));
  });
});
