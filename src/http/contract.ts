/**
 * What a route promises, as data, and the same as an operation of the OpenAPI 3.1 document: its security and
 * `x-scope` from its scope, and beside its own answers every problem it can answer, grouped by status.
 * That part of the document is derived, never written by hand.
 */
import type { RouteConfig } from '@hono/zod-openapi';
import { RATE } from '../limits.ts';
import type { Scope } from '../mailbox/rpc.ts';
import { PROBLEMS } from './problem-codes.ts';
import type { ProblemCode } from './problem-codes.ts';
import { RATE_POLICY } from './rate.ts';
import { ProblemSchema } from './schemas/problem.ts';
import { z } from './zod.ts';

/** Who may call a route: anybody, the operator alone, any token or a token with this scope (and the operator). */
export type RouteScope = 'public' | 'operator' | 'any' | Scope;

export type Contract = RouteConfig & {
  readonly scope: RouteScope;
  /** The problems of this route beyond those that every route of its kind has. */
  readonly problems: readonly ProblemCode[];
};

/** A contract as data; the compiler refuses one without a scope. */
export function contract<R extends Contract>(config: R): R {
  return config;
}

/** What can go wrong with a login, and with what follows it. */
export const LOGGING_IN = [
  'upstream_auth_failed',
  'login_delay',
  'upstream_unreachable',
  'upstream_protocol',
  'upstream_refused',
  'mailbox_in_use',
  'upstream_temporary',
  'upstream_timeout',
] as const satisfies readonly ProblemCode[];

/** What can go wrong wherever the mail server may have to be asked. */
export const ASKING = ['paused', ...LOGGING_IN] as const satisfies readonly ProblemCode[];

/** The headers of an answer that is octets of mail. */
export const OCTET_HEADERS = {
  'Accept-Ranges': { description: '`bytes`.', schema: { type: 'string' } },
  'Content-Length': { description: 'Octets, where known.', schema: { type: 'integer' } },
  'Repr-Digest': { description: 'SHA-256 of all octets (RFC 9530), where known.', schema: { type: 'string' } },
  ETag: { description: 'Strong, where the digest is known.', schema: { type: 'string' } },
} as const;

/** The headers of an answer that is some of the octets. */
export const RANGE_HEADERS = {
  ...OCTET_HEADERS,
  'Content-Range': { description: 'Which ones, and of how many.', schema: { type: 'string' } },
} as const;

/** What octets are asked for by, beside the path and the query. Several ranges in one header, or one that can't be read, are none. */
export const OCTETS_ASKED = z.object({
  Range: z.string().optional().openapi({ description: 'One range in octets (RFC 9110 §14).', example: 'bytes=0-1023' }),
  'If-Range': z.string().optional().openapi({ description: 'The range is wanted only if this is the `ETag` still; else all octets.' }),
});

/** The answer to a caller who has it already. */
export const NOT_MODIFIED = { description: 'What `If-None-Match` names is current.' } as const;

/** The problems that a route has because of what it is. */
function commonProblems(config: Contract): ProblemCode[] {
  const codes: ProblemCode[] = ['invalid_request', 'internal'];
  if (config.scope !== 'public') codes.push('unauthorized', 'forbidden', 'misconfigured', 'overloaded', 'rate_limited');
  if (config.path.includes('{')) codes.push('not_found');
  if (config.method === 'get') codes.push('precondition_failed');
  if (config.request?.body !== undefined || config.method === 'delete') codes.push('request_too_large', 'unsupported_media_type');
  return codes;
}

/** The headers of a problem by its codes. */
function headersOf(codes: readonly ProblemCode[]): Record<string, { $ref: string }> {
  const waits = codes.some((code) => PROBLEMS[code].status === 429 || PROBLEMS[code].status === 503);
  return {
    ...(codes.includes('unauthorized') ? { 'WWW-Authenticate': header('WWW-Authenticate') } : {}),
    ...(codes.includes('rate_limited') ? RATE_HEADERS : {}),
    ...(waits ? { 'Retry-After': header('Retry-After') } : {}),
  };
}

/** A header of the document's components. */
function header(name: keyof typeof HEADERS): { $ref: string } {
  return { $ref: `#/components/headers/${name}` };
}

/** The headers that more than one operation has. */
export const HEADERS = {
  ETag: { description: 'Weak on JSON. Another answer has another one.', schema: { type: 'string' }, example: 'W/"Jq3vW0cJ8mX2dYf1sTnRrA"' },
  RateLimit: {
    description: "What the caller's token has left, and for how many seconds (draft-ietf-httpapi-ratelimit-headers). Not for the operator.",
    schema: { type: 'string' },
    example: `"burst";r=${RATE.burst - 1};t=1`,
  },
  'RateLimit-Policy': {
    description: 'How often one token may call, in the long run and at once.',
    schema: { type: 'string' },
    example: RATE_POLICY,
  },
  'Retry-After': { description: 'Seconds to wait, where known.', schema: { type: 'integer' }, example: 30 },
  'WWW-Authenticate': { description: 'The scheme.', schema: { type: 'string' }, example: 'Bearer' },
} as const;

const RATE_HEADERS = { RateLimit: header('RateLimit'), 'RateLimit-Policy': header('RateLimit-Policy') };

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
      content: {
        'application/problem+json': {
          schema: ProblemSchema,
          examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
        },
      },
    };
  }
  return responses;
}

/** The same answers with these headers beside their own. */
function withHeaders(responses: RouteConfig['responses'], headers: Record<string, { $ref: string }>): RouteConfig['responses'] {
  const entries = Object.entries(responses).map(([status, response]) => {
    const own = ('headers' in response ? response.headers : {}) as Record<string, { description?: string }>;
    return [status, { ...response, headers: { ...headers, ...own } }];
  });
  return Object.fromEntries(entries) as RouteConfig['responses'];
}

/** The answers of a route, with what every GET has: a tag, and nothing but that for who has the answer already. */
function conditional({ method, responses }: Contract): RouteConfig['responses'] {
  return method === 'get' ? withHeaders({ 304: NOT_MODIFIED, ...responses }, { ETag: header('ETag') }) : responses;
}

/** The answers of a route with the headers that a counted one has. */
function counted(config: Contract): RouteConfig['responses'] {
  const isCounted = config.scope !== 'public' && config.scope !== 'operator';
  return isCounted ? withHeaders(conditional(config), RATE_HEADERS) : conditional(config);
}

function securityOf(config: Contract): Record<string, string[]>[] {
  if (config.scope === 'public') return [];
  if (config.scope === 'operator') return [{ operatorKey: [] }];
  return [
    { accountToken: config.scope === 'any' ? [] : [config.scope] },
    { operatorKey: [] },
    ...(takesTicket(config) ? [{ ticket: [] }] : []),
  ];
}

/** Whether a route may be asked with a ticket in place of a token: what the scope `read` may GET, so that one never gives more than that. */
export function takesTicket({ method, path, scope }: { method: string; path: string; scope: RouteScope }): boolean {
  return method === 'get' && scope === 'read' && path.includes('{account}');
}

/** The contract as the OpenAPI registry takes it. */
export function documented(config: Contract): RouteConfig {
  const { scope, problems: _, ...operation } = config;
  return {
    ...operation,
    security: securityOf(config),
    'x-scope': scope,
    responses: { ...counted(config), ...problemResponses(config) },
  };
}
