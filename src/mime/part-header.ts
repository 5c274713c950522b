/**
 * What a part's header says of its content (RFC 2045, 2183, 2392), cleaned and bounded, with defaults for what is missing
 * or doesn't parse (RFC 2045 §5.2). Of a repeated field the first counts.
 */
import { decodeWords } from 'postal-mime';
import { MIME } from '../limits.ts';
import { firstField, parseHeaders } from './headers.ts';
import { parseStructured, type Structured } from './parameters.ts';
import type { Encoding, Part } from './part.ts';
import { cut } from './text.ts';

export type Described = Pick<
  Part,
  'contentType' | 'charset' | 'format' | 'delsp' | 'encoding' | 'disposition' | 'filename' | 'contentId'
> & {
  /** Of a multipart; null if it is missing or can't be used. */
  boundary: string | null;
  defects: string[];
};

const TYPE = /^[a-z0-9!#$&^_.+-]{1,63}\/[a-z0-9!#$&^_.+-]{1,127}$/;
const ENCODINGS: ReadonlySet<string> = new Set<Encoding>(['7bit', '8bit', 'binary', 'base64', 'quoted-printable']);
/** RFC 2978 §2.3 gives 40 characters. */
const CHARSET = /^[a-z0-9!#$%&'+^_`{}~.:()-]{1,64}$/;

/** Reads a part's header block. `inDigest`: the part stands in a multipart/digest, whose default is a message (RFC 2046 §5.1.5). */
export function describe(header: Uint8Array, inDigest: boolean): Described {
  const { fields, defects } = parseHeaders(header);
  const type = parseStructured(firstField(fields, 'content-type') ?? (inDigest ? 'message/rfc822' : 'text/plain'));
  const dispositionField = firstField(fields, 'content-disposition');
  const disposition = parseStructured(dispositionField ?? '');
  const filename = fileName(disposition.parameters.get('filename')) ?? fileName(type.parameters.get('name'));
  const contentType = contentTypeOf(type.value, filename !== null);
  if (contentType !== type.value) defects.push('content_type_malformed');
  const multipart = contentType.startsWith('multipart/');
  const boundary = multipart ? boundaryOf(type) : null;
  if (multipart && boundary === null) defects.push('boundary_missing');
  const encoding = encodingOf(firstField(fields, 'content-transfer-encoding'));
  if (encoding === 'other') defects.push('encoding_unknown');
  return {
    contentType,
    charset: charsetOf(type),
    format: type.parameters.get('format')?.toLowerCase() === 'flowed' ? 'flowed' : null,
    delsp: type.parameters.get('delsp')?.toLowerCase() === 'yes',
    encoding,
    disposition: dispositionOf(disposition.value),
    filename,
    contentId: contentIdOf(firstField(fields, 'content-id')),
    boundary,
    defects,
  };
}

function contentTypeOf(value: string, named: boolean): string {
  // Some senders repeat the type, or leave a blank in it.
  const joined = value.replace(/[ \t]+/g, '');
  if (TYPE.test(joined)) return joined;
  return named && !joined.startsWith('text') ? 'application/octet-stream' : 'text/plain';
}

function boundaryOf(type: Structured): string | null {
  const boundary = type.parameters.get('boundary')?.trimEnd() ?? '';
  return boundary === '' || boundary.length > MIME.boundaryOctets ? null : boundary;
}

function charsetOf(type: Structured): string | null {
  const charset = type.parameters.get('charset')?.trim().toLowerCase() ?? '';
  return CHARSET.test(charset) ? charset : null;
}

function encodingOf(field: string | null): Encoding {
  if (field === null) return '7bit';
  const value = parseStructured(field).value;
  return ENCODINGS.has(value) ? (value as Encoding) : 'other';
}

/** RFC 2183 §2.8: an unknown disposition is treated as an attachment. */
function dispositionOf(value: string): Part['disposition'] {
  if (value === '') return null;
  return value === 'inline' ? 'inline' : 'attachment';
}

function contentIdOf(field: string | null): string | null {
  if (field === null) return null;
  const bare = /<([^<>]*)>/.exec(field)?.[1] ?? field;
  return cut(bare.trim(), MIME.filenameCharacters) || null;
}

/** Longest ending of a file name that is kept when the name is cut. */
const EXTENSION = 16;

/**
 * A file name that can be shown and written to a header or a disk: RFC 2047 words decoded (RFC 2231 is already),
 * no control characters, no bidirectional marks that would show another ending, no slashes; null if nothing is left.
 */
export function fileName(raw: string | undefined): string | null {
  if (raw === undefined) return null;
  const name = decodeWords(raw)
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '')
    .replace(/[/\\]/g, '_')
    .trim();
  if (name === '' || /^\.+$/.test(name)) return null;
  if (name.length <= MIME.filenameCharacters) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot >= name.length - EXTENSION ? name.slice(dot) : '';
  return cut(name, MIME.filenameCharacters - extension.length) + extension;
}
