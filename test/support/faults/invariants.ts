/**
 * What must hold whatever happened: read from the rows of an object, from its answers and from its log, beside the object's
 * own code. Each function says in sentences what doesn't hold.
 */
import type { NodeMailbox } from '../node-mailbox.ts';
import { OPERATOR } from '../node-mailbox.ts';
import type { Result } from '../../../src/mailbox/rpc.ts';
import type { MailboxService } from '../../../src/mailbox/service.ts';
import type { Sql } from '../../../src/mailbox/deps.ts';
import type { Platform } from './platform.ts';

const WHOLE = { ifMatch: null, ifNoneMatch: null, range: null, ifRange: null, body: true };

/** The account's last place and whether it is behind `before`. */
export function movedBack({ sql }: NodeMailbox, before: number): { place: number; back: boolean } {
  if (!hasTable(sql, 'account')) return { place: before, back: before > 0 };
  const place = sql.exec<{ place: number }>(`SELECT place FROM account`)[0]?.place ?? 0;
  return { place, back: place < before };
}

/** How an account that was left alone must stand: so many rows (null: any), one of these states, and something that wakes it. */
export function endState(box: NodeMailbox, { rows, states }: { rows: number | null; states: readonly string[] }): string[] {
  const wrong: string[] = [];
  const { sql } = box;
  const count = sql.exec<{ n: number }>(`SELECT count(*) AS n FROM messages`)[0]?.n ?? 0;
  if (rows !== null && count !== rows) wrong.push(`I2: ${count} rows for ${rows} messages`);
  const state = sql.exec<{ state: string }>(`SELECT state FROM health`)[0]?.state ?? 'none';
  if (!states.includes(state)) wrong.push(`I6: the account is ${state}`);
  if (state !== 'auth_failed' && box.alarm() === null) wrong.push('I6: nothing will wake the account');
  const intents = sql.exec(`SELECT 1 FROM deletions`).length;
  if (intents > 0) wrong.push(`${intents} intents to delete are left`);
  return wrong;
}

/** Which of `secrets` stand in clear in a row or a line of the log, and which of `unspeakable` in an answer. */
export function unsealed(
  { box, answers }: Platform,
  log: readonly string[],
  { secrets, unspeakable }: { secrets: readonly string[]; unspeakable: readonly string[] },
): string[] {
  const rows = stored(box.sql);
  const lines = log.join('\n');
  const told = answers.join('\n');
  return [
    ...secrets.filter((secret) => rows.includes(secret)).map((secret) => `I7: a row holds ${secret}`),
    ...secrets.filter((secret) => lines.includes(secret)).map((secret) => `I7: the log holds ${secret}`),
    ...unspeakable.filter((secret) => told.includes(secret)).map((secret) => `I7: an answer holds ${secret}`),
  ];
}

/** The octets of a message, read to their end; at most `most` and one more. */
export async function octetsOf(service: MailboxService, id: string, most: number): Promise<Result<Buffer>> {
  const result = await service.raw(OPERATOR, id, WHOLE);
  if (!result.ok) return result;
  if (result.value.notModified || result.value.body === null) return { ok: true, value: Buffer.alloc(0) };
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of new Response(result.value.body).body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > most) break;
  }
  return { ok: true, value: Buffer.concat(chunks) };
}

function stored(sql: Sql): string {
  const tables = sql.exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`);
  const values = tables.flatMap(({ name }) => sql.exec(`SELECT * FROM ${name}`).flatMap((row) => Object.values(row)));
  return values.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value))).join('\n');
}

function hasTable(sql: Sql, name: string): boolean {
  return sql.exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`, name).length > 0;
}
