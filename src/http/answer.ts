/**
 * Headers of answers that succeed, by what they carry, and octets on their way out. Mail is for one caller:
 * a shared cache may keep none of it, and a browser is told never to run it (RFC 9111 §5.2.2, W3C CSP 3 `sandbox`).
 */

/** JSON about a mailbox: may be kept by the caller, must be asked for again. */
export const PRIVATE_JSON = { 'Cache-Control': 'private, no-cache' } as const;

/** JSON with a secret in it. */
export const SECRET_JSON = { 'Cache-Control': 'no-store' } as const;

/** Octets of mail: never executed, whatever they claim to be. */
const OCTETS = {
  'Cache-Control': 'private, max-age=0, must-revalidate',
  'Content-Security-Policy': "sandbox; default-src 'none'",
} as const;

export interface Octets {
  readonly stream: ReadableStream<Uint8Array>;
  /** Null while it isn't known. */
  readonly size: number | null;
  /** Hex; null while it isn't known. */
  readonly sha256: string | null;
}

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
function ofLength({ stream, size }: Octets): ReadableStream<Uint8Array> {
  return size === null || !('FixedLengthStream' in globalThis) ? stream : stream.pipeThrough(new FixedLengthStream(size));
}

/** Length, digest and strong validator, as far as they are known (RFC 9110 §8.6, §8.8.3). */
function measure(octets: Octets): Record<string, string> {
  return {
    ...(octets.size === null ? {} : { 'Content-Length': String(octets.size) }),
    ...(octets.sha256 === null ? {} : { 'Repr-Digest': `sha-256=:${base64OfHex(octets.sha256)}:`, ETag: `"${octets.sha256}"` }),
  };
}

/**
 * Answers GET or HEAD with octets. `headers` say what they are. On HEAD the stream is cancelled, so that
 * whoever feeds it stops. A stream that fails after the status line resets the connection: it never ends early.
 */
export async function octetsAnswer(method: string, octets: Octets, headers: Record<string, string>): Promise<Response> {
  const all = { ...OCTETS, ...measure(octets), ...headers };
  if (method !== 'HEAD') return new Response(ofLength(octets), { headers: all });
  await octets.stream.cancel();
  return new Response(null, { headers: all });
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
 * `Content-Disposition` for a download (RFC 6266 §4.3, Appendix D): a plain ASCII name for every client, and the true
 * one encoded by RFC 8187. Control and bidirectional characters, slashes and backslashes are lost, so that
 * the name is neither a header nor a path, and reads as what it is.
 */
export function attachmentDisposition(filename: string | null): string {
  const name = (filename ?? '')
    .toWellFormed()
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069/\\]/g, '')
    .trim();
  if (name === '') return 'attachment';
  // A percent sign too, because some clients decode it in the plain form (Appendix D).
  const plain = name.replaceAll(/[^\u0020-\u007e]|["%]/g, '_');
  return plain === name ? `attachment; filename="${plain}"` : `attachment; filename="${plain}"; filename*=UTF-8''${percentEncoded(name)}`;
}
