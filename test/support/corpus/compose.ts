/**
 * Messages put together from parts, octet by octet (RFC 5322, RFC 2045, RFC 2046). Every part knows which
 * attachments a reader must find in it, so that a message and what is expected of it can't drift apart.
 */
import { createHash } from 'node:crypto';
import { encodeText } from './charsets.ts';
import { base64Lines, encodedWord, extendedParameter, field, quotedPrintable } from './encodings.ts';

/** An attachment as a reader must find it: decoded octets, name decoded, null where none is given. */
export interface ExpectedAttachment {
  readonly filename: string | null;
  readonly contentType: string;
  readonly size: number;
  readonly sha256: string;
}

/** A body part: its header fields without their last CRLF, its body, and the attachments in it. */
export interface Part {
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  readonly expected: readonly ExpectedAttachment[];
}

/** A message to be: its name in the corpus and how to make it for a date. */
export interface Recipe {
  readonly name: string;
  make(at: Date): { readonly octets: Uint8Array; readonly attachments: readonly ExpectedAttachment[] };
}

export type Encoding = '7bit' | '8bit' | 'quoted-printable' | 'base64';

/** Strings (one octet a character) and octets in a row. */
export function octetsOf(...pieces: (string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)));
}

/** Lines to text with CRLF after each. */
export function lines(...all: string[]): string {
  return all.map((line) => `${line}\r\n`).join('');
}

/** A text body. `parameters` is appended to its Content-Type as it is. */
export function text(
  content: string,
  options: { charset?: string; encoding?: Encoding; subtype?: string; parameters?: string } = {},
): Part {
  const { charset = 'utf-8', encoding = 'quoted-printable', subtype = 'plain', parameters = '' } = options;
  return {
    headers: [`Content-Type: text/${subtype}; charset=${charset}${parameters}`, `Content-Transfer-Encoding: ${encoding}`],
    body: encoded(encodeText(content, charset), encoding),
    expected: [],
  };
}

export function html(content: string, options: { charset?: string; encoding?: Encoding } = {}): Part {
  return text(content, { ...options, subtype: 'html' });
}

function encoded(octets: Uint8Array, encoding: Encoding): Uint8Array {
  if (encoding === 'base64') return octetsOf(base64Lines(octets), octets.length > 0 ? '\r\n' : '');
  return encoding === 'quoted-printable' ? octetsOf(quotedPrintable(octets)) : octets;
}

export interface FileOptions {
  readonly encoding?: Encoding;
  /** How the name is written: quoted ASCII, RFC 2231, or the widespread but unlawful encoded word. */
  readonly naming?: 'quoted' | 'rfc2231' | 'encoded-word';
  readonly disposition?: 'attachment' | 'inline' | null;
  readonly contentId?: string;
  /** Appended to the Content-Type as it is. */
  readonly parameters?: string;
}

/** A part that a reader must find as an attachment. `name` null: it has none. */
export function file(name: string | null, contentType: string, octets: Uint8Array, options: FileOptions = {}): Part {
  const { encoding = 'base64', naming = 'quoted', disposition = 'attachment', contentId, parameters = '' } = options;
  const headers = [`Content-Type: ${contentType}${parameters}${parameter('name', name, naming)}`, `Content-Transfer-Encoding: ${encoding}`];
  if (disposition !== null) headers.push(`Content-Disposition: ${disposition}${parameter('filename', name, naming)}`);
  if (contentId !== undefined) headers.push(`Content-ID: <${contentId}>`);
  const sha256 = createHash('sha256').update(octets).digest('hex');
  return { headers, body: encoded(octets, encoding), expected: [{ filename: name, contentType, size: octets.length, sha256 }] };
}

function parameter(name: 'name' | 'filename', value: string | null, naming: FileOptions['naming']): string {
  if (value === null) return '';
  if (naming === 'rfc2231') return name === 'name' ? '' : extendedParameter(name, value);
  if (naming === 'encoded-word') return `;\r\n ${name}="${encodedWord(value)}"`;
  return `;\r\n ${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** A message within a message (RFC 2046 §5.2.1): one attachment, whatever is inside it. */
export function nested(octets: Uint8Array, name: string | null = null): Part {
  return file(name, 'message/rfc822', octets, { encoding: '8bit', disposition: name === null ? null : 'attachment' });
}

export interface MultipartOptions {
  readonly preamble?: string;
  readonly epilogue?: string;
  /** Appended to the Content-Type as it is. */
  readonly parameters?: string;
  readonly boundary?: string;
}

/** A multipart of any subtype (RFC 2046 §5.1); the CRLF before a delimiter belongs to the delimiter. */
export function multipart(subtype: string, parts: readonly Part[], options: MultipartOptions = {}): Part {
  const boundary = options.boundary ?? `=_${boundaryOf(parts)}`;
  const pieces: (string | Uint8Array)[] = options.preamble === undefined ? [] : [options.preamble, '\r\n'];
  parts.forEach((part, index) => {
    pieces.push(`${index === 0 ? '' : '\r\n'}--${boundary}\r\n`, part.headers.map((line) => `${line}\r\n`).join(''), '\r\n', part.body);
  });
  pieces.push(`\r\n--${boundary}--\r\n`, options.epilogue ?? '');
  return {
    headers: [`Content-Type: multipart/${subtype}${options.parameters ?? ''};\r\n boundary="${boundary}"`],
    body: octetsOf(...pieces),
    expected: parts.flatMap((part) => part.expected),
  };
}

/** The same parts have the same boundary, so that the corpus is the same each time. */
function boundaryOf(parts: readonly Part[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part.body);
  return hash.digest('hex').slice(0, 24);
}

/** What a letter says in its header; values are octets as they stand in the message, null leaves a field out. */
export interface Letter {
  readonly at: Date;
  readonly name: string;
  readonly from?: string | null;
  readonly to?: string | null;
  readonly subject?: string | null;
  readonly dateless?: boolean;
  /** More fields, whole and folded, after the usual ones. */
  readonly more?: readonly string[];
}

/** A message: trace fields, the usual fields, MIME-Version, the part's own fields and its body; ends in CRLF. */
export function letter(about: Letter, part: Part): { octets: Uint8Array; attachments: readonly ExpectedAttachment[] } {
  const headers = [...usualFields(about), 'MIME-Version: 1.0', ...part.headers];
  const ends = part.body.at(-2) === 13 && part.body.at(-1) === 10;
  return {
    octets: octetsOf(headers.map((line) => `${line}\r\n`).join(''), '\r\n', part.body, ends ? '' : '\r\n'),
    attachments: part.expected,
  };
}

/** Trace, originator, destination and identification fields of a letter (RFC 5322 §3.6). */
export function usualFields(about: Letter): string[] {
  const { at, name, from = 'Ann Example <ann@example.com>', to = 'Demo <demo@example.org>', subject = name } = about;
  const stamp = dateField(at);
  const fields = [
    'Return-Path: <bounces@example.com>',
    `Received: from mail.example.com (mail.example.com [192.0.2.25])\r\n\tby mx.example.org with ESMTPS id ${name.slice(0, 20)}\r\n\tfor <demo@example.org>; ${dateField(new Date(at.getTime() + 4_000))}`,
    `Received: by mail.example.com; ${dateField(new Date(at.getTime() + 1_000))}`,
  ];
  if (from !== null) fields.push(field('From', from));
  if (to !== null) fields.push(field('To', to));
  if (subject !== null) fields.push(field('Subject', subject));
  if (about.dateless !== true) fields.push(`Date: ${stamp}`);
  return [...fields, `Message-ID: <${name}.${at.getTime().toString(36)}@example.com>`, ...(about.more ?? [])];
}

/** RFC 5322 §3.3, in UTC. */
export function dateField(at: Date): string {
  return at.toUTCString().replace('GMT', '+0000');
}
