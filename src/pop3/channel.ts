/**
 * The byte channel a POP3 session speaks over: what `pop3/` needs of a connection and nothing more.
 * `net/` implements it over the platform's sockets; tests implement it over Node's.
 * Every wait has a deadline, kept by the channel; a failed wait closes it for good.
 */

/** What a session is waiting for, named in timeouts so that a person can tell where a server went quiet. */
export type Phase =
  | 'connect'
  | 'tls'
  | 'greeting'
  | 'capabilities'
  | 'login'
  | 'stat'
  | 'list'
  | 'uidl'
  | 'top'
  | 'retr'
  | 'dele'
  | 'noop'
  | 'quit';

/**
 * Which deadline a read is held to: the greeting's, the first octet of a reply, the next octets of one, or the first octet of
 * a reply that may never come because its command was written behind a login.
 */
export type Patience = 'greeting' | 'reply' | 'chunk' | 'behindLogin';

export interface Channel {
  /**
   * The next octets, at least one, or null at the end of the stream. The array belongs to the caller
   * until the next read. Throws the channel's own error (a deadline passed, the line was reset), after
   * which the channel is closed. The error's `failure.kind` is `timeout` if it was a deadline.
   */
  read(phase: Phase, patience: Patience): Promise<Uint8Array | null>;
  /** Writes all of `octets`, or throws the channel's own error. */
  write(phase: Phase, octets: Uint8Array): Promise<void>;
  /** Turns the connection into TLS (RFC 2595 §4). That nothing of what was read is left over is for the caller to see to. */
  startTls(): Promise<void>;
  /** Closes without waiting; safe to call twice. */
  close(): void;
  /** Octets of POP3 (inside TLS) so far. */
  readonly octetsIn: number;
  readonly octetsOut: number;
}

/** Whether a channel's error means that a deadline passed, as against a line that broke. */
export function timedOut(error: unknown): boolean {
  return (error as { failure?: { kind?: unknown } } | null)?.failure?.kind === 'timeout';
}
