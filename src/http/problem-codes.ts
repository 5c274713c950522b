/**
 * The codes of every error, with their status, their title and what is said when a failure brings no sentence
 * of its own: what happened and what can be done. People read these.
 */
import type { ClientErrorStatusCode, ServerErrorStatusCode } from 'hono/utils/http-status';
import { HTTP } from '../limits.ts';

export type ErrorStatus = ClientErrorStatusCode | ServerErrorStatusCode;

export interface Meaning {
  readonly status: ErrorStatus;
  readonly title: string;
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** What is said when the failure brings no sentence of its own. */
  readonly detail: string;
}

export const PROBLEMS = {
  invalid_request: {
    status: 400,
    title: 'The request is not valid',
    retryable: false,
    detail: 'Something in the request is missing, unknown or malformed; "errors" says what and where.',
  },
  unauthorized: {
    status: 401,
    title: 'Not authenticated',
    retryable: false,
    detail: 'Send a valid operator key or account token: "Authorization: Bearer …". It may be missing, unknown, expired or revoked.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    retryable: false,
    detail: 'The token is valid, but it does not allow this.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    retryable: false,
    detail: 'There is nothing here, or nothing that this caller may see.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    retryable: false,
    detail: 'This path does not take this method; the Allow header lists those that it takes.',
  },
  conflict: {
    status: 409,
    title: 'In conflict with what is stored',
    retryable: false,
    detail: 'The request does not fit what is stored now.',
  },
  paused: {
    status: 409,
    title: 'The account is paused',
    retryable: false,
    detail: 'The account is paused, so its mail server is not asked. What is known can still be read: leave out maxAge=0.',
  },
  message_gone: {
    status: 410,
    title: 'The message is gone',
    retryable: false,
    detail: 'The message is no longer on the mail server, and no copy of it is kept here.',
  },
  precondition_failed: {
    status: 412,
    title: 'A condition of the request does not hold',
    retryable: false,
    detail: 'What is stored is not what If-Match or If-None-Match asks for. Read it again before changing it.',
  },
  request_too_large: {
    status: 413,
    title: 'The request is too large',
    retryable: false,
    detail: `A request's body may have ${HTTP.bodyOctets} octets at most.`,
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    retryable: false,
    detail: 'Send the body as JSON in UTF-8, with "Content-Type: application/json".',
  },
  range_not_satisfiable: {
    status: 416,
    title: 'The range is not there',
    retryable: false,
    detail: 'The Range begins behind the last octet; Content-Range says how many there are.',
  },
  target_not_allowed: {
    status: 422,
    title: 'The mail server is not allowed',
    retryable: false,
    detail: 'The policy of this deployment does not allow this host or port; nothing was opened.',
  },
  upstream_auth_failed: {
    status: 424,
    title: 'The mail server refused the login',
    retryable: false,
    detail:
      'The mail server refused the user name or the password. Some providers want an app password, or POP3 to be switched on in their settings.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    retryable: true,
    detail: 'More requests came than are allowed in this time. Retry-After says when to go on.',
  },
  login_delay: {
    status: 429,
    title: 'The mail server asks for a pause',
    retryable: true,
    detail: 'The mail server does not accept another login yet. Try again after the time in Retry-After.',
  },
  upstream_unreachable: {
    status: 502,
    title: 'The mail server cannot be reached',
    retryable: true,
    detail: 'No connection to the mail server, or no TLS with it. Check host, port, security and the validity of its certificate.',
  },
  upstream_protocol: {
    status: 502,
    title: 'The mail server does not speak POP3 properly',
    retryable: true,
    detail: 'What the mail server sent, or where it stopped, is not valid POP3, or it is more than this gateway accepts.',
  },
  upstream_refused: {
    status: 502,
    title: 'The mail server refused a command',
    retryable: false,
    detail: 'The mail server answered a command with -ERR; "upstream" has its words.',
  },
  delete_unconfirmed: {
    status: 502,
    title: 'The deletion is not confirmed',
    retryable: true,
    detail: 'The deletion was asked for, but the mail server did not confirm it. It is tried again; the next listing shows how it ended.',
  },
  mailbox_in_use: {
    status: 503,
    title: 'The mailbox is in use',
    retryable: true,
    detail: 'Another client has this mailbox open, and POP3 allows only one at a time. Try again a little later.',
  },
  upstream_temporary: {
    status: 503,
    title: 'The mail server has a temporary problem',
    retryable: true,
    detail: 'The mail server says that it has a temporary problem. Try again later.',
  },
  overloaded: {
    status: 503,
    title: 'Too busy',
    retryable: true,
    detail: 'Too much is being asked at once. Try again after the time in Retry-After.',
  },
  misconfigured: {
    status: 503,
    title: 'The deployment is not configured',
    retryable: false,
    detail: 'The operator of this deployment must mend its configuration.',
  },
  upstream_timeout: {
    status: 504,
    title: 'The mail server did not answer in time',
    retryable: true,
    detail: 'The mail server did not answer in time; "upstream.phase" says what it was asked for. Try again.',
  },
  internal: {
    status: 500,
    title: 'An error of ours',
    retryable: false,
    detail: 'Something is wrong on our side. If you report it, name the value of "instance".',
  },
} as const satisfies Record<string, Meaning>;

export type ProblemCode = keyof typeof PROBLEMS;
