/**
 * Every error of the gateway as `application/problem+json` (RFC 9457), and one exhaustive map
 * from a Mailbox's or the Directory's failures to them. A problem says what happened and what to do,
 * in sentences of our own: nothing that the caller sent is ever in it. What the mail server said is in
 * `upstream`, cleaned and cut where it was received.
 */
import type { TypedResponse } from 'hono';
import type { Failure, UpstreamSaid } from '../mailbox/rpc.ts';
import type { DirectoryResult } from '../directory/rpc.ts';
import { PROBLEMS } from './problem-codes.ts';
import type { ErrorStatus, Meaning, ProblemCode } from './problem-codes.ts';

/** One thing wrong with a request: a JSON pointer (RFC 6901) into the body, or `/name` of a parameter or header. */
export interface InvalidInput {
  readonly pointer: string;
  readonly detail: string;
}

/** What a problem may carry beyond its code. */
export interface ProblemMembers {
  readonly detail?: string;
  readonly errors?: readonly InvalidInput[];
  readonly upstream?: UpstreamSaid;
  /** The account that already has the `externalId`. */
  readonly account?: string;
  readonly retryAfterSeconds?: number | null;
  /** The methods that the path takes, for 405 (RFC 9110 §15.5.6). */
  readonly allow?: string;
  /** How many octets there are, for 416 (§15.5.17). */
  readonly size?: number;
}

/** The JSON of a problem. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: ProblemCode;
  retryable: boolean;
  errors?: InvalidInput[];
  upstream?: UpstreamSaid;
  account?: string;
}

export type ProblemResponse = Response & TypedResponse<Problem, ErrorStatus, 'json'>;

/** What answering with a problem needs of a request's context. */
interface Answering {
  readonly var: { readonly requestId: string };
}

/** The JSON of the problem `code`. */
function body(c: Answering, code: ProblemCode, members: ProblemMembers): Problem {
  const { status, title, retryable, detail }: Meaning = PROBLEMS[code];
  return {
    type: `/problems/${code}`,
    title,
    status,
    detail: members.detail ?? detail,
    instance: `urn:uuid:${c.var.requestId}`,
    code,
    retryable,
    ...(members.errors === undefined ? {} : { errors: [...members.errors] }),
    ...(members.upstream === undefined ? {} : { upstream: members.upstream }),
    ...(members.account === undefined ? {} : { account: members.account }),
  };
}

/** Answers with the problem `code`. `Retry-After` is sent where a wait is known (RFC 9110 §10.2.3). */
export function problem(c: Answering, code: ProblemCode, members: ProblemMembers = {}): ProblemResponse {
  const { status }: Meaning = PROBLEMS[code];
  const headers: Record<string, string> = { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' };
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer';
  if (members.allow !== undefined) headers['Allow'] = members.allow;
  if (members.size !== undefined) headers['Content-Range'] = `bytes */${members.size}`;
  if (typeof members.retryAfterSeconds === 'number') headers['Retry-After'] = String(Math.max(1, Math.ceil(members.retryAfterSeconds)));
  return Response.json(body(c, code, members), { status, headers }) as ProblemResponse;
}

/** Answers with `invalid_request` and what is wrong where. */
export function invalid(c: Answering, errors: readonly InvalidInput[]): ProblemResponse {
  return problem(c, 'invalid_request', { errors });
}

type DirectoryFailure = Extract<DirectoryResult<never>, { ok: false }>['failure'];

/** Answers with the problem of a failed RPC. */
export function failed(c: Answering, failure: Failure | DirectoryFailure): ProblemResponse {
  return problem(c, ...meaning(failure));
}

/** The problem of one failure among several outcomes, as a part of an answer. */
export function partFailed(c: Answering, failure: Failure): Problem {
  return body(c, ...meaning(failure));
}

/** What a failure is called. The compiler refuses a kind of failure that is not handled here. */
function meaning(failure: Failure | DirectoryFailure): readonly [ProblemCode, ProblemMembers] {
  switch (failure.kind) {
    case 'invalid':
      return ['invalid_request', { errors: [{ pointer: failure.pointer, detail: failure.detail }] }];
    case 'unauthorized':
    case 'not_found':
    case 'paused':
    case 'message_gone':
    case 'precondition_failed':
    case 'internal':
      return [failure.kind, {}];
    case 'forbidden':
    case 'target_not_allowed':
    case 'misconfigured':
      return [failure.kind, { detail: failure.detail }];
    case 'conflict':
      return 'account' in failure
        ? ['conflict', { detail: 'There is already an account with this externalId; "account" names it.', account: failure.account }]
        : ['conflict', { detail: failure.detail }];
    case 'range_not_satisfiable':
      return [failure.kind, { size: failure.size }];
    case 'overloaded':
    case 'rate_limited':
      return [failure.kind, { retryAfterSeconds: failure.retryAfterSeconds }];
    case 'upstream_auth_failed':
    case 'login_delay':
    case 'upstream_unreachable':
    case 'upstream_protocol':
    case 'upstream_refused':
    case 'delete_unconfirmed':
    case 'mailbox_in_use':
    case 'upstream_temporary':
    case 'upstream_timeout':
      return [
        failure.kind,
        {
          upstream: failure.upstream,
          retryAfterSeconds: failure.retryAfterSeconds,
          ...(failure.reason === undefined ? {} : { detail: failure.reason }),
        },
      ];
    default:
      return failure satisfies never;
  }
}
