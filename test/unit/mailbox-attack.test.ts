/** A mail server that lies, and callers and crashes that come in the middle of a sync: nothing is lost, nothing told twice. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAILBOX, POLL } from '../../src/limits.ts';
import type * as rpc from '../../src/mailbox/rpc.ts';
import { ALL, type NodeMailbox, nodeMailbox, OPERATOR, settingsFor, SINCE, valueOf } from '../support/node-mailbox.ts';
import { mail } from './mailbox-world.ts';
import { mails, Server, type Shown } from './shown-server.ts';

let server: Server;
let box: NodeMailbox;

beforeEach(async () => {
  server = await new Server().start();
  box = nodeMailbox();
});

afterEach(() => server.close());

async function account(shown: readonly Shown[], change: Partial<rpc.AccountSettings> = {}): Promise<void> {
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

/** Lists only the first `count` messages, while STAT counts all. */
function cut(count: number): void {
  const lines = server.shown.slice(0, count).map(({ uidl }, index) => `${index + 1} ${uidl}\r\n`);
  server.answers.set('UIDL', (argument) => (argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : '-ERR\r\n'));
}

describe('a listing that is cut', () => {
  test('says nothing of messages whose deletion was asked for', async () => {
    await account(mails(10));
    const [first = ''] = (await ids()).values();
    server.answers.set('QUIT', () => 'close');
    expect(await box.service.deleteMessage(OPERATOR, first)).toMatchObject({ failure: { kind: 'delete_unconfirmed' } });
    server.answers.clear();
    const lines = server.shown.slice(1).map(({ uidl }, index) => `${index + 2} ${uidl}\r\n`);
    server.answers.set('UIDL', (argument) => (argument === '' ? `+OK\r\n${lines.join('')}.\r\n` : '-ERR\r\n'));
    box.advance(MAILBOX.fullListingEvery);
    expect(await sync()).toMatchObject({ destroyed: 0, total: 10 });
    server.answers.clear();
    expect(await sync()).toMatchObject({ destroyed: 1, total: 9 });
    expect(server.shown.length).toBe(9);
  });

  test('is no proof that a message to be deleted or read is gone', async () => {
    await account(mails(10));
    const last = [...(await ids()).values()].at(-1) ?? '';
    cut(5);
    expect(await box.service.deleteMessage(OPERATOR, last)).toMatchObject({ ok: false });
    expect(await box.service.raw(OPERATOR, last, null)).toMatchObject({ ok: false, failure: { kind: 'upstream_protocol' } });
    expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({ state: 'ready', mailbox: { messages: 10 } });
    server.answers.clear();
    expect(await box.service.deleteMessage(OPERATOR, last)).toMatchObject({ ok: true });
    expect(server.shown.length).toBe(9);
  });

  test('is not agreed to by that of another server', async () => {
    await account(mails(30));
    server.show(mails(5));
    expect(await sync()).toMatchObject({ destroyed: 0, sync: { stale: true } });
    const other = await new Server().start();
    other.show(mails(5));
    try {
      box.advance(60_000);
      valueOf(await box.service.update(OPERATOR, { server: settingsFor(other.port).server }, false));
      expect(await sync()).toMatchObject({ destroyed: 0, total: 30, sync: { stale: true } });
      box.advance(MAILBOX.suspectTime);
      expect(await sync()).toMatchObject({ destroyed: 25, total: 5, sync: { stale: false } });
    } finally {
      await other.close();
    }
  });

  test('that is another one each time is not looked at again in a hurry for ever', async () => {
    await account(mails(30));
    const before = await ids();
    let listings = 0;
    server.answers.set('UIDL', (argument) => {
      if (argument !== '') return '-ERR\r\n';
      const half = listings++ % 2;
      const lines = server.shown.map(({ uidl }, index) => `${index + 1} ${uidl}\r\n`).filter((_, index) => index % 2 === half);
      return `+OK\r\n${lines.join('')}.\r\n`;
    });
    box.advance(MAILBOX.fullListingEvery);
    await sync();
    const end = (box.alarm() ?? 0) + 4 * 3_600_000;
    while ((box.alarm() ?? 0) < end) await box.ring();
    expect(listings).toBeLessThan(4 * 12 * 1.2 + POLL.suspectFor / MAILBOX.suspectTime);
    server.answers.clear();
    expect(await sync()).toMatchObject({ created: 0, total: 30, sync: { stale: false } });
    expect(await ids()).toEqual(before);
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
    const before = await ids();
    expect([...before.keys()]).toEqual(server.shown.map(subjectOf));
    server.show(mails(7));
    await sync();
    box.advance(MAILBOX.fullListingEvery);
    await sync();
    server.answers.clear();
    box.advance(MAILBOX.fullListingEvery);
    await sync();
    const after = await ids();
    expect([...after.keys()]).toEqual(server.shown.map(subjectOf));
    for (const [subject, id] of before) expect(after.get(subject)).toBe(id);
    const { created, destroyed } = valueOf(await box.service.changes(OPERATOR, { ...SINCE, maxAge: 1e6 }));
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
    expect((await ids()).size).toBe(3);
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
    expect(await sync()).toMatchObject({ destroyed: 0, total: 5 });
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
    expect((await ids()).size).toBe(35);
    expect(valueOf(await box.service.account(OPERATOR)).indexing).toEqual({ done: 35, of: 35 });
  });
});

function subjectOf({ octets }: Shown): string {
  return /^Subject: (.*)\r$/m.exec(Buffer.from(octets).toString())?.[1] ?? '';
}

/** Fails the nth transaction from now on that isn't nested, as an object does that dies in it. */
function dieAt(nth: number): () => void {
  const transaction = box.sql.transaction.bind(box.sql);
  let left = nth;
  let depth = 0;
  box.sql.transaction = (body) => {
    if (depth === 0 && --left === 0) {
      box.sql.transaction = transaction;
      throw new Error('The object dies here.');
    }
    depth += 1;
    try {
      return transaction(body);
    } finally {
      depth -= 1;
    }
  };
  return () => {
    box.sql.transaction = transaction;
  };
}

describe('an object that dies between two transactions of a sync', () => {
  const renamed = mails(12).map(({ octets, uidl }) => ({ octets, uidl: `new-${uidl}` }));
  const steps: [string, () => Shown[]][] = [
    ['two have come', () => mails(14)],
    ['one has gone and two have come', () => mails(14).toSpliced(3, 1)],
    ['all have new UIDLs and one has come', () => [...renamed, ...mails(1, 40)]],
    ['UIDLs are numbers and one has gone', () => mails(14).toSpliced(3, 1)],
    ['all have one UIDL and one has gone', () => mails(14).toSpliced(3, 1)],
    ['a UIDL is reused', () => [...mails(11), { octets: mail('another', 'of another size, surely\r\n'), uidl: 'u12' }]],
  ];

  test.each(steps)('loses and doubles nothing where %s', async (what, shown) => {
    for (let nth = 1; nth <= 6; nth++) {
      box = nodeMailbox();
      server.answers.clear();
      if (what.startsWith('UIDLs are numbers')) server.nameBy((_, index) => `${index + 1}`);
      if (what.startsWith('all have one')) server.nameBy(() => 'same');
      await account(mails(12));
      const before = await ids();
      let state = valueOf(await box.service.changes(OPERATOR, { ...SINCE, maxAge: 1e6 })).newState;
      server.show(shown());
      const live = dieAt(nth);
      await box.service.sync(OPERATOR);
      live();
      box.restart();
      const created: string[] = [];
      const destroyed: string[] = [];
      for (let round = 0; round < 3; round++) {
        const page = valueOf(await box.service.changes(OPERATOR, { ...SINCE, since: state, maxAge: 1e6 }));
        created.push(...page.created.map((item) => item.id ?? ''));
        destroyed.push(...page.destroyed.map((item) => item.id));
        state = page.newState;
        box.advance(3_600_000);
        await sync();
      }
      const after = await ids();
      const held = new Set([...before.values(), ...created].filter((id) => !destroyed.includes(id)));
      expect(new Set(created).size).toBe(created.length);
      expect(held).toEqual(new Set(after.values()));
      expect(new Set(after.keys())).toEqual(new Set(server.shown.map(subjectOf)));
      for (const [subject, id] of before) if (after.has(subject)) expect(after.get(subject)).toBe(id);
    }
  });

  test('shows no message for a day that came and went in between', async () => {
    await account(mails(3));
    server.show(mails(4));
    dieAt(2);
    expect(await box.service.sync(OPERATOR)).toMatchObject({ ok: false });
    box.restart();
    server.show(mails(3));
    await sync();
    expect([...(await ids()).keys()]).toEqual(['mail 1', 'mail 2', 'mail 3']);
  });
});

describe('in the middle of a sync', () => {
  test('another server is given, and what was learned of the old one is not used there', async () => {
    await account(mails(5));
    const other = await new Server().start();
    other.show([...mails(4, 101), ...mails(1, 5)]);
    try {
      let change: Promise<unknown> = Promise.resolve();
      server.show(mails(6));
      server.answers.set('UIDL', () => {
        change = box.service.update(OPERATOR, { server: settingsFor(other.port).server }, false);
        server.answers.clear();
        return null;
      });
      await box.service.sync(OPERATOR);
      await change;
      await sync();
      expect(new Set((await ids()).keys())).toEqual(new Set(other.shown.map(subjectOf)));
    } finally {
      await other.close();
    }
  });

  test('a message is deleted, and it is gone but once', async () => {
    await account(mails(5));
    const before = [...(await ids()).values()];
    const { newState } = valueOf(await box.service.changes(OPERATOR, { ...SINCE, maxAge: 1e6 }));
    let deletion: Promise<unknown> = Promise.resolve();
    server.show(mails(6));
    server.answers.set('STAT', () => {
      deletion = box.service.deleteMessage(OPERATOR, before[2] ?? '');
      server.answers.clear();
      return null;
    });
    await sync();
    expect(await deletion).toMatchObject({ ok: true });
    await sync();
    const page = valueOf(await box.service.changes(OPERATOR, { ...SINCE, since: newState, maxAge: 1e6 }));
    expect(page.destroyed).toEqual([{ id: before[2], reason: 'api' }]);
    expect(page.created).toHaveLength(1);
    expect((await ids()).size).toBe(5);
  });

  test('the account is removed, and no row is left', async () => {
    await account(mails(5));
    server.show(mails(50));
    let removal: Promise<unknown> = Promise.resolve();
    server.answers.set('UIDL', () => {
      removal = box.service.remove(OPERATOR);
      server.answers.clear();
      return null;
    });
    await box.service.sync(OPERATOR);
    expect(await removal).toMatchObject({ ok: true });
    expect(box.sql.exec(`SELECT name FROM sqlite_master WHERE type = 'table'`)).toEqual([]);
    expect(box.alarm()).toBe(null);
  });
});

test('tombstones that are forgotten take their copies with them, and the feed says so', async () => {
  await account(mails(3));
  const before = await ids();
  const id = before.get('mail 3') ?? '';
  const { newState } = valueOf(await box.service.changes(OPERATOR, { ...SINCE, maxAge: 1e6 }));
  valueOf(
    await box.service.message(OPERATOR, id, { html: 'none', maxBodyBytes: 1_000, remote: 'blocked', ticketsAt: null } as never, null),
  );
  const held = async (): Promise<number> => valueOf(await box.service.account(OPERATOR)).cache.usedBytes;
  expect(await held()).toBeGreaterThan(0);
  server.show(mails(2));
  await sync();
  // As many that went later as are remembered in any case.
  box.sql.exec(
    `WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
     INSERT INTO messages (created, id, uidl_hash, occurrence, size, first_seen, last_seen, detail, destroyed, gone_at, gone_why)
     SELECT place + 2 * n, 'made-' || n, zeroblob(16), n, 1, 0, 0, 0, place + 2 * n + 1, gone_at, 'server'
     FROM n, account, (SELECT max(gone_at) AS gone_at FROM messages)`,
    MAILBOX.tombstones,
  );
  box.sql.exec(`UPDATE account SET place = place + ?`, 2 * MAILBOX.tombstones + 2);
  box.advance(MAILBOX.tombstoneTime + 60_000);
  await sync();
  expect(await box.service.raw(OPERATOR, id, null)).toMatchObject({ failure: { kind: 'not_found' } });
  expect(await held()).toBe(0);
  const page = valueOf(await box.service.changes(OPERATOR, { ...SINCE, since: newState, maxAge: 1e6, limit: 1 }));
  expect(page.destroyedComplete).toBe(false);
});
