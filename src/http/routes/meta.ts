/** Routes about the deployment itself, open to anybody: whether it runs and what it can do. */
import { z } from '../zod.ts';
import { contract } from '../contract.ts';
import { version } from '../../version.ts';
import { documentOf } from '../document.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { METHODS } from '../schemas/account.ts';
import { SCOPES } from '../schemas/new-token.ts';
import { CAPABILITIES } from '../schemas/examples.ts';
import { Capabilities } from '../schemas/stats.ts';
import { HTTP, MAILBOX, MIME, PEEK, POP3, RATE } from '../../limits.ts';

const health = contract({
  method: 'get',
  path: '/healthz',
  operationId: 'getHealth',
  summary: 'Whether the deployment runs and is configured',
  tags: ['deployment'],
  scope: 'public',
  problems: [],
  responses: {
    200: {
      description: 'It runs.',
      content: {
        'application/json': {
          schema: z
            .object({
              ok: z.boolean(),
              version: z.string(),
              configured: z.boolean().openapi({ description: 'If not, every other route says what to set.' }),
            })
            .openapi('Health'),
          example: { ok: true, version, configured: true },
        },
      },
    },
  },
});

const capabilities = contract({
  method: 'get',
  path: '/v1/capabilities',
  operationId: 'getCapabilities',
  summary: 'Read what this deployment can do, and its limits',
  tags: ['deployment'],
  scope: 'public',
  problems: ['misconfigured'],
  responses: {
    200: { description: 'The same for everybody.', content: { 'application/json': { schema: Capabilities, example: CAPABILITIES } } },
  },
});

const openapi = contract({
  method: 'get',
  path: '/openapi.json',
  operationId: 'getOpenApi',
  summary: 'This document',
  tags: ['deployment'],
  scope: 'public',
  problems: ['misconfigured'],
  responses: {
    200: {
      description: 'OpenAPI 3.1.',
      content: { 'application/json': { schema: z.looseObject({ openapi: z.string() }), example: { openapi: '3.1.0', paths: {} } } },
    },
  },
});

/** Sizes are octets, times seconds. */
const LIMITS = {
  requestBody: HTTP.bodyOctets,
  requestSeconds: HTTP.requestTime / 1000,
  pageSize: HTTP.pageSize,
  messagesReadAtOnce: HTTP.batchRead,
  messagesDeletedAtOnce: HTTP.batchDelete,
  messageBody: MIME.bodyOctets,
  message: POP3.messageOctets,
  peekMessages: PEEK.messages,
  tokens: MAILBOX.tokens,
  events: MAILBOX.events,
  pollSecondsLeast: MAILBOX.pollSecondsLeast,
  pollSecondsMost: MAILBOX.pollSecondsMost,
  cacheMost: MAILBOX.cacheOctetsMost,
  requestsPerMinute: RATE.perMinute,
  requestsAtOnce: RATE.burst,
} as const;

/** The operations that the app has, by id. */
function featuresOf(app: App): string[] {
  const routes = app.openAPIRegistry.definitions.flatMap((definition) => (definition.type === 'route' ? [definition.route] : []));
  return routes.flatMap(({ operationId }) => operationId ?? []).sort();
}

export function metaRoutes(app: App): void {
  route(app, capabilities, async (c) => {
    const known = { version, features: featuresOf(app), scopes: [...SCOPES], loginMethods: [...METHODS], limits: LIMITS };
    return c.json(known, 200, { 'Cache-Control': 'public, max-age=300' });
  });

  route(app, health, async (c) => c.json({ ok: true, version, configured: c.var.configured }, 200, { 'Cache-Control': 'no-store' }));

  route(app, openapi, async (c) => c.json<{ openapi: string }, 200>(documentOf(app), 200, { 'Cache-Control': 'public, max-age=300' }));
}
