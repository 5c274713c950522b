/**
 * Whether octets are to be sent at all, and which of them: preconditions first, the range last (RFC 9110 §13.2.2, §14.2).
 * Pure. What a request says has been read already; tags are opaque texts, compared as such.
 */
import { MailboxError } from './failure.ts';
import type { AttachmentQuery, EntityTags, OctetsQuery } from './rpc.ts';

/** All octets, whatever the caller has. */
export const ALL: AttachmentQuery = { ifMatch: null, ifNoneMatch: null, range: null, ifRange: null, body: true, recognise: false };

/** Octets from `start` to `end`, exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Whether `etag` is among `tags`; `*` is anything that is there. A tag that isn't known is not among named ones. */
export function names(tags: EntityTags, etag: string | null): boolean {
  return tags === '*' || (etag !== null && tags.includes(etag));
}

/**
 * Whether the caller has what `etag` names already (304). Throws `precondition_failed` where it wants something else
 * (RFC 9110 §13.1.1, §13.1.2).
 */
export function notModified({ ifMatch, ifNoneMatch }: Pick<OctetsQuery, 'ifMatch' | 'ifNoneMatch'>, etag: string | null): etag is string {
  if (ifMatch !== null && !names(ifMatch, etag)) throw new MailboxError({ kind: 'precondition_failed' });
  return ifNoneMatch !== null && etag !== null && names(ifNoneMatch, etag);
}

/**
 * The octets that a Range asks for; null for all of them: where none was given, or it holds only for another
 * representation (§13.1.5). Throws `range_not_satisfiable` for one that begins behind the end.
 */
export function spanOf({ range, ifRange }: Pick<OctetsQuery, 'range' | 'ifRange'>, size: number, etag: string): Span | null {
  if (range === null || (ifRange !== null && ifRange !== etag)) return null;
  if ('suffix' in range) {
    if (range.suffix === 0) throw new MailboxError({ kind: 'range_not_satisfiable', size });
    // Of nothing the last octets are all octets, and Content-Range can't say it.
    return size === 0 ? null : { start: Math.max(0, size - range.suffix), end: size };
  }
  if (range.first >= size) throw new MailboxError({ kind: 'range_not_satisfiable', size });
  return { start: range.first, end: range.last === null ? size : Math.min(range.last + 1, size) };
}
