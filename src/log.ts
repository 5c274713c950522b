/**
 * The one logger and the only user of the console: one line of JSON per event. It redacts by construction: there is no
 * field for a text that a caller, a server or a message brought, and what is written into a field must look like what
 * the field is for. Anything else comes out as "?", so that a mistake here or there costs a word and not a secret.
 */
import { isAccountId } from './crypto/ids.ts';

/** Everything that may be said about an event. A null says nothing. */
export interface LogFields {
  readonly account?: string | null;
  /** The request's id, a UUID. */
  readonly request?: string | null;
  /** A problem's code or a failure's kind. */
  readonly code?: string | null;
  /** The phase of a session in which it failed. */
  readonly phase?: string | null;
  /** How many of what, by names of ours. */
  readonly counts?: Readonly<Record<string, number>> | null;
  /** An error's class, as `errorName` tells it; never its message, which may quote what it met. */
  readonly error?: string | null;
}

const WORD = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Writers = { readonly [Field in keyof Required<LogFields>]: (value: NonNullable<LogFields[Field]>) => unknown };

/** In the order in which they are written. */
const WRITERS: Writers = {
  account: (value) => (isAccountId(value) ? value : '?'),
  request: (value) => matching(value, UUID),
  code: word,
  phase: word,
  counts: (value) => Object.fromEntries(Object.entries(value).map(([name, count]) => [word(name), finite(count)])),
  error: word,
};

/** Writes one event. Its name is a constant in small letters, like `alarm_failed`. */
export function log(event: Lowercase<string>, fields: LogFields = {}): void {
  const line: Record<string, unknown> = { event: word(event) };
  for (const name of Object.keys(WRITERS) as (keyof LogFields)[]) write(line, name, fields);
  // oxlint-disable-next-line no-console
  console.log(JSON.stringify(line));
}

/** What may be said of an error, or of whatever else was thrown. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}

function write(line: Record<string, unknown>, name: keyof LogFields, fields: LogFields): void {
  const value = fields[name];
  // Each writer takes the type of its own field, which the compiler doesn't follow through a name.
  if (value !== undefined && value !== null) line[name] = (WRITERS[name] as (value: unknown) => unknown)(value);
}

function matching(value: string, pattern: RegExp): string {
  return typeof value === 'string' && pattern.test(value) ? value : '?';
}

function word(value: string): string {
  return matching(value, WORD);
}

function finite(value: number): number | '?' {
  return typeof value === 'number' && Number.isFinite(value) ? value : '?';
}
