/**
 * Statements on what messages are known by: a UIDL (its keyed hash) and the occurrence among equal ones name one row; a
 * fingerprint tells who it is when the UIDL does not.
 */
import type { Sql } from '../deps.ts';

/** What a message is recognised by under another UIDL. `fingerprint`: null until its headers were read. */
export type RecognisableRow = { created: number; id: string; size: number; fingerprint: Uint8Array | null };

export type Rekeyed = { created: number; uidl: string; uidlHash: string; occurrence: number };

/** UIDLs that were sealed together. */
export type Pack = { pack: number; box: Uint8Array };

export type GroupedRow = RecognisableRow & { occurrence: number };

export class KeyStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  insertPack({ pack, box }: Pack): void {
    this.#sql.exec(`INSERT INTO uidl_packs (pack, box) VALUES (?, ?)`, pack, box);
  }

  pack(pack: number): Uint8Array | null {
    return this.#sql.exec<{ box: Uint8Array }>(`SELECT box FROM uidl_packs WHERE pack = ?`, pack)[0]?.box ?? null;
  }

  /** Forgets packs that no row points into. */
  prunePacks(): void {
    this.#sql.exec(`DELETE FROM uidl_packs WHERE pack NOT IN (SELECT pack FROM messages WHERE pack IS NOT NULL)`);
  }

  /** Rows by ascending place, with what they are recognised by. */
  recognisable(created: readonly number[]): RecognisableRow[] {
    return this.#sql.exec<RecognisableRow>(
      `SELECT created, id, size, fingerprint FROM messages WHERE created IN (SELECT value FROM json_each(?)) ORDER BY created`,
      JSON.stringify(created),
    );
  }

  /** Whether the server has ever named a live message by a UIDL. */
  anyNamed(): boolean {
    return this.#sql.exec(`SELECT 1 FROM messages WHERE destroyed IS NULL AND (uidl IS NOT NULL OR pack IS NOT NULL) LIMIT 1`).length > 0;
  }

  /** The UIDLs, by their hashes, of those of `created` that several messages have been seen with; at most `limit`. */
  sharedAmong(created: readonly number[], limit: number): { uidl_hash: Uint8Array }[] {
    return this.#sql.exec(
      `SELECT DISTINCT uidl_hash FROM messages AS one WHERE created IN (SELECT value FROM json_each(?))
         AND EXISTS (SELECT 1 FROM messages AS other WHERE other.uidl_hash = one.uidl_hash AND other.occurrence > 0) LIMIT ?`,
      JSON.stringify(created),
      limit,
    );
  }

  /** The live rows under one UIDL, by occurrence. */
  group(uidlHash: Uint8Array): GroupedRow[] {
    return this.#sql.exec<GroupedRow>(
      `SELECT created, id, size, fingerprint, occurrence FROM messages WHERE uidl_hash = ? AND destroyed IS NULL ORDER BY occurrence`,
      uidlHash,
    );
  }

  /** Which of these UIDLs, by hex of their hashes, the ledger knows, live or gone. */
  knownHashes(hashes: readonly string[]): number {
    return (
      this.#sql.exec<{ n: number }>(
        `SELECT count(*) AS n FROM messages WHERE uidl_hash IN (SELECT unhex(value) FROM json_each(?))`,
        JSON.stringify(hashes),
      )[0]?.n ?? 0
    );
  }

  /** Gives unkeyed rows other occurrences of their UIDLs. */
  setOccurrences(rows: readonly { created: number; occurrence: number }[]): void {
    this.#sql.exec(
      `UPDATE messages SET occurrence = now.value->>1 FROM json_each(?) AS now WHERE messages.created = now.value->>0`,
      JSON.stringify(rows.map((row) => [row.created, row.occurrence])),
    );
  }

  /** Takes rows out of the way of others that are to have their UIDLs: no listing finds them until they are keyed again. */
  unkey(created: readonly number[]): void {
    this.#sql.exec(`UPDATE messages SET occurrence = -created WHERE created IN (SELECT value FROM json_each(?))`, JSON.stringify(created));
  }

  /** Gives unkeyed rows their UIDLs. */
  rekey(rows: readonly Rekeyed[]): void {
    this.#sql.exec(
      `UPDATE messages SET uidl = unhex(key.value->>1), pack = NULL, pack_at = NULL, uidl_hash = unhex(key.value->>2), occurrence = key.value->>3
       FROM json_each(?) AS key WHERE messages.created = key.value->>0`,
      JSON.stringify(rows.map((row) => [row.created, row.uidl, row.uidlHash, row.occurrence])),
    );
  }
}
