/** Servers whose UIDLs don't name one message each: none, doubled, empty or reused; and those without TOP. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type NodeMailbox, nodeMailbox, OPERATOR } from '../support/node-mailbox.ts';
import type { Pop3ServerOptions } from '../support/pop3-server.ts';
import { sync } from './mailbox-calls.ts';
import { mail } from './mailbox-world.ts';
import { expectTrue, feed, ids, items, unasked } from './shown-account.ts';
import { mails, Server, type Shown } from './shown-server.ts';

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
}

describe.each([
  ['one UIDL for all', () => 'same'],
  ['empty UIDLs', () => ''],
])('a server with %s', (_, name) => {
  const alike = (count: number): Shown[] =>
    Array.from({ length: count }, (__, n) => ({ octets: mail(`mail ${n + 1}`), uidl: `u${n + 1}` }));

  test('keeps its messages apart', async () => {
    await account(mails(5));
    server.nameBy(name);
    expect(await sync(box)).toMatchObject({ created: 5 });
    await expectTrue(box);
    const before = await ids(box);
    box.advance(25 * 3_600_000);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0 });
    expect(await ids(box)).toEqual(before);
  });

  test.each([
    ['of different sizes', mails],
    ['of one size', alike],
  ])('knows which is gone, of messages %s', async (__, made) => {
    await account(made(5));
    server.nameBy(name);
    await sync(box);
    const before = await ids(box);
    server.show(made(5).toSpliced(1, 1));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, total: 4 });
    const after = await ids(box);
    expect([...after]).toEqual([...before].filter(([subject]) => subject !== 'mail 2'));
    await expectTrue(box);
  });

  test('knows which is gone and which has come, in one listing', async () => {
    await account(mails(5));
    server.nameBy(name);
    await sync(box);
    const before = await ids(box);
    server.show([...mails(5).toSpliced(0, 2), ...mails(2, 6)]);
    expect(await sync(box)).toMatchObject({ total: 5 });
    const after = await ids(box);
    for (const subject of ['mail 3', 'mail 4', 'mail 5']) expect(after.get(subject)).toBe(before.get(subject));
    for (const subject of ['mail 6', 'mail 7']) expect([...before.values()]).not.toContain(after.get(subject));
    await expectTrue(box);
  });

  test('never deletes by them', async () => {
    await account(mails(3));
    server.nameBy(name);
    await sync(box);
    const [first] = (await ids(box)).values();
    expect(await box.service.deleteMessage(OPERATOR, first ?? '')).toMatchObject({ failure: { kind: 'upstream_refused' } });
    expect(server.commands().filter((line) => line.startsWith('DELE'))).toEqual([]);
  });
});

describe('a UIDL that is reused for another message', () => {
  test('gives it an id of its own, and the old one is gone', async () => {
    await account(mails(3));
    await sync(box);
    const before = await ids(box);
    const { newState } = await feed(box, null);
    server.show([...mails(2), { octets: mail('another', 'of another size, surely\r\n'), uidl: 'u3' }]);
    expect(await sync(box)).toMatchObject({ total: 3 });
    const after = await ids(box);
    expect([...after.keys()]).toEqual(['mail 1', 'mail 2', 'another']);
    expect(after.get('another')).not.toBe(before.get('mail 3'));
    await expectTrue(box);
    const page = await feed(box, newState);
    expect(page.created.map((item) => item.id)).toEqual([after.get('another')]);
    expect(page.destroyed.map((item) => item.id)).toEqual([before.get('mail 3')]);
  });

  test('is not what a server means that counts octets anew', async () => {
    await account(mails(3));
    await sync(box);
    const before = await ids(box);
    server.answers.set('LIST', () => '+OK\r\n1 9001\r\n2 9002\r\n3 9003\r\n.\r\n');
    server.answers.set('STAT', () => '+OK 3 27006\r\n');
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0 });
    expect(await ids(box)).toEqual(before);
    expect((await items(box)).map((item) => item.size)).toEqual([9001, 9002, 9003]);
    server.commands();
    await sync(box);
    expect(server.commands()).toEqual(['STAT', 'UIDL 3']);
  });
});

describe('a server without UIDL', () => {
  const NO_UIDL = { hide: ['UIDL'] } as const;

  test('has messages with ids that last, and no UIDLs', async () => {
    await account(mails(5), NO_UIDL);
    expect(await sync(box)).toMatchObject({ created: 5, total: 5 });
    const before = await ids(box);
    expect((await items(box)).map((item) => item.uidl)).toEqual([null, null, null, null, null]);
    await expectTrue(box);
    server.show([...mails(5).toSpliced(1, 2), ...mails(1, 6)]);
    expect(await sync(box)).toMatchObject({ created: 1, destroyed: 2, total: 4 });
    const after = await ids(box);
    expect([...after.keys()]).toEqual(['mail 1', 'mail 4', 'mail 5', 'mail 6']);
    for (const subject of ['mail 1', 'mail 4', 'mail 5']) expect(after.get(subject)).toBe(before.get(subject));
    await expectTrue(box);
  });

  test('is asked for STAT alone while nothing changes', async () => {
    await account(mails(5), NO_UIDL);
    await sync(box);
    server.commands();
    await sync(box);
    expect(server.commands()).toEqual(['STAT']);
  });

  test('is never asked to delete', async () => {
    await account(mails(2), NO_UIDL);
    await sync(box);
    const [first] = (await ids(box)).values();
    expect(await box.service.deleteMessage(OPERATOR, first ?? '')).toMatchObject({ failure: { kind: 'upstream_refused' } });
    expect(server.commands().filter((line) => line.startsWith('DELE'))).toEqual([]);
  });

  test('keeps the ids when it learns UIDL', async () => {
    await account(mails(5), { hide: ['CAPA'] });
    server.answers.set('UIDL', () => '-ERR Unknown command.\r\n');
    await sync(box);
    const before = await ids(box);
    server.answers.clear();
    box.advance(25 * 3_600_000);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
    expect(await ids(box)).toEqual(before);
    expect((await items(box)).map((item) => item.uidl)).toEqual(['u1', 'u2', 'u3', 'u4', 'u5']);
  });

  test('is not what a refusal of UIDL means once it had some', async () => {
    await account(mails(5), { hide: ['CAPA'] });
    await sync(box);
    const before = await ids(box);
    server.answers.set('UIDL', () => '-ERR Not now.\r\n');
    expect(await box.service.sync(OPERATOR)).toMatchObject({ failure: { kind: 'upstream_refused' } });
    expect(await ids(box)).toEqual(before);
  });

  test('and without TOP is refused, with a sentence', async () => {
    await account(mails(2), { hide: ['UIDL', 'TOP'] });
    expect(await box.service.sync(OPERATOR)).toMatchObject({
      failure: { kind: 'upstream_refused', reason: expect.stringContaining('neither UIDL nor TOP') },
    });
  });
});

test('a server without TOP is listed with headers all the same, and renumbered by the sizes alone', async () => {
  await account(mails(25), { hide: ['TOP'] });
  await sync(box);
  const before = await ids(box);
  expect([...before.keys()]).toContain('mail 25');
  server.show(mails(25).map(({ octets, uidl }) => ({ octets, uidl: `x${uidl}` })));
  expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
  expect(await ids(box)).toEqual(before);
  await expectTrue(box);
});
