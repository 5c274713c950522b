/**
 * What is known of a message's parts without its octets: plain data that can be stored as JSON.
 * Offsets count octets of the message as it came; a range's end is exclusive.
 */

/** Content-Transfer-Encoding (RFC 2045 §6); anything unknown is `other` and left as it is. */
export type Encoding = '7bit' | '8bit' | 'binary' | 'base64' | 'quoted-printable' | 'other';

export interface Part {
  /** As IMAP numbers parts (RFC 9051 §6.4.5): `1`, `2.1`; the multipart at a message's root is its `TEXT`, of a nested one `2.TEXT`. */
  path: string;
  /** Path of the multipart or message that holds this part; null for the root. */
  parent: string | null;
  kind: 'multipart' | 'leaf' | 'message';
  /** type/subtype in lower case. */
  contentType: string;
  charset: string | null;
  /** RFC 3676. */
  format: 'flowed' | null;
  delsp: boolean;
  encoding: Encoding;
  disposition: 'attachment' | 'inline' | null;
  filename: string | null;
  /** Without the angle brackets. */
  contentId: string | null;
  headerStart: number;
  /** Before the blank line that ends the header. */
  headerEnd: number;
  bodyStart: number;
  /** Before the line break that belongs to the boundary (RFC 2046 §5.1.1). */
  bodyEnd: number;
  /** Octets of the decoded content; null for a multipart. */
  decodedSize: number | null;
  /** Of the decoded content, hexadecimal; null for a multipart, or where none was wanted. */
  sha256: string | null;
}

export interface Outline {
  /** Of the whole message. */
  octets: number;
  /** Of the whole message, hexadecimal; empty where none was wanted. */
  sha256: string;
  /** Flat, each part before its children. At least one: the root. */
  parts: Part[];
  /** Codes of what was wrong or over a limit, each once. */
  defects: string[];
}

/** The part of that path, or null. */
export function findPart(outline: Outline, path: string): Part | null {
  return outline.parts.find((part) => part.path === path) ?? null;
}
