/** What the interop suite needs of a mail server, whoever wrote it. */
import type { ServerCertificate } from '../certificates.ts';

export interface ServerOptions {
  /** User name → password. Names are plain words. */
  readonly users: Readonly<Record<string, string>>;
  readonly tls: ServerCertificate;
}

/** What a client is to ask for: TLS from the first octet, STLS, or neither. */
export type Security = 'tls' | 'starttls' | 'none';

export interface MailServer {
  /** The server's own name and version. */
  readonly version: string;
  /** Loopback ports, by what they speak. */
  readonly ports: Readonly<Partial<Record<Security, number>>>;
  /** Puts messages into the user's empty mailbox, in order, as the server itself stores them. Once for each user. */
  fill(user: string, messages: readonly Uint8Array[]): Promise<void>;
  /** What the server printed or logged, to a bound. */
  output(): Promise<string>;
  stop(): Promise<void>;
}
