/** Crashes, callers and changes that come in the middle of a sync: nothing is lost, nothing told twice. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import { type NodeMailbox, nodeMailbox, OPERATOR, settingsFor, SINCE, valueOf } from '../support/node-mailbox.ts';
import { sync } from './mailbox-calls.ts';
import { mail } from './mailbox-world.ts';
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
      const before = await ids(box);
      let state = (await feed(box, null)).newState;
      server.show(shown());
      const live = dieAt(nth);
      await box.service.sync(OPERATOR);
      live();
      box.restart();
      const created: string[] = [];
      const destroyed: string[] = [];
      for (let round = 0; round < 3; round++) {
        const page = await feed(box, state);
        created.push(...page.created.map((item) => item.id ?? ''));
        destroyed.push(...page.destroyed.map((item) => item.id));
        state = page.newState;
        box.advance(3_600_000);
        await sync(box);
      }
      const after = await ids(box);
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
    await sync(box);
    expect([...(await ids(box)).keys()]).toEqual(['mail 1', 'mail 2', 'mail 3']);
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
      await sync(box);
      expect(new Set((await ids(box)).keys())).toEqual(new Set(other.shown.map(subjectOf)));
    } finally {
      await other.close();
    }
  });

  test('a message is deleted, and it is gone but once', async () => {
    await account(mails(5));
    const before = [...(await ids(box)).values()];
    const { newState } = await feed(box, null);
    let deletion: Promise<unknown> = Promise.resolve();
    server.show(mails(6));
    server.answers.set('STAT', () => {
      deletion = box.service.deleteMessage(OPERATOR, before[2] ?? '');
      server.answers.clear();
      return null;
    });
    await sync(box);
    expect(await deletion).toMatchObject({ ok: true });
    await sync(box);
    const page = await feed(box, newState);
    expect(page.destroyed).toEqual([{ id: before[2], reason: 'api' }]);
    expect(page.created).toHaveLength(1);
    expect((await ids(box)).size).toBe(5);
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
  const before = await ids(box);
  const id = before.get('mail 3') ?? '';
  const { newState } = await feed(box, null);
  valueOf(await box.service.message(OPERATOR, id, { html: 'none', maxBodyBytes: 1_000, remote: 'blocked', ticketsAt: null }, null));
  const held = async (): Promise<number> => valueOf(await box.service.account(OPERATOR)).cache.usedBytes;
  expect(await held()).toBeGreaterThan(0);
  server.show(mails(2));
  await sync(box);
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
  await sync(box);
  expect(await box.service.raw(OPERATOR, id, null)).toMatchObject({ failure: { kind: 'not_found' } });
  expect(await held()).toBe(0);
  const page = valueOf(await box.service.changes(OPERATOR, { ...SINCE, since: newState, maxAge: 1e6, limit: 1 }));
  expect(page.destroyedComplete).toBe(false);
});
