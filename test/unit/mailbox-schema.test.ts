/**
 * The tables that exist out there. A schema step that has been released is never edited, not even its comments: the next
 * version finds the tables as this fixture has them. A further step is a further entry in the fixture, at its end.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DirectoryStore } from '../../src/directory/store.ts';
import type { Sql, SqlValue } from '../../src/mailbox/deps.ts';
import { applySchema, hasSchema } from '../../src/mailbox/store/schema.ts';
import { nodeSql } from '../support/node-sql.ts';

interface Step {
  /** SHA-256 of the step's text. */
  readonly sha256: string;
  /** What it made or changed in `sqlite_master`: names to statements, without comments and with white space folded. */
  readonly objects: Readonly<Record<string, string>>;
}

type Kind = 'mailbox' | 'directory';

const FIXTURE = JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/mailbox/schema.json`, 'utf8')) as Record<Kind, readonly Step[]>;

const MIGRATE: Record<Kind, (sql: Sql) => void> = {
  mailbox: (sql) => applySchema(sql, 0),
  directory: (sql) => new DirectoryStore(sql).migrate(0),
};

/** Whatever isn't about the table of steps is a step. */
function isStep(statement: string): boolean {
  return !statement.includes('schema_steps');
}

/** `Sql` that tells of each step that was executed. */
function watched(sql: Sql, stepDone: (text: string) => void): Sql {
  const exec = <Row extends Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): Row[] => {
    const rows = sql.exec<Row>(statement, ...bindings);
    if (isStep(statement)) stepDone(statement);
    return rows;
  };
  return { exec, transaction: (body) => sql.transaction(body) };
}

function objectsOf(sql: Sql): Map<string, string> {
  const rows = sql.exec<{ name: string; sql: string }>(`SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name`);
  return new Map(rows.map(({ name, sql: text }) => [name, folded(text)]));
}

function folded(statement: string): string {
  return statement
    .replaceAll(/--[^\n]*/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** The steps that an empty database is taken through. */
function stepsOf(kind: Kind): Step[] {
  const sql = nodeSql();
  const steps: Step[] = [];
  let before = new Map<string, string>();
  MIGRATE[kind](
    watched(sql, (text) => {
      const after = objectsOf(sql);
      const changed = [...after].filter(([name, statement]) => before.get(name) !== statement);
      steps.push({ sha256: createHash('sha256').update(text).digest('hex'), objects: Object.fromEntries(changed) });
      before = after;
    }),
  );
  return steps;
}

describe.each(['mailbox', 'directory'] as const)('the schema of the %s', (kind) => {
  const steps = stepsOf(kind);

  test.each(FIXTURE[kind].map((step, index): [number, Step] => [index + 1, step]))('has its step %i as it was released', (number, step) => {
    expect(steps[number - 1]).toEqual(step);
  });

  test('has no step that the fixture lacks', () => {
    expect(steps.slice(FIXTURE[kind].length)).toEqual([]);
  });

  test('is made once: what has run is not run again', () => {
    const sql = nodeSql();
    MIGRATE[kind](sql);
    const again: string[] = [];
    MIGRATE[kind](watched(sql, (text) => again.push(text)));
    expect(again).toEqual([]);
    const rows = sql.exec<{ number: number }>(`SELECT number FROM schema_steps ORDER BY number`);
    expect(rows.map(({ number }) => number)).toEqual(steps.map((_, index) => index + 1));
  });
});

test('a Mailbox without tables has no schema, and asking makes none', () => {
  const sql = nodeSql();
  expect(hasSchema(sql)).toBe(false);
  expect(sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
});

test('a Mailbox whose steps broke off has no schema, and they run whole the next time', () => {
  const sql = nodeSql();
  sql.exec(`CREATE TABLE checkpoints (in_the_way INTEGER)`);
  expect(() => sql.transaction(() => MIGRATE.mailbox(sql))).toThrow(/checkpoints/);
  expect(hasSchema(sql)).toBe(false);
  sql.exec(`DROP TABLE checkpoints`);
  sql.transaction(() => MIGRATE.mailbox(sql));
  const whole = nodeSql();
  MIGRATE.mailbox(whole);
  expect(objectsOf(sql)).toEqual(objectsOf(whole));
});
