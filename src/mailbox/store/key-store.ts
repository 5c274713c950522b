/**
 * Statements on what messages are known by: a UIDL (its keyed hash) and the occurrence among equal ones name one row; a
 * fingerprint tells who it is when the UIDL does not.
 */
import type { Sql } from '../deps.ts';

/** What a message is recognised by under another UIDL. `fingerprint`: null until its headers were read. */
export type RecognisableRow = { created: number; id: string; size: number; fingerprint: Uint8Array | null };

/** The same with what it is known by. `shared`: whether another message, live or gone, has been seen under that UIDL. */
export type KeyedRow = RecognisableRow & { uidl_hash: Uint8Array; occurrence: number; live: 0 | 1; shared: 0 | 1 };

/** What a row is known by from now on. `uidl`: hex of its box, or null where it lies in a pack or the server has none. */
export type Rekeyed = {
  created: number;
  uidl: string | null;
  pack: number | null;
  packAt: number | null;
  uidlHash: string;
  occurrence: number;
};

/** UIDLs that were sealed together. */
export type Pack = { pack: number; box: Uint8Array };

const KEYED = `created, id, size, fingerprint, uidl_hash, occurrence, destroyed IS NULL AS live,
  EXISTS (SELECT 1 FROM messages AS other WHERE other.uidl_hash = messages.uidl_hash AND other.created <> messages.created) AS shared`;

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

  /** The live messages that have no UIDL, by what stands in for it, in their order. */
  unnamed(): { uidl_hash: Uint8Array; size: number; messages: number }[] {
    return this.#sql.exec(
      `SELECT uidl_hash, size, count(*) AS messages FROM messages WHERE destroyed IS NULL AND uidl IS NULL AND pack IS NULL
       GROUP BY uidl_hash, size ORDER BY min(created)`,
    );
  }

  /** Rows by ascending place, with what they are known by. */
  keyed(created: readonly number[]): KeyedRow[] {
    return this.#sql.exec<KeyedRow>(
      `SELECT ${KEYED} FROM messages WHERE created IN (SELECT value FROM json_each(?)) ORDER BY created`,
      JSON.stringify(created),
    );
  }

  /** At most `most` live rows under one UIDL, in the order in which they were last listed, and behind them the newest that are gone. */
  group(uidlHash: Uint8Array, most: number, tombstones: number): KeyedRow[] {
    const live = this.#sql.exec<KeyedRow>(
      `SELECT ${KEYED} FROM messages WHERE uidl_hash = ? AND destroyed IS NULL ORDER BY occurrence < 0, occurrence, created LIMIT ?`,
      uidlHash,
      most,
    );
    const gone = this.#sql.exec<KeyedRow>(
      `SELECT ${KEYED} FROM messages WHERE uidl_hash = ? AND destroyed IS NOT NULL ORDER BY created DESC LIMIT ?`,
      uidlHash,
      tombstones,
    );
    return [...live, ...gone.reverse()];
  }

  /** How many messages, live or gone, the ledger has under these UIDLs, given by hex of their hashes. */
  countUnder(hashes: readonly string[]): number {
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

  /** The UIDLs under which rows were known that no listing finds any more, by their hashes. */
  unkeyedHashes(limit: number): Uint8Array[] {
    const rows = this.#sql.exec<{ uidl_hash: Uint8Array }>(`SELECT DISTINCT uidl_hash FROM messages WHERE occurrence < 0 LIMIT ?`, limit);
    return rows.map((row) => row.uidl_hash);
  }

  /** Takes these keys, a hash in hex and an occurrence each, from whichever rows have them. */
  free(keys: readonly (readonly [uidlHash: string, occurrence: number])[]): void {
    this.#sql.exec(
      `UPDATE messages SET occurrence = -created FROM json_each(?) AS key
       WHERE messages.uidl_hash = unhex(key.value->>0) AND messages.occurrence = key.value->>1`,
      JSON.stringify(keys),
    );
  }

  /** Gives unkeyed rows their UIDLs. */
  rekey(rows: readonly Rekeyed[]): void {
    this.#sql.exec(
      `UPDATE messages SET uidl = unhex(key.value->>1), pack = key.value->>2, pack_at = key.value->>3, uidl_hash = unhex(key.value->>4),
         occurrence = key.value->>5
       FROM json_each(?) AS key WHERE messages.created = key.value->>0`,
      JSON.stringify(rows.map((row) => [row.created, row.uidl, row.pack, row.packAt, row.uidlHash, row.occurrence])),
    );
  }
}
