/** Statements on messages that are missing from a listing, and on those that have been gone for long. */
import type { Sql } from '../deps.ts';

export class AbsenceStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** A listing that isn't believed lacked these rows: since `now`, unless an earlier one did. */
  miss(created: readonly number[], now: number): void {
    this.#sql.exec(
      `UPDATE messages SET missed_at = ? WHERE missed_at IS NULL AND created IN (SELECT value FROM json_each(?))`,
      now,
      JSON.stringify(created),
    );
  }

  /** These rows are listed again. */
  unmiss(created: readonly number[]): void {
    this.#sql.exec(`UPDATE messages SET missed_at = NULL WHERE created IN (SELECT value FROM json_each(?))`, JSON.stringify(created));
  }

  /** The places of destruction up to which tombstones may be forgotten: gone before `before`, and not among the newest `keep`. */
  prunable(before: number, keep: number): number {
    return (
      this.#sql.exec<{ place: number | null }>(
        `SELECT max(destroyed) AS place FROM messages WHERE gone_at < ? AND destroyed <=
           (SELECT destroyed FROM messages WHERE destroyed IS NOT NULL ORDER BY destroyed DESC LIMIT 1 OFFSET ?)`,
        before,
        keep,
      )[0]?.place ?? 0
    );
  }

  /** Forgets the oldest tombstones up to a place of destruction, at most `limit`: the last of these places, and what was forgotten. */
  prune(upTo: number, limit: number): { place: number; created: number[] } {
    const rows = this.#sql.exec<{ created: number; destroyed: number }>(
      `DELETE FROM messages WHERE created IN (SELECT created FROM messages WHERE destroyed <= ? ORDER BY destroyed LIMIT ?)
       RETURNING created, destroyed`,
      upTo,
      limit,
    );
    return { place: Math.max(0, ...rows.map((row) => row.destroyed)), created: rows.map((row) => row.created) };
  }
}
