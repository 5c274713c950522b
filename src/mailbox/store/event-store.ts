/** Statements on the account's events: who changed what. Only the newest are kept. */
import { MAILBOX } from '../../limits.ts';
import type { Sql } from '../deps.ts';

export type EventRow = { number: number; at: number; what: string; about: Uint8Array };

export class EventStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The highest number given, 0 before the first. */
  last(): number {
    return this.#sql.exec<{ last: number | null }>(`SELECT max(number) AS last FROM events`)[0]?.last ?? 0;
  }

  /** Adds events, at least one, and forgets those that are then too many. */
  insert(rows: readonly EventRow[]): void {
    for (const { number, at, what, about } of rows)
      this.#sql.exec(`INSERT INTO events (number, at, what, about) VALUES (?, ?, ?, ?)`, number, at, what, about);
    this.#sql.exec(`DELETE FROM events WHERE number <= (SELECT number FROM events ORDER BY number DESC LIMIT 1 OFFSET ?)`, MAILBOX.events);
  }

  /** The newest events before a number, newest first; null begins at the newest. */
  page(before: number | null, limit: number): EventRow[] {
    return this.#sql.exec<EventRow>(
      `SELECT number, at, what, about FROM events WHERE number < ? ORDER BY number DESC LIMIT ?`,
      before ?? Number.MAX_SAFE_INTEGER,
      limit,
    );
  }
}
