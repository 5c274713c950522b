/** The Directory: an account's life in it, who holds an `externalId`, pages, and keys that are wrong. */
import { beforeEach, describe, expect, test } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import { type Keyring, parseMasterKeys } from '../../src/crypto/keyring.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import { Registry } from '../../src/directory/registry.ts';
import type { DirectoryEntry, DirectoryQuery } from '../../src/directory/rpc.ts';
import { nodeSql } from '../support/node-sql.ts';

const MINUTE = 60_000;
const START = Date.UTC(2030, 0, 1);

function ring(text: string): Keyring {
  const parsed = parseMasterKeys(text);
  if (!parsed.ok) throw new Error(parsed.problems.join(' '));
  return parsed.keyring;
}
const key = (kid: string, seed: number) => `${kid}:${Buffer.alloc(32, seed).toString('base64')}`;
const KEYRING = ring(key('m1', 1));

let sql: ReturnType<typeof nodeSql>;
let now: number;
let registry: Registry;

function open(keyring = KEYRING): Registry {
  return new Registry({ sql, now: () => now, random: platformRandom }, keyring);
}

beforeEach(() => {
  sql = nodeSql();
  now = START;
  registry = open();
});

function entry(more: Partial<DirectoryEntry> = {}): DirectoryEntry {
  return {
    id: newAccountId(platformRandom, null),
    email: 'ann@example.com',
    externalId: null,
    host: 'pop.example.com',
    createdAt: new Date(now).toISOString(),
    ...more,
  };
}

const OK = { ok: true, value: null };
const conflict = (account: string) => ({ ok: false, failure: { kind: 'conflict', account } });
const ALL: DirectoryQuery = { limit: 200, cursor: null, externalId: null };

/** An entry that went all the way to `live`. */
async function live(more: Partial<DirectoryEntry> = {}): Promise<DirectoryEntry> {
  const made = entry(more);
  expect(await registry.reserve(made)).toEqual(OK);
  expect(await registry.confirm(made.id)).toEqual(OK);
  return made;
}

async function listed(query: Partial<DirectoryQuery> = {}, of = registry): Promise<DirectoryEntry[]> {
  const result = await of.list({ ...ALL, ...query });
  if (!result.ok) throw new Error(result.failure.kind);
  return result.value.data;
}

describe('the life of an account', () => {
  test('only a live one is listed, with all that was said of it', async () => {
    const made = entry({ externalId: 'user-17' });
    await registry.reserve(made);
    expect(await listed()).toEqual([]);
    await registry.confirm(made.id);
    expect(await listed()).toEqual([made]);
    await registry.release(made.id);
    expect(await listed()).toEqual([]);
    await registry.forget(made.id);
    expect(await listed()).toEqual([]);
  });

  test('every step may be taken again', async () => {
    const made = entry({ externalId: 'user-17' });
    for (const step of ['reserve', 'confirm', 'release', 'forget'] as const)
      for (let time = 0; time < 2; time++)
        expect(await (step === 'reserve' ? registry.reserve(made) : registry[step](made.id))).toEqual(OK);
  });

  test('a step out of order is refused and changes nothing', async () => {
    const made = await live();
    expect(await registry.forget(made.id)).toEqual(conflict(made.id));
    expect(await registry.reserve(made)).toEqual(conflict(made.id));
    expect(await listed()).toEqual([made]);
    await registry.release(made.id);
    expect(await registry.confirm(made.id)).toEqual(conflict(made.id));
    expect(await registry.confirm(newAccountId(platformRandom, 'eu'))).toMatchObject({ ok: false, failure: { kind: 'conflict' } });
    expect(await listed()).toEqual([]);
  });

  test('survives the object: another registry over the same rows says the same', async () => {
    const made = await live({ externalId: 'user-17' });
    const again = open();
    expect(await listed({}, again)).toEqual([made]);
    expect(await listed({ externalId: 'user-17' }, again)).toEqual([made]);
    expect(await again.reserve(entry({ externalId: 'user-17' }))).toEqual(conflict(made.id));
  });
});

describe('an externalId', () => {
  test('has one holder: live, removing, or pending for less than ten minutes', async () => {
    const first = entry({ externalId: 'user-17' });
    const second = () => registry.reserve(entry({ externalId: 'user-17' }));
    await registry.reserve(first);
    now += 10 * MINUTE - 1;
    expect(await second()).toEqual(conflict(first.id));
    await registry.confirm(first.id);
    now += 100 * MINUTE;
    expect(await second()).toEqual(conflict(first.id));
    await registry.release(first.id);
    now += 100 * MINUTE;
    expect(await second()).toEqual(conflict(first.id));
    await registry.forget(first.id);
    expect(await second()).toEqual(OK);
  });

  test('is taken over from a reservation of ten minutes, which then cannot be confirmed', async () => {
    const first = entry({ externalId: 'user-17' });
    const second = entry({ externalId: 'user-17' });
    await registry.reserve(first);
    now += 10 * MINUTE;
    expect(await registry.reserve(second)).toEqual(OK);
    expect(await registry.confirm(first.id)).toEqual(conflict(second.id));
    expect(await registry.confirm(second.id)).toEqual(OK);
    expect(await listed()).toEqual([second]);
    // Its Mailbox may exist: the entry stays until that is settled.
    expect(sql.exec(`SELECT state FROM entries WHERE id = ?`, first.id)).toEqual([{ state: 'removing' }]);
    expect(await registry.forget(first.id)).toEqual(OK);
    expect(await listed({ externalId: 'user-17' })).toEqual([second]);
  });

  test('of two reservations at the same time goes to one', async () => {
    const entries = Array.from({ length: 8 }, () => entry({ externalId: 'user-17' }));
    const results = await Promise.all(entries.map((made) => registry.reserve(made)));
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    const winner = entries[results.findIndex((result) => result.ok)]!.id;
    for (const result of results) if (!result.ok) expect(result).toEqual(conflict(winner));
  });

  test('is compared octet by octet', async () => {
    await live({ externalId: 'user-17' });
    for (const externalId of ['User-17', 'user-17 ', 'user-1', 'ｕser-17'])
      expect(await registry.reserve(entry({ externalId }))).toEqual(OK);
  });

  test('absent ones never meet', async () => {
    await live();
    await live();
    expect(await listed()).toHaveLength(2);
  });
});

describe('the list', () => {
  test('comes in pages, in order of creation, each account once', async () => {
    const made: DirectoryEntry[] = [];
    for (let n = 0; n < 7; n++) made.push(await live({ host: `pop${n}.example.com` }));
    const seen: DirectoryEntry[] = [];
    const sizes: number[] = [];
    let cursor: string | null = null;
    do {
      const page = await registry.list({ ...ALL, limit: 3, cursor });
      if (!page.ok) throw new Error(page.failure.kind);
      seen.push(...page.value.data);
      sizes.push(page.value.data.length);
      ({ nextCursor: cursor } = page.value);
    } while (cursor !== null && sizes.length < 10);
    expect(seen).toEqual(made);
    expect(sizes).toEqual([3, 3, 1]);
  });

  test('ends without a cursor when the last page is full', async () => {
    await live();
    await live();
    expect(await registry.list({ ...ALL, limit: 2 })).toMatchObject({ ok: true, value: { nextCursor: null } });
  });

  test('goes on behind accounts that went away between two pages', async () => {
    const [first, second, third] = [await live(), await live(), await live()];
    const page = await registry.list({ ...ALL, limit: 1 });
    if (!page.ok) throw new Error(page.failure.kind);
    expect(page.value.data).toEqual([first]);
    for (const gone of [first, second]) {
      await registry.release(gone.id);
      await registry.forget(gone.id);
    }
    expect(await listed({ cursor: page.value.nextCursor })).toEqual([third]);
  });

  test('of one externalId holds that account, when it is live', async () => {
    const made = await live({ externalId: 'user-17' });
    await live({ externalId: 'user-18' });
    await registry.reserve(entry({ externalId: 'user-19' }));
    expect(await listed({ externalId: 'user-17' })).toEqual([made]);
    expect(await listed({ externalId: 'user-19' })).toEqual([]);
    expect(await listed({ externalId: 'nobody' })).toEqual([]);
  });

  test('refuses cursors that it did not issue for this listing', async () => {
    await live({ externalId: 'user-17' });
    await live();
    const page = await registry.list({ ...ALL, limit: 1 });
    if (!page.ok) throw new Error(page.failure.kind);
    const { nextCursor } = page.value;
    const invalid = { ok: false, failure: { kind: 'invalid', pointer: '/cursor' } };
    expect(nextCursor).not.toBeNull();
    expect(await registry.list({ ...ALL, cursor: 'p1.AAAA' })).toMatchObject(invalid);
    expect(await registry.list({ ...ALL, cursor: nextCursor, externalId: 'user-17' })).toMatchObject(invalid);
    sql = nodeSql();
    expect(await open().list({ ...ALL, cursor: nextCursor })).toMatchObject(invalid);
  });
});

describe('input out of bounds is invalid and changes nothing', () => {
  test.each<[string, Partial<DirectoryEntry>]>([
    ['/id', { id: 'acc_1' }],
    ['/host', { host: '' }],
    ['/host', { host: 'h'.repeat(254) }],
    ['/email', { email: 'e'.repeat(321) }],
    ['/externalId', { externalId: '' }],
    ['/externalId', { externalId: 'x'.repeat(129) }],
    ['/externalId', { externalId: '\ud800' }],
    ['/externalId', { externalId: 17 as unknown as string }],
    ['/createdAt', { createdAt: 'yesterday' }],
  ])('%s', async (pointer, more) => {
    expect(await registry.reserve(entry(more))).toMatchObject({ ok: false, failure: { kind: 'invalid', pointer } });
    expect(sql.exec(`SELECT * FROM entries`)).toEqual([]);
  });

  test.each([0, -1, 201, 1.5, NaN])('a limit of %d', async (limit) => {
    expect(await registry.list({ ...ALL, limit })).toMatchObject({ ok: false, failure: { kind: 'invalid', pointer: '/limit' } });
  });

  test('an id that cannot be', async () => {
    for (const step of ['confirm', 'release', 'forget'] as const)
      expect(await registry[step]("'; DROP TABLE entries")).toMatchObject({ ok: false, failure: { kind: 'invalid', pointer: '/id' } });
  });
});

/** All that is stored, as one text. */
const everything = () =>
  sql
    .exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`)
    .flatMap(({ name }) => sql.exec(`SELECT * FROM ${name}`))
    .flatMap((row) => Object.values(row))
    .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)))
    .join('\n');

describe('at rest', () => {
  test('no address, externalId or host is in clear', async () => {
    const made = await live({ email: 'ann@private.example', externalId: 'customer-4711', host: 'pop.private.example' });
    expect(everything()).toContain(made.id);
    for (const text of ['ann', 'private', '4711']) expect(everything()).not.toContain(text);
  });

  test('two directories hash the same externalId differently', async () => {
    const hash = () => sql.exec<{ external_hash: Uint8Array }>(`SELECT external_hash FROM entries`)[0]?.external_hash;
    await live({ externalId: 'user-17' });
    const first = hash();
    sql = nodeSql();
    registry = open();
    await live({ externalId: 'user-17' });
    expect(first).toHaveLength(16);
    expect(hash()).not.toEqual(first);
  });

  test('a box that was moved to another row is refused', async () => {
    const [first, second] = [await live(), await live()];
    sql.exec(`UPDATE entries SET box = (SELECT box FROM entries WHERE id = ?) WHERE id = ?`, first.id, second.id);
    const result = await registry.list(ALL);
    expect(result).toMatchObject({ ok: false, failure: { kind: 'misconfigured' } });
    expect(JSON.stringify(result)).not.toContain('example.com');
  });
});

const snapshot = () => JSON.stringify([sql.exec(`SELECT * FROM vault`), sql.exec(`SELECT * FROM entries`)]);

describe('master keys', () => {
  test.each([
    ['lacks the key', key('m2', 2)],
    ['another key under the same name', key('m1', 2)],
  ])('a ring that has %s is misconfigured and changes nothing', async (sentence, keys) => {
    await live({ externalId: 'user-17' });
    const before = snapshot();
    const wrong = open(ring(keys));
    const misconfigured = { ok: false, failure: { kind: 'misconfigured', detail: expect.stringContaining(sentence) as string } };
    expect(await wrong.list(ALL)).toEqual(misconfigured);
    expect(await wrong.reserve(entry())).toEqual(misconfigured);
    expect(snapshot()).toBe(before);
  });

  test('a new first key wraps the data key anew; then the old one may go', async () => {
    const made = await live({ externalId: 'user-17' });
    expect(await listed({}, open(ring(`${key('m2', 2)},${key('m1', 1)}`)))).toEqual([made]);
    const alone = open(ring(key('m2', 2)));
    expect(await listed({}, alone)).toEqual([made]);
    expect(await alone.reserve(entry({ externalId: 'user-17' }))).toEqual(conflict(made.id));
  });

  test('two first calls at the same time share one data key', async () => {
    await Promise.all([registry.reserve(entry()), registry.reserve(entry()), open().list(ALL)]);
    expect(sql.exec(`SELECT count(*) AS n FROM vault`)).toEqual([{ n: 1 }]);
    const pending = sql.exec<{ id: string }>(`SELECT id FROM entries`);
    for (const { id } of pending) await registry.confirm(id);
    expect(await listed({}, open())).toHaveLength(2);
  });
});
