/**
 * What a route promises, as data, and the same as an operation of the OpenAPI 3.1 document: its security and
 * `x-scope` from its scope, and beside its own answers every problem it can answer, grouped by status.
 * That part of the document is derived, never written by hand.
 */
import type { RouteConfig } from '@hono/zod-openapi';
import type { Scope } from '../mailbox/rpc.ts';
import { PROBLEMS } from './problem-codes.ts';
import type { ProblemCode } from './problem-codes.ts';
import { ProblemSchema } from './schemas/problem.ts';

/** Who may call a route: anybody, the operator alone, or a token with this scope (and the operator). */
export type RouteScope = 'public' | 'operator' | Scope;

export type Contract = RouteConfig & {
  readonly scope: RouteScope;
  /** The problems of this route beyond those that every route of its kind has. */
  readonly problems: readonly ProblemCode[];
};

/** A contract as data; the compiler refuses one without a scope. */
export function contract<R extends Contract>(config: R): R {
  return config;
}

/** What can go wrong wherever the mail server may have to be asked. */
export const ASKING = [
  'paused',
  'upstream_auth_failed',
  'login_delay',
  'upstream_unreachable',
  'upstream_protocol',
  'upstream_refused',
  'mailbox_in_use',
  'upstream_temporary',
  'upstream_timeout',
] as const satisfies readonly ProblemCode[];

/** The headers of an answer that is octets of mail. */
export const OCTET_HEADERS = {
  'Content-Length': { description: 'Octets, where known.', schema: { type: 'integer' } },
  'Repr-Digest': { description: 'SHA-256 (RFC 9530), where known.', schema: { type: 'string' } },
  ETag: { description: 'Strong, where the digest is known.', schema: { type: 'string' } },
} as const;

/** The problems that a route has because of what it is. */
function commonProblems(config: Contract): ProblemCode[] {
  const codes: ProblemCode[] = ['invalid_request', 'internal'];
  if (config.scope !== 'public') codes.push('unauthorized', 'forbidden', 'misconfigured', 'overloaded');
  if (config.path.includes('{')) codes.push('not_found');
  if (config.request?.body !== undefined) codes.push('request_too_large', 'unsupported_media_type');
  return codes;
}

/** The headers of a problem by its codes. */
function headersOf(codes: readonly ProblemCode[]): Record<string, { description: string; schema: { type: 'string' | 'integer' } }> {
  if (codes.includes('unauthorized')) return { 'WWW-Authenticate': { description: 'The scheme, `Bearer`.', schema: { type: 'string' } } };
  const waits = codes.some((code) => PROBLEMS[code].status === 429 || PROBLEMS[code].status === 503);
  return waits ? { 'Retry-After': { description: 'Seconds to wait, where known.', schema: { type: 'integer' } } } : {};
}

/** The problem responses of a route by status. */
function problemResponses(config: Contract): RouteConfig['responses'] {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set([...commonProblems(config), ...config.problems])) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const responses: RouteConfig['responses'] = {};
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    responses[status] = {
      description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
      headers: headersOf(codes),
      content: { 'application/problem+json': { schema: ProblemSchema } },
    };
  }
  return responses;
}

/** The contract as the OpenAPI registry takes it. */
export function documented(config: Contract): RouteConfig {
  const { scope, problems: _, ...operation } = config;
  return {
    ...operation,
    security: scope === 'public' ? [] : scope === 'operator' ? [{ operatorKey: [] }] : [{ accountToken: [scope] }, { operatorKey: [] }],
    'x-scope': scope,
    responses: { ...operation.responses, ...problemResponses(config) },
  };
}
