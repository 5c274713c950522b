/** Statements that count: what `stats` shows of the ledger. Each reads an index, or a bounded number of rows. */
import type { Sql } from '../deps.ts';

export class FigureStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Places of the largest live messages, the largest first. */
  largest(limit: number): number[] {
    return this.#sql
      .exec<{ created: number }>(`SELECT created FROM messages WHERE destroyed IS NULL ORDER BY size DESC, created DESC LIMIT ?`, limit)
      .map((row) => row.created);
  }

  /** When the newest messages, live or gone, were first seen, the newest first. */
  newestSeen(limit: number): number[] {
    return this.#sql
      .exec<{ first_seen: number }>(`SELECT first_seen FROM messages ORDER BY created DESC LIMIT ?`, limit)
      .map((row) => row.first_seen);
  }

  /** The message with the first place from `place` on, live or gone, and when it was first seen. */
  seenFrom(place: number): { created: number; first_seen: number } | null {
    return (
      this.#sql.exec<{ created: number; first_seen: number }>(
        `SELECT created, first_seen FROM messages WHERE created >= ? ORDER BY created LIMIT 1`,
        place,
      )[0] ?? null
    );
  }

  /** How many live messages have a place from `from` to before `to`. */
  countBetween(from: number, to: number): number {
    return (
      this.#sql.exec<{ n: number }>(
        `SELECT count(*) AS n FROM messages WHERE destroyed IS NULL AND created >= ? AND created < ?`,
        from,
        to,
      )[0]?.n ?? 0
    );
  }

  /** The boxes of list members of those among the newest live messages that have one, the newest first. */
  summaries(window: number): { id: string; summary: Uint8Array }[] {
    return this.#sql.exec(
      `SELECT id, summary FROM (SELECT id, summary, created FROM messages WHERE destroyed IS NULL ORDER BY created DESC LIMIT ?)
       WHERE summary IS NOT NULL ORDER BY created DESC`,
      window,
    );
  }
}
