/**
 * Statements on the intents to delete upstream: one row a message, from before its DELE until it is known to be gone, or
 * given up. A row that is not `written` was never sent; a `written` one may have reached the server.
 */
import type { Sql } from '../deps.ts';

export type DeletionRow = { message: number; asked_at: number; written: 0 | 1; tries: number };

export class DeletionStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Intends to delete messages. Returns those for which no intent was alive yet, in no order. */
  intend(messages: readonly number[], now: number): number[] {
    return this.#sql
      .exec<{ message: number }>(
        `INSERT INTO deletions (message, asked_at, written, tries) SELECT value, ?, 0, 0 FROM json_each(?) WHERE true
         ON CONFLICT (message) DO NOTHING RETURNING message`,
        now,
        JSON.stringify(messages),
      )
      .map((row) => row.message);
  }

  /** From here on DELE may have reached the server: one more try. */
  written(messages: readonly number[]): void {
    this.#sql.exec(
      `UPDATE deletions SET written = 1, tries = tries + 1 WHERE message IN (SELECT value FROM json_each(?))`,
      JSON.stringify(messages),
    );
  }

  withdraw(messages: readonly number[]): void {
    if (messages.length === 0) return;
    this.#sql.exec(`DELETE FROM deletions WHERE message IN (SELECT value FROM json_each(?))`, JSON.stringify(messages));
  }

  withdrawUnwritten(): void {
    this.#sql.exec(`DELETE FROM deletions WHERE written = 0`);
  }

  /** All intents, the oldest first. */
  all(): DeletionRow[] {
    return this.#sql.exec<DeletionRow>(`SELECT message, asked_at, written, tries FROM deletions ORDER BY asked_at, message`);
  }
}
