/**
 * What went wrong, as the Mailbox says it: errors of the rooms below (`pop3`, `net`, `crypto`) become one `Failure`.
 * Only plain data leaves the object; nothing here holds a command, a credential or a message.
 */
import { EnvelopeError } from '../crypto/envelope.ts';
import { MAILBOX, RETRY_AFTER } from '../limits.ts';
import { NetError } from '../net/error.ts';
import { Pop3Error, type Pop3Failure } from '../pop3/error.ts';
import type { UpstreamFailure } from './health.ts';
import type { Failure, UpstreamFailureKind, UpstreamSaid } from './rpc.ts';

/** A failure on its way up; caught at the RPC border and nowhere thrown past it. */
export class MailboxError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.kind);
    this.name = 'MailboxError';
    this.failure = failure;
  }
}

const QUIRKS = {
  pipelining: 'The mail server broke off at several commands at once. From now on it is sent one at a time.',
  behind_login: 'The mail server lost commands that were sent together with the login. From now on they are sent after it.',
  capa: 'The mail server broke off when it was asked for its capabilities. From now on it is not asked.',
} as const;

const UNLISTED = 'The mail server does not list this message now, but its listing is not to be relied on. Whether it is gone will show.';

/** There is no room or no turn for it now; soon there will be. */
export function overloaded(): MailboxError {
  return new MailboxError({ kind: 'overloaded', retryAfterSeconds: RETRY_AFTER.busy });
}

/** The mail server doesn't name a message now, and that doesn't show that the message is gone (see `ledger.ts`). */
export function unbelieved(reason: string = UNLISTED): MailboxError {
  const upstream = { phase: 'uidl', responseCode: null, text: null };
  return new MailboxError({ kind: 'upstream_temporary', upstream, retryAfterSeconds: MAILBOX.suspectTime / 1000, reason });
}

/** The failure that `error` stands for, or null for an error that is a bug of ours. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof MailboxError) return error.failure;
  const upstream = upstreamFailureOf(error);
  if (upstream) {
    const { definite: _, ...failure } = upstream;
    return failure;
  }
  if (error instanceof NetError && error.failure.kind === 'forbidden') return { kind: 'target_not_allowed', detail: error.failure.detail };
  if (error instanceof EnvelopeError)
    return {
      kind: 'misconfigured',
      detail:
        error.failure.kind === 'unknown_key'
          ? 'MASTER_KEY lacks the key that this account was sealed with. Add it back behind the first one.'
          : 'A stored value cannot be opened: MASTER_KEY holds another key under the same name, or storage was altered.',
    };
  return null;
}

/** The failure of a session: of the connection, the protocol or the login. Null for anything else. */
export function upstreamFailureOf(error: unknown): UpstreamFailure | null {
  if (error instanceof Pop3Error) return ofPop3(error.failure);
  if (!(error instanceof NetError)) return null;
  switch (error.failure.kind) {
    case 'unreachable':
      return {
        ...said('upstream_unreachable', { phase: 'connect', responseCode: null, text: null }),
        ...(error.failure.note === undefined ? {} : { reason: error.failure.note }),
      };
    case 'reset':
      return said('upstream_unreachable', { phase: error.failure.phase, responseCode: null, text: null });
    case 'timeout':
      return {
        ...said('upstream_timeout', { phase: error.failure.phase, responseCode: null, text: null }),
        ...(error.failure.note === null ? {} : { reason: error.failure.note }),
      };
    case 'forbidden':
      return null;
  }
}

/** Whether the line broke, as against the server having answered something unwelcome. */
export function connectionLost(error: unknown): boolean {
  if (error instanceof Pop3Error) return error.failure.kind === 'closed';
  return error instanceof NetError && (error.failure.kind === 'reset' || error.failure.kind === 'unreachable');
}

/** Whether the server broke off at something that the next session will do without. */
export function isQuirk(error: unknown): error is Pop3Error & { failure: { kind: 'quirk' } } {
  return error instanceof Pop3Error && error.failure.kind === 'quirk';
}

/** A reply of `-ERR` to one command, as a failure of that command alone. */
export function refusal(failure: Pop3Failure): MailboxError {
  const { definite: _, ...rest } = ofPop3(failure);
  return new MailboxError(rest);
}

function ofPop3(failure: Pop3Failure): UpstreamFailure {
  const upstream: UpstreamSaid = { phase: failure.phase, responseCode: failure.responseCode, text: failure.text };
  switch (failure.kind) {
    case 'auth':
      return said('upstream_auth_failed', upstream, null, failure.definite);
    case 'in_use':
      return said('mailbox_in_use', upstream, RETRY_AFTER.upstream);
    case 'login_delay':
      return said('login_delay', upstream, failure.seconds ?? RETRY_AFTER.upstream);
    case 'temporary':
      return said('upstream_temporary', upstream, RETRY_AFTER.upstream);
    case 'permanent':
    case 'refused':
      return said('upstream_refused', upstream);
    case 'unsupported':
      return { ...said('upstream_refused', upstream), reason: failure.reason };
    case 'protocol':
      return { ...said('upstream_protocol', upstream), reason: `The mail server broke the protocol: ${failure.reason}.` };
    case 'quirk':
      return { ...said('upstream_protocol', upstream), reason: QUIRKS[failure.quirk] };
    case 'closed':
      return said('upstream_unreachable', upstream);
  }
}

function said(
  kind: UpstreamFailureKind['kind'],
  upstream: UpstreamSaid,
  retryAfterSeconds: number | null = null,
  definite = false,
): UpstreamFailure {
  return { kind, upstream, retryAfterSeconds, definite };
}
