/**
 * Headers of answers that succeed, by what they carry, and octets on their way out. Mail is for one caller:
 * a shared cache may keep none of it, and a browser is told never to run it (RFC 9111 §5.2.2, W3C CSP 3 `sandbox`).
 */
import type { Octets } from '../mailbox/rpc.ts';

/** JSON about a mailbox: may be kept by the caller, must be asked for again. */
export const PRIVATE_JSON = { 'Cache-Control': 'private, no-cache' } as const;

/** JSON with a secret in it. */
export const SECRET_JSON = { 'Cache-Control': 'no-store' } as const;

/** Octets of mail: never executed, whatever they claim to be. */
const OCTETS = {
  'Cache-Control': 'private, max-age=0, must-revalidate',
  'Content-Security-Policy': "sandbox; default-src 'none'",
  'Accept-Ranges': 'bytes',
} as const;

/** Hex to base64, for `Repr-Digest` (RFC 9530 §3, a byte sequence of RFC 9651 §3.3.5). */
function base64OfHex(hex: string): string {
  let octets = '';
  for (let at = 0; at < hex.length; at += 2) octets += String.fromCharCode(Number.parseInt(hex.slice(at, at + 2), 16));
  return btoa(octets);
}

/**
 * Workers send a Content-Length only for a stream that is bound to it, and break the connection if it ends early.
 * Elsewhere (plain Node) the header is enough.
 */
function ofLength(stream: ReadableStream<Uint8Array>, length: number | null): ReadableStream<Uint8Array> {
  return length === null || !('FixedLengthStream' in globalThis) ? stream : stream.pipeThrough(new FixedLengthStream(length));
}

/** Which octets, of how many, and the digest and the strong validator of all, as far as they are known (RFC 9110 §8.6, §8.8.3, §14.4). */
function measure({ range, size, sha256, etag }: Octets): Record<string, string> {
  const length = lengthOf({ range, size });
  return {
    ...(length === null ? {} : { 'Content-Length': String(length) }),
    ...(range === null ? {} : { 'Content-Range': `bytes ${range.start}-${range.end - 1}/${size ?? '*'}` }),
    ...(sha256 === null ? {} : { 'Repr-Digest': `sha-256=:${base64OfHex(sha256)}:` }),
    ...(etag === null ? {} : { ETag: `"${etag}"` }),
  };
}

function lengthOf({ range, size }: Pick<Octets, 'range' | 'size'>): number | null {
  return range === null ? size : range.end - range.start;
}

/**
 * Answers with octets, all or a range of them, or (HEAD) none. `headers` say what they are. A stream that fails after the
 * status line resets the connection: it never ends early.
 */
export function octetsAnswer(octets: Octets, headers: Record<string, string>): Response {
  const body = octets.body instanceof ReadableStream ? ofLength(octets.body, lengthOf(octets)) : octets.body;
  return new Response(body, { status: octets.range === null ? 200 : 206, headers: { ...OCTETS, ...measure(octets), ...headers } });
}

/** Answers a caller who has the octets of this strong tag already. */
export function unchangedOctets(etag: string): Response {
  return new Response(null, { status: 304, headers: { ...OCTETS, ETag: `"${etag}"` } });
}

/** What a browser may run or render with the page's rights: HTML, XML in all its kinds (SVG, MathML, XSL, feeds), scripts. */
const ACTIVE = /html|svg|mathml|xsl|javascript|ecmascript|(?:^|[/+.-])xml(?:$|[+.-])/;

/**
 * The Content-Type under which a part is served: the part's own type without parameters, or
 * `application/octet-stream` for anything active, malformed, or a multipart.
 */
export function servedType(contentType: string): string {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!/^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/.test(type)) return 'application/octet-stream';
  if (ACTIVE.test(type) || type.startsWith('multipart/')) return 'application/octet-stream';
  return type;
}

/** Letters, digits and what RFC 8187 §3.2.1 leaves unescaped of the rest. */
function percentEncoded(value: string): string {
  return encodeURIComponent(value).replaceAll(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * `Content-Disposition` for a download, or for something to be shown (RFC 6266 §4.3, Appendix D): a plain ASCII name for every client, and the true
 * one encoded by RFC 8187. Control and bidirectional characters, slashes and backslashes are lost, so that
 * the name is neither a header nor a path, and reads as what it is.
 */
export function disposition(how: 'attachment' | 'inline', filename: string | null): string {
  const name = (filename ?? '')
    .toWellFormed()
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069/\\]/g, '')
    .trim();
  if (name === '') return how;
  // A percent sign too, because some clients decode it in the plain form (Appendix D).
  const plain = name.replaceAll(/[^\u0020-\u007e]|["%]/g, '_');
  return plain === name ? `${how}; filename="${plain}"` : `${how}; filename="${plain}"; filename*=UTF-8''${percentEncoded(name)}`;
}
