/** How a call ends: who asks, what came of it, and everything that can go wrong in a Mailbox. */

/**
 * How many requests a token has left: `remaining` of `limit`, for `reset` seconds. After them all of `limit` may be used
 * again or, where the call was refused, at least one.
 */
export interface Rate {
  limit: number;
  remaining: number;
  reset: number;
}

/** A call's outcome. `rate` is there where a counter counted the call. */
export type Result<T> = ({ ok: true; value: T } | { ok: false; failure: Failure }) & { rate?: Rate };

export type Scope = 'read' | 'write' | 'delete' | 'manage';

/** Who asks. A token is named by the hex SHA-256 of its text; the Mailbox decides what it may. */
export type Caller =
  | { readonly kind: 'operator' }
  | {
      readonly kind: 'token';
      readonly hash: string;
      readonly origin: string | null;
      /** The same request has called before and was counted then. */
      readonly counted?: true;
    }
  /** A signed URL: good for the one GET of `path` (with its query) that it was issued for, in the name of who issued it. */
  | {
      readonly kind: 'ticket';
      readonly ticket: string;
      readonly path: string;
      readonly origin: string | null;
      readonly counted?: true;
    };

/** What the mail server said with a failure, cleaned and cut. */
export interface UpstreamSaid {
  readonly phase: string | null;
  readonly responseCode: string | null;
  readonly text: string | null;
}

/** Everything that can go wrong in a Mailbox. `http/problem.ts` maps each kind to one problem. */
export type Failure =
  | { kind: 'invalid'; pointer: string; detail: string }
  | { kind: 'unauthorized' }
  | { kind: 'forbidden'; detail: string }
  | { kind: 'not_found' }
  | { kind: 'conflict'; detail: string }
  | { kind: 'paused' }
  | { kind: 'message_gone' }
  | { kind: 'target_not_allowed'; detail: string }
  | { kind: 'misconfigured'; detail: string }
  | { kind: 'precondition_failed' }
  /** `size`: octets of the whole. */
  | { kind: 'range_not_satisfiable'; size: number }
  | { kind: 'rate_limited'; retryAfterSeconds: number }
  | { kind: 'overloaded'; retryAfterSeconds: number }
  | { kind: 'internal' }
  | UpstreamFailureKind;

/** Failures on the mail server's side. `retryAfterSeconds` is null where no wait is known. */
export type UpstreamFailureKind = {
  kind:
    | 'upstream_auth_failed'
    | 'login_delay'
    | 'upstream_unreachable'
    | 'upstream_protocol'
    | 'upstream_refused'
    | 'delete_unconfirmed'
    | 'mailbox_in_use'
    | 'upstream_temporary'
    | 'upstream_timeout';
  upstream: UpstreamSaid;
  retryAfterSeconds: number | null;
  /** A sentence of ours that says more than the kind does. */
  reason?: string;
};
