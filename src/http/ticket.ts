/**
 * Tickets in URLs: `?ticket=…`, always the last parameter. What precedes it, path and query, is what was signed; the
 * Mailbox alone can tell whether it was.
 */
import type { Context } from 'hono';
import type { Caller } from '../mailbox/rpc.ts';
import { HTTP } from '../limits.ts';
import { takesTicket } from './contract.ts';
import type { RouteScope } from './contract.ts';
import type { App, AppEnv } from './route.ts';
import { fits } from './methods.ts';

const TICKETED = /^([^?#]*)(?:(\?[^#]+)&|\?)ticket=([A-Za-z0-9_.-]+)$/;

/** `url` without its ticket. */
export function withoutTicket(url: string): string {
  const [whole, path, query = ''] = TICKETED.exec(url) ?? [];
  return whole === undefined || path === undefined ? url : path + query;
}

/** Who asks by a ticket alone: only GET, and only without other credentials. */
export function ticketCaller(c: Context<AppEnv>): Caller | null {
  const ticket = TICKETED.exec(c.req.url)?.[3];
  if (ticket === undefined || ticket.length > HTTP.parameterCharacters) return null;
  if (c.req.method !== 'GET' || c.req.header('Authorization') !== undefined) return null;
  const { pathname, search } = new URL(withoutTicket(c.req.url));
  return { kind: 'ticket', ticket, path: pathname + search, origin: c.req.header('Origin') ?? null };
}

/** Whether `path` is written as it will be asked for, and a ticket for this account can be good for it. */
export function isTicketable(app: App, account: string, path: string): boolean {
  const base = 'https://popgate.invalid';
  const url = URL.parse(path, base);
  // What a client would send for another spelling is not what was signed.
  if (url === null || url.origin !== base || url.pathname + url.search !== path || url.searchParams.has('ticket')) return false;
  const segments = url.pathname.split('/');
  if (segments[3] !== account) return false;
  return app.openAPIRegistry.definitions.some(
    (definition) =>
      definition.type === 'route' &&
      takesTicket({ ...definition.route, scope: definition.route['x-scope'] as RouteScope }) &&
      fits(definition.route.path.split('/'), segments),
  );
}
