/**
 * Statements on the ledger: one row a message, live or gone. What has been read of it is the `DetailStore`'s.
 * Bulk goes through `json_each`, because a statement takes at most 100 parameters; octets in it are hex.
 */
import type { Sql } from '../deps.ts';
import type { PackedMessages } from './packed-messages.ts';

export type MessageRow = {
  created: number;
  updated: number | null;
  destroyed: number | null;
  id: string;
  /** Its own box, else its place in a pack; neither where the server has no UIDLs. */
  uidl: Uint8Array | null;
  pack: number | null;
  pack_at: number | null;
  uidl_hash: Uint8Array;
  occurrence: number;
  size: number;
  first_seen: number;
  gone_why: 'server' | 'api' | null;
  detail: 0 | 1 | 2;
  summary: Uint8Array | null;
  digest: Uint8Array | null;
  tries: number;
  retry_at: number | null;
};

/** Of a `MessageRow`. */
export const COLUMNS = `created, updated, destroyed, id, uidl, pack, pack_at, uidl_hash, occurrence, size, first_seen, gone_why, detail, summary, digest, tries, retry_at`;

/** What the ledger compares a listing with. `missed_at`: since when suspect listings have lacked it, or null. */
export type KnownRow = { created: number; uidl_hash: Uint8Array; occurrence: number; live: 0 | 1; size: number; missed_at: number | null };

/** `uidl`: hex of its box, or null where it lies in a pack or the server has none. */
export type NewMessage = {
  created: number;
  id: string;
  uidl: string | null;
  pack: number | null;
  packAt: number | null;
  uidlHash: string;
  occurrence: number;
  size: number;
};

export class MessageStore {
  readonly #sql: Sql;
  /** Of the live rows, until one comes, goes or changes its size: counting a large ledger takes milliseconds. */
  #totals: { messages: number; octets: number } | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  byId(id: string): MessageRow | null {
    return this.#sql.exec<MessageRow>(`SELECT ${COLUMNS} FROM messages WHERE id = ?`, id)[0] ?? null;
  }

  byIds(ids: readonly string[]): MessageRow[] {
    return this.#sql.exec<MessageRow>(
      `SELECT ${COLUMNS} FROM messages WHERE id IN (SELECT value FROM json_each(?)) ORDER BY created`,
      JSON.stringify(ids),
    );
  }

  byCreated(created: readonly number[]): MessageRow[] {
    return this.#sql.exec<MessageRow>(
      `SELECT ${COLUMNS} FROM messages WHERE created IN (SELECT value FROM json_each(?)) ORDER BY created`,
      JSON.stringify(created),
    );
  }

  /** Live rows before or after a place, in the order asked for; `from` null begins at that order's start. */
  page(order: 'newest' | 'oldest', from: number | null, limit: number): MessageRow[] {
    return order === 'newest'
      ? this.#sql.exec<MessageRow>(
          `SELECT ${COLUMNS} FROM messages WHERE destroyed IS NULL AND created < ? ORDER BY created DESC LIMIT ?`,
          from ?? Number.MAX_SAFE_INTEGER,
          limit,
        )
      : this.#sql.exec<MessageRow>(
          `SELECT ${COLUMNS} FROM messages WHERE destroyed IS NULL AND created > ? ORDER BY created LIMIT ?`,
          from ?? 0,
          limit,
        );
  }

  /** How many are live and the sum of their sizes. */
  totals(): { messages: number; octets: number } {
    if (this.#totals) return this.#totals;
    const row = this.#sql.exec<{ messages: number; octets: number | null }>(
      // A server may claim any size, and sum() fails beyond 2^63.
      `SELECT count(*) AS messages, total(size) AS octets FROM messages WHERE destroyed IS NULL`,
    )[0];
    this.#totals = { messages: row?.messages ?? 0, octets: row?.octets ?? 0 };
    return this.#totals;
  }

  /** Forgets what it remembers of the rows: what changed them was undone, or the tables are other ones. */
  forget(): void {
    this.#totals = null;
  }

  /** The ranks of live messages among all live ones, from 1: their likely numbers in a session. Rows that are gone have none. */
  ranks(created: readonly number[]): { created: number; rank: number }[] {
    const live = this.#sql.exec<{ created: number }>(
      `SELECT created FROM messages WHERE created IN (SELECT value FROM json_each(?)) AND destroyed IS NULL ORDER BY created`,
      JSON.stringify(created),
    );
    let last = { created: 0, rank: 0 };
    return live.map((row) => {
      const rank =
        last.rank === 0 ? this.totals().messages - this.#liveAfter(row.created) : last.rank + this.#live(last.created, row.created);
      last = { created: row.created, rank };
      return last;
    });
  }

  /** How many are live behind a place, counted from the end of the ledger that is nearer. */
  #liveAfter(place: number): number {
    const last = this.#sql.exec<{ last: number | null }>(`SELECT max(created) AS last FROM messages WHERE destroyed IS NULL`)[0]?.last ?? 0;
    return place < last / 2 ? this.totals().messages - this.#live(0, place) : this.#live(place, last);
  }

  /** How many are live behind one place and up to another. */
  #live(after: number, upTo: number): number {
    return (
      this.#sql.exec<{ n: number }>(
        `SELECT count(*) AS n FROM messages WHERE destroyed IS NULL AND created > ? AND created <= ?`,
        after,
        upTo,
      )[0]?.n ?? 0
    );
  }

  /** Whether several messages have been seen with this UIDL, at once or one after another. */
  isDuplicate(uidlHash: Uint8Array): boolean {
    return this.#sql.exec(`SELECT 1 FROM messages WHERE uidl_hash = ? AND occurrence <> 0 LIMIT 1`, uidlHash).length > 0;
  }

  /** All rows, a page at a time, by ascending place. */
  known(after: number, limit: number): KnownRow[] {
    return this.#sql.exec<KnownRow>(
      `SELECT created, uidl_hash, occurrence, destroyed IS NULL AS live, size, missed_at FROM messages WHERE created > ? ORDER BY created LIMIT ?`,
      after,
      limit,
    );
  }

  insert(rows: readonly NewMessage[], seenAt: number): void {
    if (rows.length === 0) return;
    this.forget();
    this.#sql.exec(
      `INSERT INTO messages (created, id, uidl, uidl_hash, occurrence, size, pack, pack_at, first_seen, last_seen, detail)
       SELECT value->>0, value->>1, unhex(value->>2), unhex(value->>3), value->>4, value->>5, value->>6, value->>7, ?, ?, 0 FROM json_each(?)`,
      seenAt,
      seenAt,
      JSON.stringify(rows.map((row) => [row.created, row.id, row.uidl, row.uidlHash, row.occurrence, row.size, row.pack, row.packAt])),
    );
  }

  /** The same for messages in packs, whose places are counted from `first`. */
  insertPacked(messages: PackedMessages, first: number, seenAt: number): void {
    if (messages.count === 0) return;
    this.forget();
    messages.insert(this.#sql, first, seenAt);
  }

  /** LIST tells other sizes now: updates. `print`: hex of the fingerprint that comes of it, or null where nobody can tell. */
  resize(rows: readonly { created: number; size: number; place: number; print: string | null }[]): void {
    this.forget();
    this.#sql.exec(
      `UPDATE messages SET size = now.value->>1, updated = now.value->>2, fingerprint = unhex(now.value->>3)
       FROM json_each(?) AS now WHERE messages.created = now.value->>0`,
      JSON.stringify(rows.map((row) => [row.created, row.size, row.place, row.print])),
    );
  }

  /** Marks rows as gone, each with its place. `lastSeen` is the time of the last listing that had them. */
  destroy(rows: readonly { created: number; place: number; why: 'server' | 'api' }[], now: number, lastSeen: number): void {
    this.forget();
    this.#sql.exec(
      `UPDATE messages SET destroyed = gone.value->>1, gone_at = ?, gone_why = gone.value->>2, last_seen = ?, missed_at = NULL
       FROM json_each(?) AS gone WHERE messages.created = gone.value->>0`,
      now,
      lastSeen,
      JSON.stringify(rows.map((row) => [row.created, row.place, row.why])),
    );
  }

  /** Brings tombstones back to life under their old ids: an update, never a creation. */
  revive(rows: readonly { created: number; place: number }[], now: number): void {
    this.forget();
    this.#sql.exec(
      `UPDATE messages SET destroyed = NULL, gone_at = NULL, gone_why = NULL, last_seen = ?, updated = back.value->>1
       FROM json_each(?) AS back WHERE messages.created = back.value->>0`,
      now,
      JSON.stringify(rows.map((row) => [row.created, row.place])),
    );
  }

  /** Live messages created after `since`: part of the feed. */
  createdAfter(since: number, limit: number): MessageRow[] {
    return this.page('oldest', since, limit);
  }

  /** Live messages created up to `since` and updated after it. */
  updatedAfter(since: number, limit: number): MessageRow[] {
    // Whoever begins at the start would have every row looked at, to find none.
    if (since === 0) return [];
    return this.#sql.exec<MessageRow>(
      `SELECT ${COLUMNS} FROM messages WHERE updated > ? AND created <= ? AND destroyed IS NULL ORDER BY updated LIMIT ?`,
      since,
      since,
      limit,
    );
  }

  /** Messages created up to `since` and gone after it. */
  destroyedAfter(since: number, limit: number): { id: string; destroyed: number; gone_why: 'server' | 'api' }[] {
    return this.#sql.exec(
      `SELECT id, destroyed, gone_why FROM messages WHERE destroyed > ? AND created <= ? ORDER BY destroyed LIMIT ?`,
      since,
      since,
      limit,
    );
  }

  /** How many rows the three above have in all. */
  countChanges(since: number): number {
    if (since === 0) return this.totals().messages;
    const row = this.#sql.exec<{ n: number }>(
      `SELECT (SELECT count(*) FROM messages WHERE updated > ? AND created <= ? AND destroyed IS NULL)
         + (SELECT count(*) FROM messages WHERE destroyed > ? AND created <= ?) AS n`,
      since,
      since,
      since,
      since,
    )[0];
    return this.#liveAfter(since) + (row?.n ?? 0);
  }
}
