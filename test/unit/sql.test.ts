/** SQL as the objects use it: both adapters behave as a Durable Object's storage does, and enforce its bounds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Sql, SqlValue } from '../../src/mailbox/deps.ts';
import { durableSql } from '../../src/mailbox/sql.ts';
import { nodeSql } from '../support/node-sql.ts';

const narrow = (value: SqlValue) => (value instanceof Uint8Array ? Uint8Array.from(value).buffer : value);

/** A storage that hands out rows as the platform does, blobs as `ArrayBuffer`. */
function storageOver(sql: Sql): DurableObjectStorage {
  const exec = (statement: string, ...bindings: SqlValue[]) => {
    const found = sql.exec(statement, ...bindings);
    return { columnNames: Object.keys(found[0] ?? {}), raw: () => found.map((row) => Object.values(row).map(narrow)) };
  };
  return {
    sql: { exec },
    transactionSync: <T>(body: () => T) => sql.transaction(body),
  } as unknown as DurableObjectStorage;
}

const rows = (count: number) => `SELECT 1 WHERE 1 IN (${Array(count).fill('?').join()})`;

const lengthOf = (sql: Sql, value: SqlValue) => sql.exec<{ n: number }>(`SELECT octet_length(?) AS n`, value)[0]?.n;

describe.each([
  ['node:sqlite', () => nodeSql()],
  ['a Durable Object', () => durableSql(storageOver(nodeSql()))],
])('over %s', (_, open) => {
  let sql: Sql;
  const values = () => sql.exec<{ v: number }>(`SELECT v FROM t ORDER BY v`).map((row) => row.v);

  beforeEach(() => {
    sql = open();
    sql.exec(`-- One table; no more.\nCREATE TABLE t (v INTEGER UNIQUE, b BLOB) STRICT;\n`);
  });

  test('blobs are octets both ways, from within a larger buffer and empty too', () => {
    const larger = Uint8Array.of(1, 2, 3, 4);
    sql.exec(`INSERT INTO t (v, b) VALUES (?, ?), (?, ?), (?, ?)`, 1, larger.subarray(1, 3), 2, new Uint8Array(0), 3, null);
    const found = sql.exec<{ v: number; b: Uint8Array | null }>(`SELECT v, b FROM t ORDER BY v`);
    expect(found).toStrictEqual([
      { v: 1, b: Uint8Array.of(2, 3) },
      { v: 2, b: new Uint8Array(0) },
      { v: 3, b: null },
    ]);
  });

  test('a script runs all its statements; parameters belong to the last one', () => {
    expect(sql.exec(`INSERT INTO t (v) VALUES (1); INSERT INTO t (v) VALUES (?) RETURNING v, '?;' AS text`, 2)).toEqual([
      { v: 2, text: '?;' },
    ]);
    expect(values()).toEqual([1, 2]);
  });

  test('a comment behind the last statement is refused, as the platform does', () => {
    expect(() => sql.exec(`INSERT INTO t (v) VALUES (1); -- and no more`)).toThrow('SQL code did not contain a statement.');
  });

  test('a transaction that throws leaves nothing', () => {
    expect(() =>
      sql.transaction(() => {
        sql.exec(`INSERT INTO t (v) VALUES (1)`);
        sql.exec(`INSERT INTO t (v) VALUES (1)`);
      }),
    ).toThrow('UNIQUE');
    expect(values()).toEqual([]);
  });

  test('an inner transaction that throws undoes itself only, an outer one both', () => {
    const inner = (v: number) => () => {
      sql.exec(`INSERT INTO t (v) VALUES (?)`, v);
      throw new Error('inner');
    };
    sql.transaction(() => {
      sql.exec(`INSERT INTO t (v) VALUES (1)`);
      expect(() => sql.transaction(inner(2))).toThrow('inner');
    });
    expect(values()).toEqual([1]);
    expect(() =>
      sql.transaction(() => {
        sql.transaction(() => sql.exec(`INSERT INTO t (v) VALUES (3)`));
        inner(4)();
      }),
    ).toThrow('inner');
    expect(values()).toEqual([1]);
    expect(sql.transaction(() => 'result')).toBe('result');
  });

  test('a transaction that awaits is refused and rolled back', () => {
    expect(() => sql.transaction(async () => sql.exec(`INSERT INTO t (v) VALUES (1)`))).toThrow('must not await');
    expect(values()).toEqual([]);
  });

  test('more than 100 parameters are refused', () => {
    expect(sql.exec(rows(100), ...Array<number>(100).fill(1))).toHaveLength(1);
    expect(() => sql.exec(rows(101), ...Array<number>(101).fill(1))).toThrow('at most 100 parameters');
  });

  test('values above 2,000,000 octets are refused, texts counted in UTF-8', () => {
    expect(lengthOf(sql, new Uint8Array(2_000_000))).toBe(2_000_000);
    expect(() => lengthOf(sql, new Uint8Array(2_000_001))).toThrow('too large');
    expect(lengthOf(sql, 'é'.repeat(1_000_000))).toBe(2_000_000);
    expect(() => lengthOf(sql, 'é'.repeat(1_000_000) + 'a')).toThrow('too large');
  });

  test('a statement of more than 100,000 characters is refused', () => {
    expect(() => sql.exec(`SELECT 1 ${' '.repeat(100_000)}`)).toThrow('too long');
  });
});

describe('over node:sqlite, as on the platform', () => {
  test('too few and too many parameters are refused', () => {
    const sql = nodeSql();
    expect(() => sql.exec(`SELECT ?, ?`, 1)).toThrow('Wrong number');
    expect(() => sql.exec(`SELECT ?`, 1, 2)).toThrow('Wrong number');
  });

  test.each([`BEGIN`, `SELECT 1; COMMIT`, ` savepoint a`, `PRAGMA user_version = 3`, `ATTACH 'x' AS y`])('%s is refused', (statement) => {
    expect(() => nodeSql().exec(statement)).toThrow('not authorized');
  });

  describe('in a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'popgate-sql-'));
    afterEach(() => rmSync(folder, { recursive: true }));

    test('a second opening finds what the first one committed', () => {
      const first = nodeSql(join(folder, 'a.sqlite'));
      first.exec(`CREATE TABLE t (v INTEGER) STRICT; INSERT INTO t VALUES (5)`);
      first.close();
      const second = nodeSql(join(folder, 'a.sqlite'));
      expect(second.exec(`SELECT v FROM t`)).toEqual([{ v: 5 }]);
      second.close();
    });
  });
});
