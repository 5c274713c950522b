/**
 * A header block's octets as pairs [name, value], in order (RFC 5322 §2.2): unfolded, blanks around the value removed,
 * RFC 2047 words left as they are. Octets are read as UTF-8 where they are that (RFC 6532), else in the charset given.
 * Lines that are no field are left out and noted. Line ends are CRLF or a bare LF.
 */
import { MIME } from '../limits.ts';
import { octetsToText } from './text.ts';

export type Field = [name: string, value: string];

export interface HeaderBlock {
  fields: Field[];
  /** Codes of what was wrong, each once. */
  defects: string[];
}

const TAB = 0x09;
const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;

/** Parses a header block with or without the blank line that ends it. Linear; never fails. `charset`: for octets that are not UTF-8. */
export function parseHeaders(octets: Uint8Array, charset: string | null = null): HeaderBlock {
  const fields: Field[] = [];
  const defects = new Set<string>();
  const end = Math.min(octets.length, MIME.headerOctets);
  if (octets.length > end) defects.add('header_octets_limit');
  let at = 0;
  while (at < end) {
    const next = fieldEnd(octets, at, end);
    const colon = colonOf(octets, at, next);
    if (colon < 0) {
      if (!isSkipped(octets, at, next)) defects.add('header_malformed');
    } else if (fields.length === MIME.fields) {
      defects.add('fields_limit');
      break;
    } else {
      const limit = Math.min(next, at + MIME.fieldOctets);
      if (limit < next) defects.add('field_octets_limit');
      const name = octetsToText(octets.subarray(at, colon)).trimEnd();
      fields.push([name, unfold(octetsToText(octets.subarray(colon + 1, limit), charset))]);
    }
    at = next;
  }
  return { fields, defects: [...defects] };
}

/** The value of the first field of that name (lower case), or null. RFC 5322 §3.6 allows most names only once. */
export function firstField(fields: readonly Field[], name: string): string | null {
  return fields.find((field) => field[0].toLowerCase() === name)?.[1] ?? null;
}

/** The values of all fields of that name (lower case), in order. */
export function allFields(fields: readonly Field[], name: string): string[] {
  return fields.filter((field) => field[0].toLowerCase() === name).map((field) => field[1]);
}

/** Where the colon of the field that begins at `at` stands, or -1 if no field begins there (RFC 5322 §2.2, §4.5 for blanks before it). */
export function colonOf(octets: Uint8Array, at: number, end: number): number {
  const limit = Math.min(end, at + MIME.fieldNameOctets);
  let index = at;
  while (index < limit && isNameOctet(octets[index] ?? 0)) index++;
  if (index === at) return -1;
  while (index < limit && isBlank(octets[index])) index++;
  return index < limit && octets[index] === COLON ? index : -1;
}

/** The offset after the field's last line: the first line end that no blank follows. */
function fieldEnd(octets: Uint8Array, at: number, end: number): number {
  let next = at;
  do {
    const lineFeed = octets.indexOf(LF, next);
    if (lineFeed < 0 || lineFeed >= end) return end;
    next = lineFeed + 1;
  } while (next < end && isBlank(octets[next]));
  return next;
}

/** Blank lines, and the mbox separator that some servers leave in front. */
function isSkipped(octets: Uint8Array, at: number, end: number): boolean {
  const start = octetsToText(octets.subarray(at, Math.min(end, at + 8)));
  return /^\r?\n$/.test(start) || /^>?From /.test(start);
}

function unfold(value: string): string {
  return value
    .replace(/\r?\n(?=[ \t])/g, '')
    .replace(/[\r\n\0]+/g, ' ')
    .trim();
}

function isNameOctet(octet: number): boolean {
  return octet > SPACE && octet < 0x7f && octet !== COLON;
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}
