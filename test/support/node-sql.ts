/**
 * `Sql` over node:sqlite, for tests under plain Node, as a Durable Object's storage behaves: several statements in one
 * `exec` (the parameters belong to the last), the exact number of parameters, savepoints for nested transactions, numbers
 * bound as REAL, and the same bounds. What the platform refuses (BEGIN, most PRAGMAs) is refused here too.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Sql, SqlValue } from '../../src/mailbox/deps.ts';
import { checkStatement, settled } from '../../src/mailbox/sql.ts';

const REFUSED = /^\s*(begin|commit|end|rollback|savepoint|release|attach|detach|vacuum|pragma)\b/i;

interface Prepared {
  readonly before: readonly StatementSync[];
  readonly last: StatementSync;
  readonly parameters: number;
}

/** A database in memory, or in the file at `path`, which a second call finds as the first one left it. */
export function nodeSql(path = ':memory:'): Sql & { close(): void } {
  const database = new DatabaseSync(path);
  const cache = new Map<string, Prepared>();
  let depth = 0;
  return {
    exec<Row extends Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): Row[] {
      checkStatement(statement, bindings);
      const found = cache.get(statement);
      const prepared = found ?? prepare(database, statement);
      if (bindings.length !== prepared.parameters) throw new Error('Wrong number of parameter bindings for SQL query.');
      const rows = prepared.last.all(...bindings) as Row[];
      // One statement alone may be used again; a script of several changes the tables that its parts were prepared for.
      if (!found && prepared.before.length === 0) cache.set(statement, prepared);
      return rows.map((row) => ({ ...row }));
    },
    transaction<T>(body: () => T): T {
      const name = `level_${depth}`;
      database.exec(`SAVEPOINT ${name}`);
      depth++;
      try {
        const result = settled(body());
        database.exec(`RELEASE ${name}`);
        return result;
      } catch (error) {
        database.exec(`ROLLBACK TO ${name}; RELEASE ${name}`);
        throw error;
      } finally {
        depth--;
      }
    },
    close: () => database.close(),
  };
}

/** Runs every statement but the last, which it returns prepared. */
function prepare(database: DatabaseSync, script: string): Prepared {
  const before: StatementSync[] = [];
  let rest = script;
  for (;;) {
    if (REFUSED.test(rest)) throw new Error('not authorized: SQLITE_AUTH');
    const statement = database.prepare(rest);
    const source = statement.sourceSQL;
    rest = rest.slice(source.length);
    if (rest.trim() === '') return { before, last: statement, parameters: parametersOf(source) };
    // The platform takes a comment behind the last statement for one more.
    if (isBlank(rest)) throw new Error('SQL code did not contain a statement.');
    statement.all();
    before.push(statement);
  }
}

function isBlank(script: string): boolean {
  return withoutText(script).trim() === '';
}

/** The number of `?` outside of texts and comments; named and numbered parameters are not used. */
function parametersOf(statement: string): number {
  return withoutText(statement).split('?').length - 1;
}

function withoutText(statement: string): string {
  return statement.replaceAll(/'[^']*'|--[^\n]*|\/\*[^]*?\*\//g, (text) => (text.startsWith("'") ? "''" : ''));
}
