/**
 * How an account's state follows from what happened to its sessions. Pure: a row, an outcome and a time in, a row out.
 *
 * A login refused with `[AUTH]` (RFC 3206 §5) is definite. A bare `-ERR` may be a lock or a passing fault, so it
 * takes three of them, each a minute apart, before the credentials are held to be wrong. Once they are, nobody logs in
 * until they change: a gateway that goes on trying gets people locked out of their mail.
 */
import { BACKOFF, LOGIN_DELAY_MOST, MAILBOX } from '../limits.ts';
import type { HealthRow, HealthState } from './store/account-store.ts';
import type { Failure, UpstreamFailureKind } from './rpc.ts';

export type UpstreamFailure = UpstreamFailureKind & { definite: boolean };

/** What keeps a session from being opened: the server's doing, or the target policy's, which names and lists may change. */
export type SessionFailure =
  | Pick<UpstreamFailure, 'kind' | 'retryAfterSeconds' | 'definite' | 'upstream'>
  | { kind: 'target_not_allowed'; retryAfterSeconds: null; definite: false };

/** The row after a complete listing at `at`. */
export function afterListing(row: HealthRow, at: number): HealthRow {
  return {
    ...afterLogin(row, at),
    attempted_at: at,
    checked_at: at,
    failures: 0,
    error_code: null,
    error_at: null,
    retry_at: null,
  };
}

/**
 * The row after an accepted login: the credentials are right, whatever happens next. A server that announced a login
 * delay (RFC 2449 §6.5) has it kept, by everybody and after a restart too.
 */
export function afterLogin(row: HealthRow, at: number, loginDelaySeconds = 0): HealthRow {
  const loginAfter = loginDelaySeconds > 0 ? at + said(loginDelaySeconds) : row.login_after;
  return { ...inState(row, 'ready', at), refusals: 0, refused_at: null, login_after: loginAfter };
}

/**
 * The row once the account has another server (`moved`) or other credentials: what was held against the old ones is
 * forgotten, but for the wait that a server has asked for.
 */
export function afterRenewal(row: HealthRow, moved: boolean, at: number): HealthRow {
  return {
    ...inState(row, 'new', at),
    failures: 0,
    refusals: 0,
    refused_at: null,
    error_code: null,
    error_at: null,
    attempted_at: null,
    retry_at: null,
    login_after: moved ? null : row.login_after,
  };
}

/** The row of an account that is paused from now on, or no longer: what is shown as its state changes. */
export function afterPause(row: HealthRow, at: number): HealthRow {
  return { ...row, state_since: at };
}

/** The row after a session that could not be opened or broke. */
export function afterFailure(row: HealthRow, failure: SessionFailure, at: number): HealthRow {
  const failures = row.failures + 1;
  const wait = said(failure.retryAfterSeconds ?? 0);
  const next: HealthRow = {
    ...row,
    attempted_at: at,
    failures,
    error_code: failure.kind,
    error_at: at,
    retry_at: at + Math.max(grown(patience(failure), failures), wait),
    login_after: failure.kind === 'login_delay' ? at + wait : row.login_after,
  };
  switch (failure.kind) {
    case 'upstream_auth_failed':
      return afterRefusal(next, failure.definite, at);
    case 'upstream_unreachable':
    case 'upstream_timeout':
    case 'upstream_protocol':
    case 'target_not_allowed':
      return inState(next, 'unreachable', at);
    default:
      return next;
  }
}

/** The wait that a server asked for, milliseconds. */
function said(seconds: number): number {
  return Math.min(seconds * 1000, LOGIN_DELAY_MOST);
}

type Patience = (typeof BACKOFF)[keyof typeof BACKOFF];

/** How patient polls are after this failure. Response codes are those of RFC 3206. */
function patience(failure: SessionFailure): Patience {
  switch (failure.kind) {
    case 'mailbox_in_use':
      return BACKOFF.inUse;
    case 'login_delay':
      return BACKOFF.loginDelay;
    case 'upstream_temporary':
      return BACKOFF.temporary;
    case 'target_not_allowed':
      return BACKOFF.permanent;
    case 'upstream_refused':
      return failure.upstream.responseCode === null ? BACKOFF.unreachable : BACKOFF.permanent;
    default:
      return BACKOFF.unreachable;
  }
}

/** The wait after so many failures in a row, milliseconds: doubling, bounded. */
export function backoff(failures: number): number {
  return grown(BACKOFF.unreachable, failures);
}

function grown({ first, growth, most }: Patience, failures: number): number {
  return Math.min(most, Math.round(first * growth ** Math.min(failures - 1, 16)));
}

/**
 * Whether a login may be tried now; if not, the failure that says why. `auth_failed` lasts until the credentials
 * change; a login delay lasts as long as the server said. After a bare refusal nobody tries again before the next try
 * counts, so that as many refused logins as it takes are all that the server ever sees.
 */
export function mayLogIn(row: HealthRow, now: number): Failure | null {
  const upstream = { phase: 'login', responseCode: null, text: null };
  if (row.state === 'auth_failed') return { kind: 'upstream_auth_failed', upstream, retryAfterSeconds: null };
  if (row.login_after !== null && row.login_after > now)
    return { kind: 'login_delay', upstream, retryAfterSeconds: Math.ceil((row.login_after - now) / 1000) };
  const wait = row.refused_at === null ? 0 : row.refused_at + MAILBOX.refusedLoginDistance - now;
  if (wait > 0) return { kind: 'upstream_auth_failed', upstream, retryAfterSeconds: Math.ceil(wait / 1000) };
  return null;
}

function afterRefusal(row: HealthRow, definite: boolean, at: number): HealthRow {
  if (definite) return inState(row, 'auth_failed', at);
  const apart = row.refused_at === null || at - row.refused_at >= MAILBOX.refusedLoginDistance;
  if (!apart) return row;
  const refusals = row.refusals + 1;
  const counted = { ...row, refusals, refused_at: at };
  return refusals >= MAILBOX.refusedLogins ? inState(counted, 'auth_failed', at) : counted;
}

function inState(row: HealthRow, state: HealthState, at: number): HealthRow {
  return row.state === state ? row : { ...row, state, state_since: at };
}
