/** Routes about the deployment itself, open to anybody: whether it runs and what it can do. */
import { z } from '../zod.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { contract } from '../contract.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';

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
        },
      },
    },
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
  responses: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: z.object({ openapi: z.string() }) } } } },
});

const { version } = packageJson;

const DESCRIPTION = `POP3 mailboxes over HTTP and JSON.

Every error is a problem (RFC 9457). Unknown members and parameters in a request are refused; in answers, ignore what you don't know:
members and enum values may be added. Times are RFC 3339 in UTC, sizes octets.`;

/** The OpenAPI document of everything registered so far. */
function documentOf(app: App) {
  app.openAPIRegistry.registerComponent('securitySchemes', 'operatorKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'One of the keys of the deployment. May do everything.',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'accountToken', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'pgt_…',
    description: 'A token of one account, limited to its scopes; `manage` implies the others.',
  });
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Popgate', version, description: DESCRIPTION, license: { name: 'MIT' } },
    servers: [{ url: '/' }],
  });
}

export function metaRoutes(app: App): void {
  route(app, health, async (c) => c.json({ ok: true, version, configured: c.var.configured }, 200, { 'Cache-Control': 'no-store' }));

  let document: ReturnType<typeof documentOf> | null = null;
  route(app, openapi, async (c) => {
    // Derived once, at the first request that wants it: it never changes while the Worker lives.
    document ??= documentOf(app);
    return c.json<{ openapi: string }, 200>(document, 200, { 'Cache-Control': 'public, max-age=300' });
  });
}
