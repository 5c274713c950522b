/** The rows of messages: totals, ranks and the feed, as they are read while rows change. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Store } from '../../src/mailbox/store.ts';
import { nodeSql } from '../support/node-sql.ts';

let store: Store;
let sql: ReturnType<typeof nodeSql>;

beforeEach(() => {
  sql = nodeSql();
  store = new Store(sql);
  store.migrate(0);
  const box = new Uint8Array(8);
  store.account.insert({ id: 'acc', created_at: 0, data_key: box, epoch: box, settings: box, credentials: box });
});

/** Adds messages of 10 octets each and returns their places. */
function add(count: number): number[] {
  const first = store.account.takePlaces(count);
  const places = Array.from({ length: count }, (_, n) => first + n);
  const hash = (place: number): string => place.toString(16).padStart(32, '0');
  store.messages.insert(
    places.map((created) => ({
      created,
      id: `id${created}`,
      uidl: '00',
      pack: null,
      packAt: null,
      uidlHash: hash(created),
      occurrence: 0,
      size: 10,
    })),
    0,
  );
  return places;
}

function destroy(places: readonly number[]): void {
  let place = store.account.takePlaces(places.length);
  store.messages.destroy(
    places.map((created) => ({ created, place: place++, why: 'server' })),
    0,
    0,
  );
}

function update(places: readonly number[]): void {
  let place = store.account.takePlaces(places.length);
  store.details.index(places.map((created) => ({ created, place: place++, summary: '00', fingerprint: '00' })));
}

describe('the totals', () => {
  it('follow every change of what is live', () => {
    expect(store.messages.totals()).toEqual({ messages: 0, octets: 0 });
    const places = add(5);
    expect(store.messages.totals()).toEqual({ messages: 5, octets: 50 });
    destroy(places.slice(0, 2));
    expect(store.messages.totals()).toEqual({ messages: 3, octets: 30 });
    store.messages.revive([{ created: places[0] ?? 0, place: store.account.takePlaces(1) }], 0);
    expect(store.messages.totals()).toEqual({ messages: 4, octets: 40 });
    store.messages.resize([{ created: places[4] ?? 0, size: 100, place: store.account.takePlaces(1), print: null }]);
    expect(store.messages.totals()).toEqual({ messages: 4, octets: 130 });
  });

  it('are those of before where a transaction was undone that had asked for them', () => {
    add(2);
    const failing = (): void =>
      store.transaction(() => {
        add(3);
        expect(store.messages.totals().messages).toBe(5);
        throw new Error('undone');
      });
    expect(failing).toThrow('undone');
    expect(store.messages.totals()).toEqual({ messages: 2, octets: 20 });
  });

  it('are of the tables that there are', () => {
    add(2);
    expect(store.messages.totals().messages).toBe(2);
    for (const { name } of sql.exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`))
      sql.exec(`DROP TABLE ${name}`);
    store.migrate(0);
    expect(store.messages.totals().messages).toBe(0);
  });
});

describe('ranks', () => {
  it('are positions among the live messages, wherever they stand and in whatever order they are asked for', () => {
    const places = add(100);
    const gone = places.filter((_, index) => index % 7 === 3);
    destroy(gone);
    const live = places.filter((place) => !gone.includes(place));
    const rankOf = new Map(live.map((created, index) => [created, index + 1]));
    for (const asked of [live, live.toReversed(), live.slice(80), live.slice(0, 3), [...gone, ...live.slice(40, 45)], gone, [], [9_999]])
      expect(new Map(store.messages.ranks(asked).map(({ created, rank }) => [created, rank]))).toEqual(
        new Map(asked.flatMap((created) => (rankOf.has(created) ? [[created, rankOf.get(created)]] : []))),
      );
  });
});

describe('the feed', () => {
  it('is counted as it is read, after any place', () => {
    const first = add(30);
    update(first.toReversed().slice(0, 20));
    const second = add(10);
    destroy([...first.slice(3, 9), ...second.slice(2, 4)]);
    update(first.slice(0, 2));
    const last = store.account.row()?.place ?? 0;
    const { messages } = store;
    for (let since = 0; since <= last; since++) {
      const read = [messages.createdAfter(since, 1_000), messages.updatedAfter(since, 1_000), messages.destroyedAfter(since, 1_000)];
      expect(messages.countChanges(since)).toBe(read.reduce((sum, rows) => sum + rows.length, 0));
    }
    expect(messages.updatedAfter(second[0] ?? 0, 1_000).map((row) => row.created)).toEqual(first.slice(0, 2));
  });
});
