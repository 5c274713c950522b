/**
 * Everything the Mailbox's rooms need from outside: the network, time, chance, the alarm and SQL.
 * Handed in as one object, so that the same code runs in a Durable Object and under plain Node
 * with `node:sqlite`, a scripted peer and deadlines of milliseconds.
 */
import type { Deadlines } from '../limits.ts';
import type { Target } from '../net/target.ts';
import type { Channel } from '../pop3/channel.ts';

export type { Target };

export type SqlValue = string | number | null | Uint8Array;

/** SQLite as the Mailbox uses it: synchronous, blobs as `Uint8Array` both ways. */
export interface Sql {
  /** Runs one statement and returns all its rows. Statements are named and typed in `store/` only. */
  exec<Row extends Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): Row[];
  /** Runs `body` in one transaction: all of it or, when it throws, nothing. `body` must not await. */
  transaction<T>(body: () => T): T;
}

/** The object's one alarm; times in milliseconds since the epoch. */
export interface Alarm {
  /** When it will ring; null: it is not set, or it is ringing. */
  get(): Promise<number | null>;
  set(at: number): void;
  clear(): void;
}

/** A turn to log in at a mail host. */
export interface Turn {
  end(): void;
}

export interface Deps {
  /** Opens a connection after the target policy has passed. Throws `NetError` (see `net/error.ts`). */
  readonly dial: (target: Target) => Promise<Channel>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Fresh random octets. */
  readonly random: (count: number) => Uint8Array<ArrayBuffer>;
  readonly alarm: Alarm;
  /** A turn to log in at `host`, or null where none came in time. May fail. */
  readonly turns: (host: string, jurisdiction: string | null) => Promise<Turn | null>;
  readonly deadlines: Deadlines;
  readonly sql: Sql;
  /** Deletes everything that the object stored, its alarm too. */
  readonly erase: () => Promise<void>;
}
