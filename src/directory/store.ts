/**
 * Everything the Directory keeps, as named and typed statements. In clear are only ids, places, states, times and a
 * keyed hash of `externalId`: e-mail address, `externalId` and host lie in one sealed box per entry.
 */
import type { Sql } from '../mailbox/deps.ts';

export type EntryState = 'pending' | 'live' | 'removing';

export type EntryRow = {
  place: number;
  id: string;
  state: EntryState;
  since: number;
  external_hash: Uint8Array | null;
  superseded_by: string | null;
  box: Uint8Array;
  created_at: number;
  /** Since when a change of its identity is under way, or null. Beside it `next_hash` is the externalId that it is to have then. */
  next_since: number | null;
};

export type NewEntry = Pick<EntryRow, 'id' | 'since' | 'external_hash' | 'box' | 'created_at'>;

/** A step that has been released is never edited: a change is a further step. Times are milliseconds since the epoch. */
const SCHEMA_STEPS: readonly string[] = [
  `
  CREATE TABLE vault (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    data_key       BLOB NOT NULL                       -- the Directory's data key, wrapped by the master key
  ) STRICT;

  CREATE TABLE entries (
    place          INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of the list; never given twice
    id             TEXT NOT NULL UNIQUE,
    state          TEXT NOT NULL CHECK (state IN ('pending', 'live', 'removing')),
    since          INTEGER NOT NULL,                   -- when it came into this state
    external_hash  BLOB,                               -- keyed, 16 octets; null without an externalId, or once superseded
    superseded_by  TEXT,                               -- the id of the entry that took its externalId over
    box            BLOB NOT NULL,                      -- email, externalId, host
    created_at     INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX entries_external ON entries (external_hash) WHERE external_hash IS NOT NULL;
  `,
  `
  ALTER TABLE entries ADD COLUMN next_since INTEGER;
  ALTER TABLE entries ADD COLUMN next_hash BLOB;
  ALTER TABLE entries ADD COLUMN visit_at INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE entries ADD COLUMN visited_at INTEGER;
  ALTER TABLE entries ADD COLUMN health TEXT NOT NULL DEFAULT 'new';
  ALTER TABLE entries ADD COLUMN error_code TEXT;
  ALTER TABLE entries ADD COLUMN checked_at INTEGER;
  ALTER TABLE entries ADD COLUMN polls INTEGER NOT NULL DEFAULT 0;
  CREATE UNIQUE INDEX entries_next ON entries (next_hash) WHERE next_hash IS NOT NULL;
  CREATE INDEX entries_due ON entries (visit_at) WHERE state = 'live';
  CREATE INDEX entries_unsettled ON entries (since) WHERE state <> 'live';
  `,
];

export class DirectoryStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Runs `body` in one transaction; it must not await. */
  transaction<T>(body: () => T): T {
    return this.#sql.transaction(body);
  }

  /** Runs the schema steps that have not run yet. */
  migrate(now: number): void {
    this.#sql.transaction(() => {
      this.#sql.exec(`CREATE TABLE IF NOT EXISTS schema_steps (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT`);
      const done = this.#sql.exec<{ last: number | null }>(`SELECT max(number) AS last FROM schema_steps`)[0]?.last ?? 0;
      for (const [index, step] of SCHEMA_STEPS.entries()) {
        if (index < done) continue;
        this.#sql.exec(step);
        this.#sql.exec(`INSERT INTO schema_steps (number, applied_at) VALUES (?, ?)`, index + 1, now);
      }
    });
  }

  dataKey(): Uint8Array | null {
    return this.#sql.exec<{ data_key: Uint8Array }>(`SELECT data_key FROM vault`)[0]?.data_key ?? null;
  }

  insertDataKey(wrapped: Uint8Array): void {
    this.#sql.exec(`INSERT INTO vault (one, data_key) VALUES (1, ?)`, wrapped);
  }

  /** Replaces the wrapped data key if it still is the one that was read. */
  replaceDataKey(wrapped: Uint8Array, previous: Uint8Array): void {
    this.#sql.exec(`UPDATE vault SET data_key = ? WHERE data_key = ?`, wrapped, previous);
  }

  entry(id: string): EntryRow | null {
    return this.#sql.exec<EntryRow>(`SELECT * FROM entries WHERE id = ?`, id)[0] ?? null;
  }

  /** The entry that holds an `externalId`, in whatever state. */
  holder(externalHash: Uint8Array): EntryRow | null {
    return this.#sql.exec<EntryRow>(`SELECT * FROM entries WHERE external_hash = ?`, externalHash)[0] ?? null;
  }

  /** The entry that holds an `externalId`, or is about to. */
  claimant(externalHash: Uint8Array): EntryRow | null {
    const next = (): EntryRow[] => this.#sql.exec<EntryRow>(`SELECT * FROM entries WHERE next_hash = ?`, externalHash);
    return this.holder(externalHash) ?? next()[0] ?? null;
  }

  /** A change of identity begins. The sweep looks soon how it ended, if nobody tells. */
  propose(id: string, externalHash: Uint8Array | null, now: number, visitAt: number): void {
    this.#sql.exec(
      `UPDATE entries SET next_since = ?, next_hash = ?, visit_at = min(visit_at, ?) WHERE id = ?`,
      now,
      externalHash,
      visitAt,
      id,
    );
  }

  /** No change of identity is under way any more. */
  withdraw(id: string): void {
    this.#sql.exec(`UPDATE entries SET next_since = NULL, next_hash = NULL WHERE id = ?`, id);
  }

  setIdentity(id: string, externalHash: Uint8Array | null, box: Uint8Array): void {
    this.#sql.exec(
      `UPDATE entries SET external_hash = ?, box = ?, next_since = NULL, next_hash = NULL WHERE id = ?`,
      externalHash,
      box,
      id,
    );
  }

  /** Live entries behind a place, in order. */
  livePage(after: number, limit: number): EntryRow[] {
    return this.#sql.exec<EntryRow>(`SELECT * FROM entries WHERE place > ? AND state = 'live' ORDER BY place LIMIT ?`, after, limit);
  }

  /** A new entry, `pending`. */
  insert(entry: NewEntry): void {
    this.#sql.exec(
      `INSERT INTO entries (id, state, since, external_hash, box, created_at) VALUES (?, 'pending', ?, ?, ?, ?)`,
      entry.id,
      entry.since,
      entry.external_hash,
      entry.box,
      entry.created_at,
    );
  }

  setState(id: string, state: EntryState, now: number): void {
    this.#sql.exec(`UPDATE entries SET state = ?, since = ? WHERE id = ?`, state, now, id);
  }

  /** Gives an entry's `externalId` to another one. The row stays, `removing`: its Mailbox may exist and must be found. */
  supersede(id: string, by: string, now: number): void {
    this.#sql.exec(`UPDATE entries SET state = 'removing', since = ?, external_hash = NULL, superseded_by = ? WHERE id = ?`, now, by, id);
  }

  remove(id: string): void {
    this.#sql.exec(`DELETE FROM entries WHERE id = ?`, id);
  }
}
