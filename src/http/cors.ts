/**
 * Cross-origin access for the apps' pages (WHATWG Fetch §3.2), by the deployment's list of origins. No
 * credentials mode: callers authenticate by a header of their own, never by a cookie.
 */
const ALLOW_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const ALLOW_HEADERS = 'Authorization, Content-Type, If-Match, If-None-Match, Range';
const EXPOSE_HEADERS =
  'ETag, Location, Retry-After, RateLimit, RateLimit-Policy, Request-Id, Content-Disposition, Content-Range, Accept-Ranges, Repr-Digest, Server-Timing';
const MAX_AGE = '7200';

/** `*` for all, or the origins that may; an empty list is none. */
export type CorsOrigins = '*' | readonly string[];

/** What `Access-Control-Allow-Origin` says to a page of `origin`; null where nothing is said. */
function allowedOrigin(origin: string | null, origins: CorsOrigins): string | null {
  if (origin === null) return null;
  if (origins === '*') return '*';
  return origins.find((listed) => listed === origin) ?? null;
}

/** The headers of every answer to `origin`. */
export function corsHeaders(origin: string | null, origins: CorsOrigins): Record<string, string> {
  const allowed = allowedOrigin(origin, origins);
  return allowed === null ? {} : { 'Access-Control-Allow-Origin': allowed, 'Access-Control-Expose-Headers': EXPOSE_HEADERS };
}

/** The headers of the answer to a preflight of `origin`. */
export function preflightHeaders(origin: string | null, origins: CorsOrigins): Record<string, string> {
  const allowed = allowedOrigin(origin, origins);
  if (allowed === null) return {};
  return {
    'Access-Control-Allow-Origin': allowed,
    'Access-Control-Allow-Methods': ALLOW_METHODS,
    'Access-Control-Allow-Headers': ALLOW_HEADERS,
    'Access-Control-Max-Age': MAX_AGE,
  };
}
