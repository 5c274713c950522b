/**
 * The Worker's HTTP side as one app. Whatever happens, an answer has `Request-Id`, `Vary`, `nosniff` and the
 * CORS headers; a preflight needs no authentication (WHATWG Fetch §4.8); a deployment that isn't configured
 * says so on every route but /healthz; an error of ours tells the caller nothing and the log only its name.
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { readConfig } from '../config.ts';
import { RETRY_AFTER } from '../limits.ts';
import { log } from '../log.ts';
import { conditioned } from './conditions.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { failedTooOften } from './failures.ts';
import { methodsOf } from './methods.ts';
import { problem } from './problem.ts';
import type { ProblemResponse } from './problem.ts';
import { rateHeaders } from './rate.ts';
import type { App, AppEnv } from './route.ts';
import { accountRoutes } from './routes/accounts.ts';
import { attachmentRoutes } from './routes/attachments.ts';
import { batchRoutes } from './routes/batches.ts';
import { changeRoutes } from './routes/changes.ts';
import { checkpointRoutes } from './routes/checkpoints.ts';
import { diagnoseRoutes } from './routes/diagnose.ts';
import { eventRoutes } from './routes/events.ts';
import { messageRoutes } from './routes/messages.ts';
import { metaRoutes } from './routes/meta.ts';
import { pageRoutes } from './routes/pages.ts';
import { peekRoutes } from './routes/peek.ts';
import { rawRoutes } from './routes/raw.ts';
import { statsRoutes } from './routes/stats.ts';
import { syncRoutes } from './routes/sync.ts';
import { ticketRoutes } from './routes/tickets.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { NoJurisdictionError } from './stubs.ts';

/** Headers of every answer that doesn't set them itself. */
const COMMON = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  Vary: 'Authorization, Origin',
} as const;

const UNCONFIGURED_PATHS: ReadonlySet<string> = new Set(['/healthz']);

/** Makes the app. It keeps nothing between requests but its routes and their document. */
export function makeApp(): App {
  const app: App = new OpenAPIHono<AppEnv>();
  app.onError(internal);
  app.notFound((c) => absent(app, c));
  app.use('*', async (c, next) => {
    c.set('requestId', crypto.randomUUID());
    const config = readConfig(c.env);
    c.set('configured', config.ok);
    if (config.ok) c.set('config', config.config);
    const origins = config.ok ? config.config.corsOrigins : [];
    const origin = c.req.header('Origin') ?? null;
    if (c.req.method === 'OPTIONS' && c.req.path.startsWith('/v1/')) {
      c.res = new Response(null, { status: 204, headers: preflightHeaders(origin, origins) });
    } else if (!config.ok && !UNCONFIGURED_PATHS.has(c.req.path)) {
      c.res = problem(c, 'misconfigured', { detail: config.problems.join(' ') });
    } else {
      await next();
      if (c.res.status === 401) replace(c, await failedTooOften(c));
      replace(c, await conditioned(c));
    }
    const rate = c.var.rate === undefined ? {} : rateHeaders(c.var.rate);
    dress(c.res.headers, c.var.requestId, { ...corsHeaders(origin, origins), ...rate });
  });
  for (const routes of [
    metaRoutes,
    pageRoutes,
    accountRoutes,
    tokenRoutes,
    eventRoutes,
    statsRoutes,
    peekRoutes,
    diagnoseRoutes,
    messageRoutes,
    batchRoutes,
    rawRoutes,
    attachmentRoutes,
    changeRoutes,
    checkpointRoutes,
    syncRoutes,
    ticketRoutes,
  ])
    routes(app);
  return app;
}

/** Answers with `other`, if there is one, without anything of the answer before. */
function replace(c: Context<AppEnv>, other: Response | null): void {
  if (other === null) return;
  // Without this the headers of both would be sent.
  c.res = undefined;
  c.res = other;
}

/** Adds what every answer has; what a route has set itself stays. */
function dress(headers: Headers, requestId: string, more: Record<string, string>): void {
  headers.set('Request-Id', requestId);
  for (const [name, value] of Object.entries({ ...COMMON, ...more })) if (!headers.has(name)) headers.set(name, value);
}

/** No route has this path and method. */
function absent(app: App, c: Context<AppEnv>): ProblemResponse {
  const methods = methodsOf(app, c.req.path);
  return methods.length === 0 ? problem(c, 'not_found') : problem(c, 'method_not_allowed', { allow: methods.join(', ') });
}

/** Something was thrown. The platform marks what an object could not take (`overloaded`) or lost on its way (`retryable`). */
function internal(error: Error, c: Context<AppEnv>): ProblemResponse {
  // As of any account that isn't there: its tokens are worth nothing, the operator has mistyped.
  if (error instanceof NoJurisdictionError) return problem(c, c.var.caller.kind === 'operator' ? 'not_found' : 'unauthorized');
  if (('overloaded' in error && error.overloaded === true) || ('retryable' in error && error.retryable === true)) {
    return problem(c, 'overloaded', { retryAfterSeconds: RETRY_AFTER.busy });
  }
  log('request_failed', { request: c.var.requestId, error: error.name });
  return problem(c, 'internal');
}
