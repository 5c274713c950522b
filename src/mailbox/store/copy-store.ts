/** Statements on the message octets that are held here: one row a copy, and its sealed rows of octets. */
import type { Sql } from '../deps.ts';

export type CopyRow = { message: number; octets: number; complete: 0 | 1; scratch: 0 | 1; read_at: number; outline: Uint8Array | null };

export class CopyStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  copy(message: number): CopyRow | null {
    return this.#sql.exec<CopyRow>(`SELECT * FROM copies WHERE message = ?`, message)[0] ?? null;
  }

  isComplete(message: number): boolean {
    return this.#sql.exec(`SELECT 1 FROM copies WHERE message = ? AND complete = 1`, message).length > 0;
  }

  /** Which of the messages have a copy that is complete. */
  complete(messages: readonly number[]): number[] {
    return this.#sql
      .exec<{ message: number }>(
        `SELECT message FROM copies WHERE message IN (SELECT value FROM json_each(?)) AND complete = 1`,
        JSON.stringify(messages),
      )
      .map(({ message }) => message);
  }

  begin(message: number, now: number): void {
    this.remove(message);
    this.#sql.exec(`INSERT INTO copies (message, octets, complete, scratch, read_at) VALUES (?, 0, 0, 0, ?)`, message, now);
  }

  /** A copy that is complete with its one row; `box` null: of an empty message. Nothing of it is there yet. */
  whole(copy: Pick<CopyRow, 'message' | 'octets'> & { scratch: boolean; outline: Uint8Array }, box: Uint8Array | null, now: number): void {
    const { message, octets, scratch, outline } = copy;
    if (box) this.#sql.exec(`INSERT INTO octets (message, row, box) VALUES (?, 0, ?)`, message, box);
    this.#sql.exec(
      `INSERT INTO copies (message, octets, complete, scratch, read_at, outline) VALUES (?, ?, 1, ?, ?, ?)`,
      message,
      octets,
      scratch ? 1 : 0,
      now,
      outline,
    );
  }

  append(message: number, row: number, box: Uint8Array, octets: number): void {
    this.#sql.exec(`INSERT INTO octets (message, row, box) VALUES (?, ?, ?)`, message, row, box);
    this.#sql.exec(`UPDATE copies SET octets = ? WHERE message = ?`, octets, message);
  }

  finish(message: number, octets: number, scratch: boolean, outline: Uint8Array): void {
    this.#sql.exec(
      `UPDATE copies SET octets = ?, complete = 1, scratch = ?, outline = ? WHERE message = ?`,
      octets,
      scratch ? 1 : 0,
      outline,
      message,
    );
  }

  box(message: number, row: number): Uint8Array | null {
    return this.#sql.exec<{ box: Uint8Array }>(`SELECT box FROM octets WHERE message = ? AND row = ?`, message, row)[0]?.box ?? null;
  }

  touch(message: number, now: number): void {
    this.#sql.exec(`UPDATE copies SET read_at = ? WHERE message = ?`, now, message);
  }

  remove(message: number): void {
    this.#sql.exec(`DELETE FROM octets WHERE message = ?`, message);
    this.#sql.exec(`DELETE FROM copies WHERE message = ?`, message);
  }

  /** Copies that were being written when the object last died. */
  incomplete(): number[] {
    return this.#sql.exec<{ message: number }>(`SELECT message FROM copies WHERE complete = 0`).map((row) => row.message);
  }

  /** Octets held: of the cache, and of scratch copies. Which of them an unfinished copy will be is not known yet. */
  held(): { cache: number; scratch: number } {
    const row = this.#sql.exec<{ cache: number | null; scratch: number | null }>(
      `SELECT sum(octets * (scratch = 0)) AS cache, sum(octets * (scratch = 1)) AS scratch FROM copies WHERE complete = 1`,
    )[0];
    return { cache: row?.cache ?? 0, scratch: row?.scratch ?? 0 };
  }

  /** Complete copies of one kind, the one unread for longest first. */
  oldest(scratch: boolean, limit: number): { message: number; octets: number; read_at: number }[] {
    return this.#sql.exec(
      `SELECT message, octets, read_at FROM copies WHERE complete = 1 AND scratch = ? ORDER BY read_at, message LIMIT ?`,
      scratch ? 1 : 0,
      limit,
    );
  }
}
