/**
 * Everything that can go wrong between us and a mail server's socket, below POP3.
 * A refused connection, an unknown name, a wrong certificate and a filtered port are one kind: the platform
 * doesn't tell them apart, and whoever asks must not be able to map a network through us.
 */
import type { Phase } from '../pop3/channel.ts';

export type NetFailure =
  /** No connection, or no TLS on it. `note` is a sentence for who asks, where more is known than that. */
  | { readonly kind: 'unreachable'; readonly note?: string }
  /** A deadline passed. `note` says what the octets so far suggest, if anything. */
  | { readonly kind: 'timeout'; readonly phase: Phase; readonly note: string | null }
  /** The connection broke. */
  | { readonly kind: 'reset'; readonly phase: Phase }
  /** The target policy refuses it; nothing was opened. */
  | { readonly kind: 'forbidden'; readonly detail: string };

export class NetError extends Error {
  readonly failure: NetFailure;

  constructor(failure: NetFailure) {
    super('phase' in failure ? `${failure.kind} (${failure.phase})` : failure.kind);
    this.name = 'NetError';
    this.failure = failure;
  }
}
