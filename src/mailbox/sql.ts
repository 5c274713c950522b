/**
 * SQLite of a Durable Object, as `Sql`: blobs are `Uint8Array` both ways, and the platform's bounds are checked here,
 * because local workerd doesn't enforce all of them and production does. A transaction inside another one is a
 * savepoint: what the inner one threw undoes the inner one only.
 */
import { Buffer } from 'node:buffer';
import { SQL } from '../limits.ts';
import type { Sql, SqlValue } from './deps.ts';

/** The `Sql` of an object's own storage. */
export function durableSql(storage: DurableObjectStorage): Sql {
  return {
    exec<Row extends Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): Row[] {
      checkStatement(statement, bindings);
      const cursor = storage.sql.exec(statement, ...bindings);
      const names = cursor.columnNames;
      const rows: Record<string, SqlValue>[] = [];
      // The platform takes twice as long to make objects of rows as arrays.
      for (const values of cursor.raw()) rows.push(rowOf(names, values));
      return rows as Row[];
    },
    transaction: (body) => storage.transactionSync(() => settled(body())),
  };
}

function rowOf(names: readonly string[], values: readonly SqlStorageValue[]): Record<string, SqlValue> {
  const row: Record<string, SqlValue> = {};
  for (let index = 0; index < names.length; index++) {
    const value = values[index] ?? null;
    row[names[index] ?? ''] = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
  }
  return row;
}

/** Throws where a statement exceeds what the platform takes. */
export function checkStatement(statement: string, bindings: readonly SqlValue[]): void {
  if (statement.length > SQL.statementCharacters) throw new RangeError('The SQL statement is too long.');
  if (bindings.length > SQL.parameters) throw new RangeError(`A SQL statement takes at most ${SQL.parameters} parameters.`);
  for (const value of bindings) if (octetsOf(value) > SQL.valueOctets) throw new RangeError('A SQL value is too large.');
}

/** What a transaction's body returned. One that awaits would be committed half done, so it is refused and rolled back. */
export function settled<T>(result: T): T {
  if (result instanceof Promise) throw new TypeError('A transaction must not await.');
  return result;
}

function octetsOf(value: SqlValue): number {
  if (value instanceof Uint8Array) return value.byteLength;
  // UTF-8 takes at most three octets for each unit of a string.
  return typeof value === 'string' && value.length * 3 > SQL.valueOctets ? Buffer.byteLength(value) : 0;
}
