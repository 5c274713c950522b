/** How an account's identity changes in the Directory: set aside first, followed or withdrawn then, one change at a time. */
import { beforeEach, describe, expect, test } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import { parseMasterKeys } from '../../src/crypto/keyring.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import { Registry } from '../../src/directory/registry.ts';
import type { DirectoryEntry, Identity } from '../../src/directory/rpc.ts';
import { DIRECTORY, NAMES } from '../../src/limits.ts';
import { nodeSql } from '../support/node-sql.ts';

const OK = { ok: true, value: null };
const conflict = (account: string) => ({ ok: false, failure: { kind: 'conflict', account } });
const BUSY = { ok: false, failure: { kind: 'overloaded' } };

let sql: ReturnType<typeof nodeSql>;
let now: number;
let registry: Registry;

beforeEach(() => {
  sql = nodeSql();
  now = Date.UTC(2030, 0, 1);
  const keys = parseMasterKeys(`m1:${Buffer.alloc(32, 1).toString('base64')}`);
  if (!keys.ok) throw new Error(keys.problems.join(' '));
  registry = new Registry({ sql, now: () => now, random: platformRandom }, keys.keyring);
});

async function reserve(externalId: string | null = null): Promise<DirectoryEntry> {
  const made = {
    id: newAccountId(platformRandom, null),
    email: null,
    externalId,
    host: 'pop.example.com',
    createdAt: new Date(now).toISOString(),
  };
  expect(await registry.reserve(made)).toEqual(OK);
  return made;
}

async function live(externalId: string | null = null): Promise<DirectoryEntry> {
  const made = await reserve(externalId);
  expect(await registry.confirm(made.id)).toEqual(OK);
  return made;
}

async function holderOf(externalId: string): Promise<string | null> {
  const found = await registry.list({ limit: 1, cursor: null, externalId });
  return found.ok ? (found.value.data[0]?.id ?? null) : null;
}

const identity = (externalId: string | null): Identity => ({ email: 'new@example.com', externalId, host: 'mail.example.com' });

describe('a change', () => {
  test('has the old externalId and the new one until it ends, and then one of them', async () => {
    const mine = await live('old');
    expect(await registry.propose(mine.id, 'new')).toEqual(OK);
    expect([await holderOf('old'), await holderOf('new')]).toEqual([mine.id, null]);
    for (const externalId of ['old', 'new']) {
      const other = { ...mine, id: newAccountId(platformRandom, null), externalId };
      expect(await registry.reserve(other)).toEqual(conflict(mine.id));
    }
    expect(await registry.settle(mine.id, identity('new'))).toEqual(OK);
    expect([await holderOf('old'), await holderOf('new')]).toEqual([null, mine.id]);
    await live('old');
    const { data } = ((await registry.list({ limit: 1, cursor: null, externalId: 'new' })) as { value: { data: DirectoryEntry[] } }).value;
    expect(data).toEqual([{ ...mine, ...identity('new') }]);
  });

  test('that is withdrawn leaves all as it was', async () => {
    const mine = await live('old');
    await registry.propose(mine.id, 'new');
    expect(await registry.withdraw(mine.id)).toEqual(OK);
    expect(await holderOf('old')).toBe(mine.id);
    await live('new');
    expect(await registry.propose(mine.id, undefined)).toEqual(OK);
  });

  test('keeps another one of the same account out, for a while', async () => {
    const mine = await live('old');
    expect(await registry.propose(mine.id, undefined)).toEqual(OK);
    now += DIRECTORY.proposalTime - 1;
    expect(await registry.propose(mine.id, 'new')).toMatchObject(BUSY);
    now += 1;
    expect(await registry.propose(mine.id, 'new')).toEqual(OK);
  });

  test('cannot have what another account has, has reserved, or is about to have', async () => {
    const [mine, other, third] = [await live('mine'), await live('other'), await live()];
    const pending = await reserve('pending');
    await registry.propose(third.id, 'proposed');
    expect(await registry.propose(mine.id, 'other')).toEqual(conflict(other.id));
    expect(await registry.propose(mine.id, 'pending')).toEqual(conflict(pending.id));
    expect(await registry.propose(mine.id, 'proposed')).toEqual(conflict(third.id));
    expect(await registry.settle(mine.id, identity('other'))).toEqual(conflict(other.id));
    expect(await holderOf('mine')).toBe(mine.id);
  });

  test('takes over what was reserved long ago and never confirmed', async () => {
    const pending = await reserve('user-1');
    const mine = await live();
    now += DIRECTORY.reservationTime;
    expect(await registry.propose(mine.id, 'user-1')).toEqual(OK);
    expect(await registry.settle(mine.id, identity('user-1'))).toEqual(OK);
    expect(await registry.confirm(pending.id)).toEqual(conflict(mine.id));
  });

  test('to the externalId that it has is none', async () => {
    const mine = await live('same');
    expect(await registry.propose(mine.id, 'same')).toEqual(OK);
    expect(await registry.settle(mine.id, identity('same'))).toEqual(OK);
    expect(await holderOf('same')).toBe(mine.id);
  });

  test('is only of what is live', async () => {
    const pending = await reserve('user-1');
    expect(await registry.propose(pending.id, 'new')).toMatchObject(BUSY);
    const removed = await live('user-2');
    await registry.release(removed.id);
    expect(await registry.propose(removed.id, 'new')).toMatchObject(BUSY);
    expect(await registry.settle(removed.id, identity('new'))).toEqual(OK);
    expect(await holderOf('new')).toBeNull();
    expect(await registry.propose(newAccountId(platformRandom, null), 'new')).toMatchObject(BUSY);
    await live('new');
  });

  test('to what no identity can be is refused', async () => {
    const mine = await live();
    expect(await registry.propose(mine.id, 'x'.repeat(NAMES.externalId + 1))).toMatchObject({
      failure: { kind: 'invalid', pointer: '/externalId' },
    });
    expect(await registry.settle(mine.id, { ...identity(null), host: '' })).toMatchObject({
      failure: { kind: 'invalid', pointer: '/host' },
    });
  });

  test('is not ended by a visit while whoever makes it is at it', async () => {
    const mine = await live('old');
    const findings = {
      state: 'ready' as const,
      errorCode: null,
      checkedAt: null,
      pollsPerDay: 0,
      alarmLost: false,
      identity: identity('old'),
    };
    await registry.propose(mine.id, 'new');
    now += DIRECTORY.proposalTime - 1;
    await registry.visited([{ id: mine.id, findings }]);
    expect(await registry.propose(mine.id, 'newer')).toMatchObject(BUSY);
    expect(await registry.settle(mine.id, identity('new'))).toEqual(OK);
    await registry.propose(mine.id, 'newest');
    now += DIRECTORY.proposalTime;
    await registry.visited([{ id: mine.id, findings: { ...findings, identity: identity('newest') } }]);
    expect(await holderOf('newest')).toBe(mine.id);
  });

  test('leaves nothing in clear', async () => {
    const mine = await live('old-key');
    await registry.propose(mine.id, 'new-key');
    const stored = () =>
      JSON.stringify(
        sql
          .exec(`SELECT * FROM entries`)
          .map((row) => Object.values(row).map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value))),
      );
    expect(stored()).not.toMatch(/-key|example/);
    await registry.settle(mine.id, identity('new-key'));
    expect(stored()).not.toMatch(/-key|example/);
  });
});

test('entries of an earlier release are visited by the next sweep', async () => {
  const mine = await live();
  sql.exec(`DROP INDEX entries_next; DROP INDEX entries_due; DROP INDEX entries_unsettled`);
  for (const column of ['next_since', 'next_hash', 'visit_at', 'visited_at', 'health', 'error_code', 'checked_at', 'polls'])
    sql.exec(`ALTER TABLE entries DROP COLUMN ${column}`);
  sql.exec(`DELETE FROM schema_steps WHERE number = 2`);
  const keys = parseMasterKeys(`m1:${Buffer.alloc(32, 1).toString('base64')}`);
  if (!keys.ok) throw new Error(keys.problems.join(' '));
  const upgraded = new Registry({ sql, now: () => now, random: platformRandom }, keys.keyring);
  expect(await upgraded.due()).toEqual({ ok: true, value: { unsettled: [], visits: [mine.id] } });
  expect(await upgraded.stats()).toMatchObject({ value: { accounts: { new: 1 } } });
});
