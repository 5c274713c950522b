/** What a POP3 session needs of its server, and how a test may bend it. Types only. */
import type { CommandLog } from './command-log.ts';
import type { Maildrop } from './maildrop.ts';
import type { LineChannel } from './pop3-lines.ts';

export interface Pop3User {
  readonly password: string;
  readonly maildrop: Maildrop;
}

/** What a session needs of its server. */
export interface SessionHost {
  readonly users: ReadonlyMap<string, Pop3User>;
  readonly hide: ReadonlySet<Hidden>;
  readonly greeting: string;
  readonly answer: Answer | null;
  readonly encrypted: boolean;
  /** Upgrades to TLS and returns the new channel, or null where STLS isn't offered. */
  readonly startTls: (() => Promise<LineChannel>) | null;
  readonly log: CommandLog;
}

/** Commands and capabilities that a server can be made to lack. */
export type Hidden = 'CAPA' | 'TOP' | 'UIDL' | 'PIPELINING' | 'SASL' | 'USER' | 'RESP-CODES';

/**
 * A test's own answer to a command: octets sent as they are, `close` to drop the connection, `last` for octets before
 * that, or null to let the server answer. Octets beginning with `+OK` don't change the session's state. With a promise the
 * session waits, and reads no further command meanwhile.
 */
export type Answer = (command: { readonly verb: string; readonly argument: string; readonly user: string | null }) => Own | Promise<Own>;

type Own = string | { readonly last: string } | null;
