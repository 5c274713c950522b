/** UIDLs that name other messages than they did, since the last listing: no id changes, nothing is lost, and no wrong message goes. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAILBOX, RECOGNITION } from '../../src/limits.ts';
import { type NodeMailbox, nodeMailbox, OPERATOR } from '../support/node-mailbox.ts';
import { sync } from './mailbox-calls.ts';
import { mail } from './mailbox-world.ts';
import { expectTrue, type Ids, ids, items, raw, unasked } from './shown-account.ts';
import { mails, Server, type Shown } from './shown-server.ts';

const DAY = 25 * 3_600_000;

let server: Server;
let box: NodeMailbox;

beforeEach(() => {
  server = new Server();
  box = nodeMailbox();
});

afterEach(() => server.close());

async function account(shown: readonly Shown[]): Promise<void> {
  await server.start();
  await unasked(box, server, shown, { pollSeconds: 0 });
  await sync(box);
}

const shownAs = (subject: string, uidl: string): Shown => ({ octets: mail(subject), uidl });
/** Messages of one size. */
const alike = (count: number, from = 1): Shown[] =>
  Array.from({ length: count }, (_, n) => shownAs(`mail ${100 + from + n}`, `u${from + n}`));

const tops = (): string[] => server.commands().filter((line) => line.startsWith('TOP'));

describe('several messages of one size under one UIDL', () => {
  beforeEach(async () => {
    server.nameBy(() => 'same');
    await account(alike(4));
  });

  test('keep their ids when one that was hidden comes back', async () => {
    const before = await ids(box);
    server.show(alike(4).toSpliced(1, 1));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, total: 3 });
    server.show(alike(4));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 4 });
    expect(await ids(box)).toEqual(before);
    await expectTrue(box);
  });

  test('keep their ids when a new one is put between them, and it is not lost', async () => {
    const before = await ids(box);
    server.show([...alike(2), shownAs('mail 999', 'u9'), ...alike(2, 3)]);
    expect(await sync(box)).toMatchObject({ created: 1, destroyed: 0, total: 5 });
    const after = await ids(box);
    for (const [subject, id] of before) expect(after.get(subject)).toBe(id);
    await expectTrue(box);
  });

  test('are not read again and again', async () => {
    server.show(alike(5));
    await sync(box);
    server.commands();
    box.advance(DAY);
    await sync(box);
    expect(tops()).toEqual([]);
  });
});

describe('several messages under one UIDL', () => {
  test('that come back behind the others have their old ids', async () => {
    server.nameBy(() => 'same');
    await account(mails(4));
    const before = await ids(box);
    server.show(mails(4).slice(1));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, total: 3 });
    server.show([...mails(3, 2), ...mails(1)]);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 4 });
    expect(await ids(box)).toEqual(before);
    await expectTrue(box);
  });

  test('in a crowd too large to be told apart are as many as there are', async () => {
    const count = RECOGNITION.headersMost + 2;
    server.nameBy(() => 'same');
    await account(Array.from({ length: count }, (_, n) => shownAs(`mail ${n}`, `u${n}`)));
    server.show(server.shown.slice(1));
    server.commands();
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, total: count - 1 });
    expect(tops()).toEqual([]);
  });
});

test('the UIDL of a message that is gone may be given to one that is known by another, of the same size', async () => {
  await account(alike(4));
  const before = await ids(box);
  server.show(alike(3));
  await sync(box);
  server.show([...alike(2), shownAs('mail 103', 'u4')]);
  expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 3 });
  expect(await ids(box)).toEqual(new Map([...before].filter(([subject]) => subject !== 'mail 104')));
  await expectTrue(box);
});

describe('a message whose UIDL the server has handed on', () => {
  const byNumber = async (): Promise<Map<string | null | undefined, string>> => {
    server.nameBy((_, index) => `u${index + 1}`);
    await account(mails(5));
    const before = await ids(box);
    server.show(mails(5).toSpliced(1, 1));
    return before;
  };
  const left = (): string[] => server.shown.map(({ uidl }) => uidl);

  test('is deleted under the one that it has now', async () => {
    const before = await byNumber();
    expect(await box.service.deleteMessage(OPERATOR, before.get('mail 5') ?? '')).toMatchObject({ ok: true });
    expect(left()).toEqual(['u1', 'u3', 'u4']);
    await sync(box);
    expect(await ids(box)).toEqual(new Map([...before].filter(([subject]) => !['mail 2', 'mail 5'].includes(subject ?? ''))));
  });

  test('is not deleted where that is the one of a message that is gone', async () => {
    const before = await byNumber();
    const answer = await box.service.deleteMessage(OPERATOR, before.get('mail 3') ?? '');
    expect(answer).toMatchObject({ ok: false, failure: { kind: 'upstream_refused' } });
    expect(left()).toEqual(['u1', 'u3', 'u4', 'u5']);
  });

  test('is not taken for the one that has it, and keeps its id', async () => {
    const before = await byNumber();
    for (const subject of ['mail 2', 'mail 3', 'mail 4']) await expect(raw(box, before.get(subject) ?? '')).rejects.toThrow();
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, total: 4 });
    expect(await ids(box)).toEqual(new Map([...before].filter(([subject]) => subject !== 'mail 2')));
    await expectTrue(box);
  });

  test('is not taken for one of the same size either', async () => {
    await account(alike(3));
    const before = await ids(box);
    server.show([...alike(2), shownAs('mail 999', 'u3')]);
    await sync(box);
    await expect(raw(box, before.get('mail 103') ?? '')).rejects.toThrow();
    expect(await sync(box)).toMatchObject({ created: 1, destroyed: 1, total: 3 });
    await expectTrue(box);
  });
});

describe('a server whose UIDLs are its message numbers', () => {
  const left = (gone: readonly string[], before: Ids): Ids => new Map([...before].filter(([subject]) => !gone.includes(subject ?? '')));

  beforeEach(() => server.nameBy((_, index) => `u${index + 1}`));

  test('keeps ids when one is put between others', async () => {
    await account(mails(8));
    const before = await ids(box);
    server.show([...mails(5), ...mails(1, 9), ...mails(3, 6)]);
    expect(await sync(box)).toMatchObject({ created: 1, destroyed: 0, total: 9 });
    const after = await ids(box);
    for (const [subject, id] of before) expect(after.get(subject)).toBe(id);
    await expectTrue(box);
  });

  describe('and that has lost one behind which there are more than one sync can look at', () => {
    const COUNT = 2 * RECOGNITION.doubtfulMost;
    const GONE = RECOGNITION.doubtfulMost - 100;
    let before: Ids;

    beforeEach(async () => {
      await account(mails(COUNT));
      before = await ids(box);
      server.show(mails(COUNT).toSpliced(GONE - 1, 1));
    });

    test('has ids that last, as soon as all were looked at', async () => {
      expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, sync: { stale: true } });
      box.advance(60_000);
      expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, total: COUNT - 1, sync: { stale: false } });
      expect(await ids(box)).toEqual(left([`mail ${GONE}`], before));
    });

    test('is not asked to delete what was not looked at', async () => {
      const id = before.get(`mail ${COUNT - 10}`) ?? '';
      expect(await box.service.deleteMessage(OPERATOR, id)).toMatchObject({ ok: false, failure: { kind: 'upstream_temporary' } });
      expect(server.shown).toHaveLength(COUNT - 1);
      await sync(box);
      expect(await box.service.deleteMessage(OPERATOR, id)).toMatchObject({ ok: true });
      await sync(box);
      expect(await ids(box)).toEqual(left([`mail ${GONE}`, `mail ${COUNT - 10}`], before));
    });
  });
});

test('the UIDLs of many messages that are renumbered lie together, and those that nobody has any more are forgotten', async () => {
  const count = 2 * MAILBOX.packedUidls + 50;
  await account(mails(count));
  // What an object leaves that dies in the middle of a renumbering.
  box.sql.exec(`INSERT INTO uidl_packs (pack, box) VALUES (1, x'00')`);
  server.show(mails(count).map(({ octets, uidl }) => ({ octets, uidl: `new-${uidl}` })));
  expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
  expect(box.sql.exec(`SELECT count(DISTINCT pack) AS used, count(uidl) AS alone FROM messages`)).toEqual([{ used: 3, alone: 0 }]);
  expect(box.sql.exec(`SELECT count(*) AS n FROM uidl_packs`)).toEqual([{ n: 3 }]);
  expect((await items(box, ['uidl'])).map(({ uidl }) => uidl)).toEqual(server.shown.map(({ uidl }) => uidl));
});

describe('between a renumbering and the next sync', () => {
  const renamed = (count: number): Shown[] => mails(count).map(({ octets, uidl }) => ({ octets, uidl: `new-${uidl}` }));

  test('a message is deleted, and not just said to be', async () => {
    await account(mails(5));
    const before = await ids(box);
    server.show(renamed(5));
    expect(await box.service.deleteMessage(OPERATOR, before.get('mail 2') ?? '')).toMatchObject({ ok: true });
    expect(server.shown.map(({ uidl }) => uidl)).toEqual(['new-u1', 'new-u3', 'new-u4', 'new-u5']);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 4 });
    expect(await ids(box)).toEqual(new Map([...before].filter(([subject]) => subject !== 'mail 2')));
  });

  test('none is deleted where nobody can tell which it is', async () => {
    await account(mails(5));
    const before = await ids(box);
    server.show(renamed(5));
    server.answers.set('TOP', () => '-ERR Not now.\r\n');
    const answer = await box.service.deleteMessage(OPERATOR, before.get('mail 2') ?? '');
    expect(answer).toMatchObject({ ok: false, failure: { kind: 'upstream_temporary' } });
    expect(server.shown).toHaveLength(5);
    server.answers.clear();
    expect(await sync(box)).toMatchObject({ created: 0, renumbered: true, total: 5 });
    expect(await ids(box)).toEqual(before);
  });
});

test.each<[string, (shown: Shown[]) => Shown[]]>([
  ['that a suspect listing lacks', (shown) => shown.slice(0, 5)],
  ['that may have another UIDL now', (shown) => shown.map(({ octets, uidl }) => ({ octets, uidl: `new-${uidl}` }))],
])('a message %s is not said to be gone to those who read it', async (_, now) => {
  await account(mails(25));
  const before = await ids(box);
  server.show(now(mails(25)));
  const answer = await box.service.raw(OPERATOR, before.get('mail 12') ?? '', null);
  expect(answer).toMatchObject({ ok: false, failure: { kind: 'upstream_temporary' } });
});
