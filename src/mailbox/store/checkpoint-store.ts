/** Statements on checkpoints: places that the account keeps by name for clients without storage. */
import type { Sql } from '../deps.ts';

export type CheckpointRow = { name: string; place: number; updated_at: number };

export class CheckpointStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  byName(name: string): CheckpointRow | null {
    return this.#sql.exec<CheckpointRow>(`SELECT name, place, updated_at FROM checkpoints WHERE name = ?`, name)[0] ?? null;
  }

  /** All of them, by name. */
  all(): CheckpointRow[] {
    return this.#sql.exec<CheckpointRow>(`SELECT name, place, updated_at FROM checkpoints ORDER BY name`);
  }

  count(): number {
    return this.#sql.exec<{ n: number }>(`SELECT count(*) AS n FROM checkpoints`)[0]?.n ?? 0;
  }

  set(row: CheckpointRow): void {
    this.#sql.exec(
      `INSERT INTO checkpoints (name, place, updated_at) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET place = excluded.place, updated_at = excluded.updated_at`,
      row.name,
      row.place,
      row.updated_at,
    );
  }

  remove(name: string): void {
    this.#sql.exec(`DELETE FROM checkpoints WHERE name = ?`, name);
  }
}
