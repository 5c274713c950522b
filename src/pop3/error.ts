/**
 * Everything that can go wrong in a POP3 session, as one union and one class that carries it.
 * What the server said is cleaned and cut before it gets here (`reply.ts`); what we sent never gets here,
 * so neither a failure nor its message can hold a credential.
 * Response codes: RFC 2449 §8 (LOGIN-DELAY, IN-USE), RFC 3206 (SYS/TEMP, SYS/PERM, AUTH).
 */
import type { Phase } from './channel.ts';

export type ResponseCode = 'AUTH' | 'IN-USE' | 'LOGIN-DELAY' | 'SYS/TEMP' | 'SYS/PERM';

/** What some servers can't cope with: commands written before the last reply was read, or behind a login, or CAPA itself. */
export type Quirk = 'pipelining' | 'behind_login' | 'capa';

/** Where it happened and what the server said, as far as it said anything. */
export interface Said {
  readonly phase: Phase;
  readonly responseCode: ResponseCode | null;
  readonly text: string | null;
}

export type Pop3Failure = Said &
  (
    | {
        /** The credentials were refused. `definite` only where the server said so by `[AUTH]`. */
        readonly kind: 'auth';
        readonly definite: boolean;
      }
    /** Another session holds the maildrop. */
    | { readonly kind: 'in_use' }
    /** Too early for another login; `seconds` where the server said how long to wait. */
    | { readonly kind: 'login_delay'; readonly seconds: number | null }
    /** `[SYS/TEMP]`: worth another try. */
    | { readonly kind: 'temporary' }
    /** `[SYS/PERM]`: a person must act. */
    | { readonly kind: 'permanent' }
    /** Any other `-ERR`. */
    | { readonly kind: 'refused' }
    /** What came was not POP3, or more than a bound allows. `reason` is ours. */
    | { readonly kind: 'protocol'; readonly reason: string }
    /** The stream ended before the reply did. */
    | { readonly kind: 'closed' }
    /**
     * The server broke off at something that can be done without. `remembered.ts` says what to pass to the next session,
     * which goes without it; worth one more try at once.
     */
    | { readonly kind: 'quirk'; readonly quirk: Quirk }
    /** The login that was asked for can't be done with this server, or not by us. `reason` is ours. */
    | { readonly kind: 'unsupported'; readonly reason: string }
  );

export class Pop3Error extends Error {
  readonly failure: Pop3Failure;

  constructor(failure: Pop3Failure) {
    super(`POP3 ${failure.phase}: ${'reason' in failure ? failure.reason : failure.kind}`);
    this.name = 'Pop3Error';
    this.failure = failure;
  }
}

/**
 * The error for octets that break the protocol or a bound. `text` is what the server said, already cleaned; it is
 * dropped where a server that echoes its input would hand the credentials back.
 */
export function protocolError(phase: Phase, reason: string, text: string | null = null): Pop3Error {
  return new Pop3Error({ kind: 'protocol', phase, reason, responseCode: null, text: phase === 'login' ? null : text });
}

/** The error for a stream that ended early. */
export function closedError(phase: Phase): Pop3Error {
  return new Pop3Error({ kind: 'closed', phase, responseCode: null, text: null });
}

/** The error for a server that broke off at something that can be done without. */
export function quirkError(phase: Phase, quirk: Quirk): Pop3Error {
  return new Pop3Error({ kind: 'quirk', quirk, phase, responseCode: null, text: null });
}

/** The error for a login that can't be tried. */
export function unsupportedError(phase: Phase, reason: string): Pop3Error {
  return new Pop3Error({ kind: 'unsupported', phase, reason, responseCode: null, text: null });
}
