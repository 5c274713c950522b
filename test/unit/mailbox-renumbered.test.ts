/** A server that has given its messages new UIDLs: recognised by sizes or headers, ids live on; and what only looks like it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type NodeMailbox, nodeMailbox, OPERATOR, valueOf } from '../support/node-mailbox.ts';
import { sync } from './mailbox-calls.ts';
import { mail } from './mailbox-world.ts';
import { feed, ids, unasked } from './shown-account.ts';
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
    const before = await ids(box);
    const { newState } = await feed(box, null);
    server.show(order(renamed(mails(30))));
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, total: 30, renumbered: true, sync: { stale: false } });
    expect(await ids(box)).toEqual(before);
    expect(await feed(box, newState)).toMatchObject({ created: [], updated: [], destroyed: [], renumbered: true });
    // The new UIDLs hold from now on, each for its message.
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, renumbered: false });
    for (const [subject, id] of before) {
      const message = valueOf(
        await box.service.message(OPERATOR, id, { html: 'none', maxBodyBytes: 1_000, remote: 'blocked', ticketsAt: null }, null),
      );
      expect(message).toMatchObject({
        message: { subject, uidl: `${server.shown.find(({ octets }) => Buffer.from(octets).includes(`: ${subject}\r\n`))?.uidl}` },
      });
    }
  });

  test('while mail came and went', async () => {
    await account(mails(30));
    const before = await ids(box);
    server.show([...renamed(mails(30)).toSpliced(10, 1), ...mails(2, 31)]);
    const report = await sync(box);
    expect(report).toMatchObject({ created: 2, destroyed: 1, total: 31, renumbered: true });
    const after = await ids(box);
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
    expect(await sync(box)).toMatchObject({ created: 2, destroyed: 2, renumbered: false });
    expect(new Set((await ids(box)).keys())).toEqual(new Set(['mail 3', 'mail 4']));
  });

  test('is not taken for one where the messages are others', async () => {
    await account(mails(10));
    const before = await ids(box);
    server.show(mails(10, 101));
    expect(await sync(box)).toMatchObject({ created: 10, destroyed: 10, renumbered: false });
    const after = await ids(box);
    for (const id of before.values()) expect([...after.values()]).not.toContain(id);
  });

  test('is not taken for one where others have the same sizes', async () => {
    await account(Array.from({ length: 5 }, (_, n) => ({ octets: mail(`old ${n}`), uidl: `a${n}` })));
    server.show(Array.from({ length: 5 }, (_, n) => ({ octets: mail(`new ${n}`), uidl: `b${n}` })));
    expect(await sync(box)).toMatchObject({ created: 5, destroyed: 5, renumbered: false });
  });

  test('changes nothing where the connection breaks in the middle of the headers', async () => {
    await account(mails(30));
    const before = await ids(box);
    server.show(renamed(mails(30)));
    let cut = 10;
    server.answers.set('TOP', () => (cut-- > 0 ? null : 'close'));
    expect(await box.service.sync(OPERATOR)).toMatchObject({ ok: false });
    expect(await ids(box)).toEqual(before);
    server.answers.clear();
    box.advance(3_600_000);
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 0, renumbered: true });
    expect(await ids(box)).toEqual(before);
  });
});
