/**
 * Statements on what has been read of the messages, beyond what listings tell: headers, whole messages, and where reading failed.
 * Bulk goes through `json_each`, because a statement takes at most 100 parameters; octets in it are hex.
 */
import type { Sql } from '../deps.ts';
import { COLUMNS, type MessageRow } from './message-store.ts';

type Indexed = { created: number; place: number; summary: string; fingerprint: string };

export class DetailStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Headers became known: list members, fingerprint and an update. */
  index(rows: readonly Indexed[]): void {
    this.#sql.exec(
      `UPDATE messages SET summary = unhex(known.value->>2), fingerprint = unhex(known.value->>3), updated = known.value->>1,
         detail = max(detail, 1), tries = 0, retry_at = NULL
       FROM json_each(?) AS known WHERE messages.created = known.value->>0`,
      JSON.stringify(rows.map((row) => [row.created, row.place, row.summary, row.fingerprint])),
    );
  }

  /** The whole message is known: `change` null leaves the list members as they are. `size`: that of the fingerprint. */
  setFull(
    created: number,
    digest: Uint8Array,
    change: { place: number; summary: Uint8Array; fingerprint: Uint8Array; size: number } | null,
  ): void {
    if (change) {
      this.#sql.exec(
        `UPDATE messages SET digest = ?, summary = ?, fingerprint = CASE WHEN size = ? THEN ? ELSE fingerprint END, updated = ?, detail = 2,
           tries = 0, retry_at = NULL WHERE created = ?`,
        digest,
        change.summary,
        change.size,
        change.fingerprint,
        change.place,
        created,
      );
    } else this.#sql.exec(`UPDATE messages SET digest = ?, detail = 2, tries = 0, retry_at = NULL WHERE created = ?`, digest, created);
  }

  /** What was read of messages may be other messages': nothing is known of them but what was listed, which is an update. */
  unread(rows: readonly { created: number; place: number }[]): void {
    this.#sql.exec(
      `UPDATE messages SET detail = 0, summary = NULL, fingerprint = NULL, digest = NULL, updated = now.value->>1
       FROM json_each(?) AS now WHERE messages.created = now.value->>0`,
      JSON.stringify(rows.map((row) => [row.created, row.place])),
    );
  }

  /** A message could not be read: it is left alone until `retryAt`. */
  readFailed(created: number, retryAt: number): void {
    this.#sql.exec(`UPDATE messages SET tries = tries + 1, retry_at = ? WHERE created = ?`, retryAt, created);
  }

  /** The newest live rows of which only the UIDL is known, among the newest `window`; those that failed before come last. */
  unindexed(window: number, now: number, limit: number): MessageRow[] {
    return this.#sql.exec<MessageRow>(
      `SELECT ${COLUMNS} FROM (SELECT * FROM messages WHERE destroyed IS NULL ORDER BY created DESC LIMIT ?)
       WHERE detail = 0 AND (retry_at IS NULL OR retry_at <= ?) ORDER BY tries, created DESC LIMIT ?`,
      window,
      now,
      limit,
    );
  }

  /** Which of the rows need indexing. */
  unindexedOf(created: readonly number[], now: number): { created: number }[] {
    return this.#sql.exec<{ created: number }>(
      `SELECT created FROM messages WHERE created IN (SELECT value FROM json_each(?)) AND detail = 0 AND (retry_at IS NULL OR retry_at <= ?)`,
      JSON.stringify(created),
      now,
    );
  }

  /** Which of the `limit` live rows next to a place, in this order, need indexing: of those only the UIDL is known. */
  unindexedNext(order: 'newest' | 'oldest', from: number, limit: number, now: number): { created: number }[] {
    const [beyond, way] = order === 'newest' ? ['<', 'DESC'] : ['>', 'ASC'];
    return this.#sql.exec<{ created: number }>(
      `SELECT created FROM (SELECT created, detail, retry_at FROM messages WHERE destroyed IS NULL AND created ${beyond} ? ORDER BY created ${way} LIMIT ?)
       WHERE detail = 0 AND (retry_at IS NULL OR retry_at <= ?)`,
      from,
      limit,
      now,
    );
  }

  /** Of the newest `window` live rows: how many there are, how many are indexed, and when the next retry is due. */
  indexing(window: number): { of: number; done: number; retryAt: number | null } {
    const row = this.#sql.exec<{ all: number; done: number | null; retry: number | null }>(
      `SELECT count(*) AS "all", sum(detail > 0) AS done, min(CASE WHEN detail = 0 THEN coalesce(retry_at, 0) END) AS retry
       FROM (SELECT detail, retry_at FROM messages WHERE destroyed IS NULL ORDER BY created DESC LIMIT ?)`,
      window,
    )[0];
    return { of: row?.all ?? 0, done: row?.done ?? 0, retryAt: row?.retry ?? null };
  }
}
