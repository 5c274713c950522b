/** A mail server that plays with UIDLs, sizes and headers: which message is which must stand all the same. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RECOGNITION } from '../../src/limits.ts';
import { type NodeMailbox, nodeMailbox, OPERATOR, settingsFor, valueOf } from '../support/node-mailbox.ts';
import type { Pop3ServerOptions } from '../support/pop3-server.ts';
import { sync } from './mailbox-calls.ts';
import { mail } from './mailbox-world.ts';
import { expectTrue, feed, type Ids, ids, items, raw, unasked } from './shown-account.ts';
import { mails, Server, type Shown } from './shown-server.ts';

const DAY = 25 * 3_600_000;

let server: Server;
let box: NodeMailbox;

beforeEach(() => {
  server = new Server();
  box = nodeMailbox();
});

afterEach(() => server.close());

async function account(shown: readonly Shown[], options: Partial<Pop3ServerOptions> = {}): Promise<void> {
  await server.start(options);
  await unasked(box, server, shown, { pollSeconds: 0 });
  await sync(box);
}

async function expectIds(before: Ids, gone: readonly string[] = []): Promise<void> {
  expect(await ids(box)).toEqual(new Map([...before].filter(([subject]) => !gone.includes(subject ?? ''))));
}

const shownAs = (subject: string, uidl: string, body?: string): Shown => ({ octets: mail(subject, body), uidl });
const alike = (count: number, from = 1): Shown[] =>
  Array.from({ length: count }, (_, n) => shownAs(`mail ${100 + from + n}`, `u${from + n}`));
const renamed = (shown: readonly Shown[]): Shown[] => shown.map(({ octets, uidl }) => ({ octets, uidl: `new-${uidl}` }));

describe('several messages under one UIDL', () => {
  test('that a cut listing lacks are neither destroyed nor made anew', async () => {
    server.nameBy(() => 'same');
    await account(mails(8));
    const before = await ids(box);
    server.answers.set('UIDL', () => '+OK\r\n1 same\r\n2 same\r\n3 same\r\n.\r\n');
    box.advance(DAY);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 8, sync: { stale: true } });
    server.nameBy(() => 'same');
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 8, sync: { stale: false } });
    await expectIds(before);
    await expectTrue(box);
  });

  test('that have all been gone come back, and no sync fails for it', async () => {
    server.nameBy(() => 'same');
    await account(mails(5));
    const before = await ids(box);
    server.show([]);
    expect(await sync(box)).toMatchObject({ destroyed: 5, total: 0 });
    server.show(mails(3));
    expect(await sync(box)).toMatchObject({ created: 0, total: 3 });
    await expectIds(before, ['mail 4', 'mail 5']);
    server.show([...mails(2), ...mails(1, 9), ...mails(1, 3)]);
    expect(await sync(box)).toMatchObject({ total: 4 });
    const after = await ids(box);
    for (const subject of ['mail 1', 'mail 2', 'mail 3']) expect(after.get(subject)).toBe(before.get(subject));
    expect([...before.values()]).not.toContain(after.get('mail 9'));
    await expectTrue(box);
  });

  test('are read rightly in a session that has not listed since one of them went', async () => {
    server.nameBy(() => 'same');
    await account(mails(4));
    const before = await ids(box);
    server.show(mails(4).slice(1));
    for (const subject of ['mail 2', 'mail 3', 'mail 4'])
      expect(await raw(box, before.get(subject) ?? '')).toContain(`Subject: ${subject}\r\n`);
    expect(await sync(box)).toMatchObject({ created: 0, total: 3 });
    await expectIds(before, ['mail 1']);
  });

  test('are told apart by their sizes where there is no TOP', async () => {
    server.nameBy(() => 'same');
    await account(mails(5), { hide: ['TOP'] });
    const before = await ids(box);
    server.show(mails(5).toSpliced(1, 2));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 2, total: 3 });
    await expectIds(before, ['mail 2', 'mail 3']);
    await expectTrue(box);
  });

  test('are told apart where they are more than one sync reads headers of', async () => {
    const count = RECOGNITION.doubtfulMost + 20;
    server.nameBy(() => 'same');
    await account(mails(count));
    const before = await ids(box);
    server.show(mails(count).slice(1));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, total: count - 1 });
    await expectIds(before, ['mail 1']);
  });
});

describe('a UIDL of a message that is gone', () => {
  test('may be given to another one, of another size', async () => {
    await account(mails(3));
    const before = await ids(box);
    server.show(mails(2));
    await sync(box);
    server.show([...mails(2), shownAs('another', 'u3', 'of another size, surely\r\n')]);
    expect(await sync(box)).toMatchObject({ created: 1, total: 3 });
    expect((await ids(box)).get('another')).not.toBe(before.get('mail 3'));
    await expectTrue(box);
    // And the old one may come back.
    server.show(mails(3));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, total: 3 });
    await expectIds(before);
    await expectTrue(box);
  });

  test('may be given to another one, of the same size', async () => {
    await account(alike(3));
    const before = await ids(box);
    await expectTrue(box);
    server.show(alike(2));
    await sync(box);
    server.show([...alike(2), shownAs('mail 999', 'u3')]);
    expect(await sync(box)).toMatchObject({ created: 1, total: 3 });
    expect((await ids(box)).get('mail 999')).not.toBe(before.get('mail 103'));
    await expectTrue(box);
  });
});

describe('a server whose UIDLs are its message numbers', () => {
  test.each([
    ['few', 8],
    ['many', RECOGNITION.doubtfulMost + 20],
  ])('keeps ids when one of %s goes', async (_, count) => {
    server.nameBy((__, index) => `${index + 1}`);
    await account(mails(count));
    const before = await ids(box);
    server.show([...mails(count).toSpliced(1, 1), ...mails(1, count + 1)]);
    expect(await sync(box)).toMatchObject({ created: 1, destroyed: 1, total: count });
    const after = await ids(box);
    for (const [subject, id] of before) expect(after.get(subject)).toBe(subject === 'mail 2' ? undefined : id);
    if (count < 20) await expectTrue(box);
  });
});

describe('sizes that change', () => {
  const counted = (by: number) => (argument: string) => {
    const lines = server.shown.map(({ octets }, index) => `${index + 1} ${octets.length + by}\r\n`);
    return argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : `+OK ${lines[Number(argument) - 1]}`;
  };

  test('again and again make no message another one', async () => {
    await account(mails(6));
    const before = await ids(box);
    for (const by of [10, 20, 5]) {
      server.answers.set('LIST', counted(by));
      box.advance(DAY);
      expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0 });
      await expectIds(before);
    }
    server.show(renamed(mails(6)));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
    await expectIds(before);
  });

  test('are no reason to read headers day after day', async () => {
    await account(mails(6));
    server.answers.set('LIST', counted(10));
    box.advance(DAY);
    await sync(box);
    server.commands();
    box.advance(DAY);
    await sync(box);
    expect(server.commands().filter((line) => line.startsWith('TOP'))).toEqual([]);
  });
});

describe('a server that has given its messages new UIDLs', () => {
  test('keeps the ids of the few too that it moved meanwhile', async () => {
    await account(mails(60));
    const before = await ids(box);
    const [first, second, ...rest] = renamed(mails(60));
    if (!first || !second) throw new Error('There are sixty.');
    server.show([...rest, second, first]);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
    await expectIds(before);
  });

  test('of messages of one size, of which one is gone', async () => {
    await account(alike(60));
    const before = await ids(box);
    server.show(renamed(alike(60)).toSpliced(57, 1));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, renumbered: true });
    await expectIds(before, ['mail 158']);
    await expectTrue(box);
  });

  test('is not what another message of the same size means, where headers tell nothing', async () => {
    await account(mails(1), { hide: ['TOP'] });
    server.show([shownAs('mail 9', 'u9', `${'x'.repeat(7)}\r\n`)]);
    expect(await sync(box)).toMatchObject({ created: 1, destroyed: 1, renumbered: false });
    await expectTrue(box);
  });

  test('twice, the second time while most were missing', async () => {
    await account(mails(30));
    const before = await ids(box);
    server.show(renamed(mails(30)));
    await sync(box);
    server.show(renamed(mails(8)));
    expect(await sync(box)).toMatchObject({ destroyed: 0, sync: { stale: true } });
    server.show(renamed(renamed(mails(30))));
    box.advance(60_000);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, renumbered: true, sync: { stale: false } });
    await expectIds(before);
    expect(box.sql.exec(`SELECT 1 FROM messages WHERE missed_at IS NOT NULL`)).toEqual([]);
  });

  test('where nothing is part of the feed', async () => {
    await server.start();
    await unasked(box, server, mails(30), { pollSeconds: 0, initial: 'none' });
    await sync(box);
    server.show(renamed(mails(30)));
    expect(await sync(box)).toMatchObject({ created: 0, renumbered: true });
    const page = await feed(box, null);
    expect(page).toMatchObject({ created: [], destroyed: [], renumbered: true });
  });
});

describe('a server without UIDL', () => {
  test('that refuses one header keeps that message', async () => {
    await account(mails(5), { hide: ['UIDL'] });
    const before = await ids(box);
    server.answers.set('TOP', (argument) => (argument.startsWith('2 ') ? '-ERR Not this one.\r\n' : null));
    for (let day = 0; day < 3; day++) {
      box.advance(DAY);
      expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 5 });
    }
    server.answers.clear();
    box.advance(DAY);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 5 });
    await expectIds(before);
  });

  test('that refuses the header of a new message shows it all the same', async () => {
    server.answers.set('TOP', (argument) => (argument.startsWith('2 ') ? '-ERR Not this one.\r\n' : null));
    await account(mails(5), { hide: ['UIDL'] });
    expect(await sync(box)).toMatchObject({ total: 5 });
  });

  test('may follow one that had them', async () => {
    await account(mails(5));
    const before = await ids(box);
    const other = await new Server().start({ hide: ['UIDL'] });
    other.show(mails(5));
    try {
      const { server: moved } = settingsFor(other.port);
      valueOf(await box.service.update(OPERATOR, { server: moved }, false));
      expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 5 });
      expect((await items(box)).map((item) => [item.id, item.uidl])).toEqual([...before.values()].map((id) => [id, null]));
    } finally {
      await other.close();
    }
  });
});
