/** A mail server that lies, by listings cut short and answers that disagree: nothing is lost, nothing told twice. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAILBOX, POLL } from '../../src/limits.ts';
import { type NodeMailbox, nodeMailbox, OPERATOR, settingsFor, valueOf } from '../support/node-mailbox.ts';
import { sync } from './mailbox-calls.ts';
import { feed, ids, unasked } from './shown-account.ts';
import { mails, Server, type Shown, subjectOf } from './shown-server.ts';

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

/** Lists only the first `count` messages, while STAT counts all. */
function cut(count: number): void {
  const lines = server.shown.slice(0, count).map(({ uidl }, index) => `${index + 1} ${uidl}\r\n`);
  server.answers.set('UIDL', (argument) => (argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : '-ERR\r\n'));
}

describe('a listing that is cut', () => {
  test('says nothing of messages whose deletion was asked for', async () => {
    await account(mails(10));
    const [first = ''] = (await ids(box)).values();
    server.answers.set('QUIT', () => 'close');
    expect(await box.service.deleteMessage(OPERATOR, first)).toMatchObject({ failure: { kind: 'delete_unconfirmed' } });
    server.answers.clear();
    const lines = server.shown.slice(1).map(({ uidl }, index) => `${index + 2} ${uidl}\r\n`);
    server.answers.set('UIDL', (argument) => (argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : '-ERR\r\n'));
    box.advance(MAILBOX.fullListingEvery);
    expect(await sync(box)).toMatchObject({ destroyed: 0, total: 10 });
    server.answers.clear();
    expect(await sync(box)).toMatchObject({ destroyed: 1, total: 9 });
    expect(server.shown.length).toBe(9);
  });

  test('is no proof that a message to be deleted or read is gone', async () => {
    await account(mails(10));
    const last = [...(await ids(box)).values()].at(-1) ?? '';
    cut(5);
    expect(await box.service.deleteMessage(OPERATOR, last)).toMatchObject({ ok: false });
    expect(await box.service.raw(OPERATOR, last, null)).toMatchObject({ ok: false, failure: { kind: 'upstream_temporary' } });
    expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({ state: 'ready', mailbox: { messages: 10 } });
    server.answers.clear();
    expect(await box.service.deleteMessage(OPERATOR, last)).toMatchObject({ ok: true });
    expect(server.shown.length).toBe(9);
  });

  test('is not agreed to by that of another server', async () => {
    await account(mails(30));
    server.show(mails(5));
    expect(await sync(box)).toMatchObject({ destroyed: 0, sync: { stale: true } });
    const other = await new Server().start();
    other.show(mails(5));
    try {
      box.advance(60_000);
      valueOf(await box.service.update(OPERATOR, { server: settingsFor(other.port).server }, false));
      expect(await sync(box)).toMatchObject({ destroyed: 0, total: 30, sync: { stale: true } });
      box.advance(MAILBOX.suspectTime);
      expect(await sync(box)).toMatchObject({ destroyed: 25, total: 5, sync: { stale: false } });
    } finally {
      await other.close();
    }
  });

  test('that is another one each time is not looked at again in a hurry for ever', async () => {
    await account(mails(30));
    const before = await ids(box);
    let listings = 0;
    server.answers.set('UIDL', (argument) => {
      if (argument !== '') return '-ERR\r\n';
      const half = listings++ % 2;
      const lines = server.shown.map(({ uidl }, index) => `${index + 1} ${uidl}\r\n`).filter((_, index) => index % 2 === half);
      return `+OK\r\n${lines.join('')}.\r\n`;
    });
    box.advance(MAILBOX.fullListingEvery);
    await sync(box);
    const end = (box.alarm() ?? 0) + 4 * 3_600_000;
    while ((box.alarm() ?? 0) < end) await box.ring();
    expect(listings).toBeLessThan(4 * 12 * 1.2 + POLL.suspectFor / MAILBOX.suspectTime);
    server.answers.clear();
    expect(await sync(box)).toMatchObject({ created: 0, total: 30, sync: { stale: false } });
    expect(await ids(box)).toEqual(before);
  });
});

describe('a server whose answers disagree', () => {
  const sizes = (): string => server.shown.map(({ octets }, index) => `${index + 1} ${octets.length}\r\n`).join('');
  const names = (): string => server.shown.map(({ uidl }, index) => `${index + 1} ${uidl}\r\n`).join('');
  const lies: [string, string, (argument: string) => string | null][] = [
    ['refuses LIST', 'LIST', () => '-ERR\r\n'],
    ['lists sizes of messages that are not there', 'LIST', (n) => (n ? null : `+OK\r\n${sizes()}77 5\r\n999999999999999 5\r\n.\r\n`)],
    ['lists half the sizes, some twice', 'LIST', (n) => (n ? null : '+OK\r\n1 5\r\n2 6\r\n1 7\r\n.\r\n')],
    ['lists impossible sizes', 'LIST', (n) => (n ? `+OK ${n} -1\r\n` : '+OK\r\n1 -1\r\n2 99999999999999999999\r\n3 x\r\n.\r\n')],
    ['counts none', 'STAT', () => '+OK 0 0\r\n'],
    ['counts too many', 'STAT', () => '+OK 999999999999999 999999999999999\r\n'],
    ['names messages twice', 'UIDL', (argument) => (argument ? null : `+OK\r\n${names()}${names()}.\r\n`)],
    ['names one by one what it does not list', 'UIDL', (argument) => (argument ? `+OK ${argument} x${argument}\r\n` : null)],
    ['refuses to name one by one', 'UIDL', (argument) => (argument ? '-ERR\r\n' : null)],
  ];

  test.each(lies)('and %s', async (_, verb, answer) => {
    server.answers.set(verb, answer);
    await account(mails(6));
    const before = await ids(box);
    expect([...before.keys()]).toEqual(server.shown.map(subjectOf));
    server.show(mails(7));
    await sync(box);
    box.advance(MAILBOX.fullListingEvery);
    await sync(box);
    server.answers.clear();
    box.advance(MAILBOX.fullListingEvery);
    await sync(box);
    const after = await ids(box);
    expect([...after.keys()]).toEqual(server.shown.map(subjectOf));
    for (const [subject, id] of before) expect(after.get(subject)).toBe(id);
    const { created, destroyed } = await feed(box, null);
    expect([created.length, destroyed.length]).toEqual([7, 0]);
  });

  test.each([
    ['zero', '0 u1\r\n'],
    ['no number', 'u1\r\n'],
    ['a number beyond all numbers', '9999999999999999 u1\r\n'],
    ['a name beyond all names', `1 ${'u'.repeat(1_025)}\r\n`],
  ])('and gives a message %s, is not believed in anything', async (_, line) => {
    await account(mails(3));
    server.answers.set('UIDL', (argument) => (argument ? null : `+OK\r\n${line}.\r\n`));
    box.advance(MAILBOX.fullListingEvery);
    expect(await box.service.sync(OPERATOR)).toMatchObject({ failure: { kind: 'upstream_protocol' } });
    expect((await ids(box)).size).toBe(3);
  });
});

describe('a refusal of UIDL', () => {
  test('with a reason is no empty maildrop, whatever STAT says', async () => {
    await account(mails(5));
    server.answers.set('STAT', () => '+OK 0 0\r\n');
    server.answers.set('UIDL', () => '-ERR [SYS/TEMP] The index is being rebuilt.\r\n');
    expect(await box.service.sync(OPERATOR)).toMatchObject({ failure: { kind: 'upstream_temporary' } });
    server.answers.clear();
    box.advance(3_600_000);
    expect(await sync(box)).toMatchObject({ destroyed: 0, total: 5 });
  });
});

describe('a message that somebody made to be trouble', () => {
  test('by its headers is indexed with its neighbours', async () => {
    const name = 'N'.repeat(900);
    const to = Array.from({ length: 60 }, (_, n) => `"${name}" <a${n}@example.com>`).join(',\r\n ');
    const monstrous = Array.from({ length: 30 }, (_, n) => ({
      octets: Buffer.from(`From: a@example.com\r\nSubject: big ${n}\r\nTo: ${to}\r\n\r\nHello\r\n`),
      uidl: `b${n}`,
    }));
    await account([...monstrous, ...mails(5)]);
    expect((await ids(box)).size).toBe(35);
    expect(valueOf(await box.service.account(OPERATOR)).indexing).toEqual({ done: 35, of: 35 });
  });
});
