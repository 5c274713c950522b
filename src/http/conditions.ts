/**
 * What a request makes its answer depend on: entity tags and a range (RFC 9110 §13.1, §14.2). Octets are judged where they
 * are, in the Mailbox; an answer of JSON gets its weak tag here, over its octets, so that it changes whenever they do.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { HTTP } from '../limits.ts';
import type { ByteRange, EntityTags, OctetsQuery } from '../mailbox/rpc.ts';
import { problem } from './problem.ts';
import type { AppEnv } from './route.ts';

/** §8.8.3, with what separates it from the next one. */
const ENTITY_TAG = /[ \t]*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)/y;

/** The first tags of a list; null for what is none. `strong`: only those that a strong comparison may match (§8.8.3.2). */
export function readTags(header: string | undefined, strong = false): EntityTags | null {
  if (header === undefined) return null;
  if (header.trim() === '*') return '*';
  const tags: string[] = [];
  let at = 0;
  for (let count = 0; at < header.length && count < HTTP.entityTags; count++) {
    ENTITY_TAG.lastIndex = at;
    const [whole, weak, tag] = ENTITY_TAG.exec(header) ?? [];
    if (whole === undefined || tag === undefined) return null;
    at += whole.length;
    if (!strong || weak === undefined) tags.push(tag);
  }
  return tags;
}

interface Asked {
  readonly req: { readonly method: string; header(name: string): string | undefined };
}

/** The tags of If-None-Match, for weak comparison; null where there are none to compare. */
export function ifNoneMatch(c: Asked): EntityTags | null {
  return readTags(c.req.header('If-None-Match'));
}

/** The tags of If-Match, for strong comparison. One that can't be read is fulfilled by nothing: it was meant to keep something from being done. */
export function ifMatch(c: Asked): EntityTags | null {
  const header = c.req.header('If-Match');
  return header === undefined ? null : (readTags(header, true) ?? []);
}

/** The one range of a Range in octets. Null for several, another unit, or nonsense: then all is sent, as §14.2 allows. */
function readRange(header: string | undefined): ByteRange | null {
  const [whole, first, last] = /^bytes=([0-9]*)-([0-9]*)$/i.exec(header?.trim() ?? '') ?? [];
  if (whole === undefined || first === undefined || last === undefined || first + last === '') return null;
  if (first === '') return { suffix: position(last) };
  const range = { first: position(first), last: last === '' ? null : position(last) };
  return range.last !== null && range.last < range.first ? null : range;
}

/** No message has as many octets as a number can count exactly. */
function position(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

/** Which octets are wanted. A HEAD has no range (§14.2), and one that holds only for a weak tag or a date holds for none of ours (§13.1.5). */
export function octetsQuery(c: Asked): OctetsQuery {
  const body = c.req.method !== 'HEAD';
  const ifRange = c.req.header('If-Range');
  const tags = readTags(ifRange, true);
  const strong = Array.isArray(tags) ? tags[0] : undefined;
  const wanted = body && (ifRange === undefined || strong !== undefined);
  return {
    ifMatch: ifMatch(c),
    ifNoneMatch: ifNoneMatch(c),
    range: wanted ? readRange(c.req.header('Range')) : null,
    ifRange: strong ?? null,
    body,
  };
}

/** What is made whole before it is sent. */
const TAGGED = /^(?:application\/json|text\/html)(?:;|$)/;

/**
 * Tags an answer of JSON (or a page) to GET, unless its route has, and judges the request's conditions by the tag: what is to be
 * answered in its place, or null if it stays as it is (§13.2.2).
 */
export async function conditioned(c: Context<AppEnv>): Promise<Response | null> {
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
  if (!isRead || c.res.status !== 200 || !TAGGED.test(c.res.headers.get('Content-Type') ?? '')) return null;
  const headers = new Headers(c.res.headers);
  const body = await c.res.arrayBuffer();
  const etag = headers.get('ETag') ?? weakTag(body);
  headers.set('ETag', etag);
  const wanted = ifMatch(c);
  if (wanted !== null && wanted !== '*' && !(etag.startsWith('"') && wanted.includes(opaque(etag))))
    return problem(c, 'precondition_failed');
  const known = ifNoneMatch(c);
  if (known === null || (known !== '*' && !known.includes(opaque(etag)))) return new Response(body, { status: 200, headers });
  headers.delete('Content-Type');
  return new Response(null, { status: 304, headers });
}

function weakTag(body: ArrayBuffer): string {
  return `W/"${createHash('sha256').update(new Uint8Array(body)).digest('base64url')}"`;
}

/** A tag without its weakness and its quotes. */
function opaque(etag: string): string {
  return etag.replace(/^W\//, '').slice(1, -1);
}
