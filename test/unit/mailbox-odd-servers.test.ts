/** Servers whose UIDLs don't name one message each: none, doubled, empty or reused; and those without TOP. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type * as rpc from '../../src/mailbox/rpc.ts';
import { ALL, type NodeMailbox, nodeMailbox, OPERATOR, settingsFor, SINCE, valueOf } from '../support/node-mailbox.ts';
import type { Pop3ServerOptions } from '../support/pop3-server.ts';
import { mail } from './mailbox-world.ts';
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
  server.show(shown);
  valueOf(await box.service.create(box.id, settingsFor(server.port, { pollSeconds: 0 }), false, null));
}

async function sync(): Promise<rpc.SyncReport> {
  return valueOf(await box.service.sync(OPERATOR));
}

async function items(): Promise<Partial<rpc.ListItem>[]> {
  return valueOf(await box.service.messages(OPERATOR, { ...ALL, limit: 200, order: 'oldest', maxAge: 1e6 })).data;
}

async function ids(): Promise<Map<string | null | undefined, string>> {
  return new Map((await items()).map((item) => [item.subject, item.id ?? '']));
}

async function raw(id: string): Promise<string> {
  const query = { ifMatch: null, ifNoneMatch: null, range: null, ifRange: null, body: true };
  const answer = valueOf(await box.service.raw(OPERATOR, id, query));
  if (answer.notModified || answer.stream === null) throw new Error('There are no octets.');
  return new Response(answer.stream).text();
}

/** Shows each message under the UIDL that `of` gives it. */
function under(of: (index: number, uidl: string) => string): void {
  server.answers.set('UIDL', (argument) => {
    const names = server.shown.map(({ uidl }, index) => of(index, uidl));
    if (argument !== '')
      return names[Number(argument) - 1] === undefined ? '-ERR\r\n' : `+OK ${argument} ${names[Number(argument) - 1]}\r\n`;
    return `+OK\r\n${names.map((name, index) => `${index + 1} ${name}\r\n`).join('')}.\r\n`;
  });
}

/** Every id reads the message that its subject says. */
async function expectTrue(): Promise<void> {
  for (const [subject, id] of await ids()) expect(await raw(id)).toContain(`Subject: ${subject}\r\n`);
}

describe.each([
  ['one UIDL for all', () => 'same'],
  ['empty UIDLs', () => ''],
])('a server with %s', (_, name) => {
  const alike = (count: number): Shown[] =>
    Array.from({ length: count }, (__, n) => ({ octets: mail(`mail ${n + 1}`), uidl: `u${n + 1}` }));

  test('keeps its messages apart', async () => {
    await account(mails(5));
    under(name);
    expect(await sync()).toMatchObject({ created: 5 });
    await expectTrue();
    const before = await ids();
    box.advance(25 * 3_600_000);
    expect(await sync()).toMatchObject({ created: 0, destroyed: 0 });
    expect(await ids()).toEqual(before);
  });

  test.each([
    ['of different sizes', mails],
    ['of one size', alike],
  ])('knows which is gone, of messages %s', async (__, made) => {
    await account(made(5));
    under(name);
    await sync();
    const before = await ids();
    server.show(made(5).toSpliced(1, 1));
    expect(await sync()).toMatchObject({ created: 0, destroyed: 1, total: 4 });
    const after = await ids();
    expect([...after]).toEqual([...before].filter(([subject]) => subject !== 'mail 2'));
    await expectTrue();
  });

  test('knows which is gone and which has come, in one listing', async () => {
    await account(mails(5));
    under(name);
    await sync();
    const before = await ids();
    server.show([...mails(5).toSpliced(0, 2), ...mails(2, 6)]);
    expect(await sync()).toMatchObject({ total: 5 });
    const after = await ids();
    for (const subject of ['mail 3', 'mail 4', 'mail 5']) expect(after.get(subject)).toBe(before.get(subject));
    for (const subject of ['mail 6', 'mail 7']) expect([...before.values()]).not.toContain(after.get(subject));
    await expectTrue();
  });

  test('never deletes by them', async () => {
    await account(mails(3));
    under(name);
    await sync();
    const [first] = (await ids()).values();
    expect(await box.service.deleteMessage(OPERATOR, first ?? '')).toMatchObject({ failure: { kind: 'upstream_refused' } });
    expect(server.commands().filter((line) => line.startsWith('DELE'))).toEqual([]);
  });
});

describe('a UIDL that is reused for another message', () => {
  test('gives it an id of its own, and the old one is gone', async () => {
    await account(mails(3));
    await sync();
    const before = await ids();
    const { newState } = valueOf(await box.service.changes(OPERATOR, { ...SINCE, maxAge: 1e6 }));
    server.show([...mails(2), { octets: mail('another', 'of another size, surely\r\n'), uidl: 'u3' }]);
    expect(await sync()).toMatchObject({ total: 3 });
    const after = await ids();
    expect([...after.keys()]).toEqual(['mail 1', 'mail 2', 'another']);
    expect(after.get('another')).not.toBe(before.get('mail 3'));
    await expectTrue();
    const page = valueOf(await box.service.changes(OPERATOR, { ...SINCE, since: newState, maxAge: 1e6 }));
    expect(page.created.map((item) => item.id)).toEqual([after.get('another')]);
    expect(page.destroyed.map((item) => item.id)).toEqual([before.get('mail 3')]);
  });

  test('is not what a server means that counts octets anew', async () => {
    await account(mails(3));
    await sync();
    const before = await ids();
    server.answers.set('LIST', () => '+OK\r\n1 9001\r\n2 9002\r\n3 9003\r\n.\r\n');
    server.answers.set('STAT', () => '+OK 3 27006\r\n');
    expect(await sync()).toMatchObject({ created: 0, destroyed: 0 });
    expect(await ids()).toEqual(before);
    expect((await items()).map((item) => item.size)).toEqual([9001, 9002, 9003]);
    server.commands();
    await sync();
    expect(server.commands()).toEqual(['STAT', 'UIDL 3']);
  });
});

describe('a server without UIDL', () => {
  const NO_UIDL = { hide: ['UIDL'] } as const;

  test('has messages with ids that last, and no UIDLs', async () => {
    await account(mails(5), NO_UIDL);
    expect(await sync()).toMatchObject({ created: 5, total: 5 });
    const before = await ids();
    expect((await items()).map((item) => item.uidl)).toEqual([null, null, null, null, null]);
    await expectTrue();
    server.show([...mails(5).toSpliced(1, 2), ...mails(1, 6)]);
    expect(await sync()).toMatchObject({ created: 1, destroyed: 2, total: 4 });
    const after = await ids();
    expect([...after.keys()]).toEqual(['mail 1', 'mail 4', 'mail 5', 'mail 6']);
    for (const subject of ['mail 1', 'mail 4', 'mail 5']) expect(after.get(subject)).toBe(before.get(subject));
    await expectTrue();
  });

  test('is asked for STAT alone while nothing changes', async () => {
    await account(mails(5), NO_UIDL);
    await sync();
    server.commands();
    await sync();
    expect(server.commands()).toEqual(['STAT']);
  });

  test('is never asked to delete', async () => {
    await account(mails(2), NO_UIDL);
    await sync();
    const [first] = (await ids()).values();
    expect(await box.service.deleteMessage(OPERATOR, first ?? '')).toMatchObject({ failure: { kind: 'upstream_refused' } });
    expect(server.commands().filter((line) => line.startsWith('DELE'))).toEqual([]);
  });

  test('keeps the ids when it learns UIDL', async () => {
    await account(mails(5), { hide: ['CAPA'] });
    server.answers.set('UIDL', () => '-ERR Unknown command.\r\n');
    await sync();
    const before = await ids();
    server.answers.clear();
    box.advance(25 * 3_600_000);
    expect(await sync()).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
    expect(await ids()).toEqual(before);
    expect((await items()).map((item) => item.uidl)).toEqual(['u1', 'u2', 'u3', 'u4', 'u5']);
  });

  test('is not what a refusal of UIDL means once it had some', async () => {
    await account(mails(5), { hide: ['CAPA'] });
    await sync();
    const before = await ids();
    server.answers.set('UIDL', () => '-ERR Not now.\r\n');
    expect(await box.service.sync(OPERATOR)).toMatchObject({ failure: { kind: 'upstream_refused' } });
    expect(await ids()).toEqual(before);
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
  await sync();
  const before = await ids();
  expect([...before.keys()]).toContain('mail 25');
  server.show(mails(25).map(({ octets, uidl }) => ({ octets, uidl: `x${uidl}` })));
  expect(await sync()).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
  expect(await ids()).toEqual(before);
  await expectTrue();
});
