/**
 * Statements on what the sweep has to do and has found, in the entries of `store.ts`: `visit_at` is when an account is to be
 * visited, `visited_at` when it last was; `health`, `error_code`, `checked_at` and `polls` (a day) are what was found then.
 */
import type { Sql } from '../mailbox/deps.ts';
import type { AccountState, Due, Findings } from './rpc.ts';

export class CensusStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Entries that are not live, and have not changed since `before`; the oldest first. */
  unsettled(before: number, limit: number): Due['unsettled'] {
    return this.#sql.exec(`SELECT id, state FROM entries WHERE state <> 'live' AND since <= ? ORDER BY since LIMIT ?`, before, limit);
  }

  /** Live accounts that are to be visited by now, the longest due first. */
  due(now: number, limit: number): string[] {
    return this.#sql
      .exec<{ id: string }>(`SELECT id FROM entries WHERE state = 'live' AND visit_at <= ? ORDER BY visit_at LIMIT ?`, now, limit)
      .map((row) => row.id);
  }

  visited(id: string, findings: Findings, now: number, next: number): void {
    this.#sql.exec(
      `UPDATE entries SET visited_at = ?, visit_at = ?, health = ?, error_code = ?, checked_at = ?, polls = ? WHERE id = ?`,
      now,
      next,
      findings.state,
      findings.errorCode,
      findings.checkedAt === null ? null : Date.parse(findings.checkedAt),
      findings.pollsPerDay,
      id,
    );
  }

  /** A visit came to nothing. */
  missed(id: string, next: number): void {
    this.#sql.exec(`UPDATE entries SET visit_at = ? WHERE id = ?`, next, id);
  }

  /** All accounts that were last visited before `before` are to be visited by `now`. */
  bringForward(now: number, before: number): void {
    this.#sql.exec(`UPDATE entries SET visit_at = ? WHERE state = 'live' AND visit_at > ? AND visited_at <= ?`, now, now, before);
  }

  isChangingSince(id: string, before: number): boolean {
    return this.#sql.exec(`SELECT 1 FROM entries WHERE id = ? AND next_since <= ?`, id, before).length > 0;
  }

  byState(): Map<AccountState, number> {
    const rows = this.#sql.exec<{ health: AccountState; n: number }>(
      `SELECT health, count(*) AS n FROM entries WHERE state = 'live' GROUP BY health`,
    );
    return new Map(rows.map((row) => [row.health, row.n]));
  }

  byErrorCode(): Map<string, number> {
    const rows = this.#sql.exec<{ error_code: string; n: number }>(
      `SELECT error_code, count(*) AS n FROM entries WHERE state = 'live' AND error_code IS NOT NULL GROUP BY error_code ORDER BY error_code`,
    );
    return new Map(rows.map((row) => [row.error_code, row.n]));
  }

  /** Accounts that are checked by their alarm, and their checks a day. */
  polls(): { accounts: number; perDay: number } {
    const row = this.#sql.exec<{ accounts: number; perDay: number | null }>(
      `SELECT count(*) AS accounts, sum(polls) AS perDay FROM entries WHERE state = 'live' AND polls > 0`,
    )[0];
    return { accounts: row?.accounts ?? 0, perDay: row?.perDay ?? 0 };
  }

  /** Null where no account is checked by its alarm. One that never was checked comes first, the oldest of them. */
  oldestUnchecked(): { id: string; checked_at: number | null } | null {
    return (
      this.#sql.exec<{ id: string; checked_at: number | null }>(
        `SELECT id, checked_at FROM entries WHERE state = 'live' AND polls > 0 ORDER BY checked_at, place LIMIT 1`,
      )[0] ?? null
    );
  }

  /** The oldest of the last visits; an account that was not visited yet counts from when it became live, new as it then was. */
  asOf(): number | null {
    return (
      this.#sql.exec<{ at: number | null }>(`SELECT min(coalesce(visited_at, since)) AS at FROM entries WHERE state = 'live'`)[0]?.at ??
      null
    );
  }
}
