/**
 * The text of one displayed leaf, read by range and cut. Its octets are transfer-decoded as they are for a download, and then
 * given to postal-mime alone, as a message of one part: it does the charsets, and there is no second opinion about where parts
 * begin and end. It would join flowed lines across depths of quotation, so that is done here (RFC 3676).
 */
import { Buffer } from 'node:buffer';
import PostalMime from 'postal-mime';
import { MIME } from '../limits.ts';
import { Decoder } from './decode.ts';
import { unflow } from './flowed.ts';
import type { Part } from './part.ts';
import { decodeUtf8, latin1 } from './text.ts';

/** Reads the message's octets from `start` up to `end` (exclusive). */
export type ReadOctets = (start: number, end: number) => Promise<Uint8Array>;

export interface PartText {
  /** Lines ended by LF, without NUL. */
  text: string;
  /** Decoded octets that were used. */
  octets: number;
  truncated: boolean;
}

/** Encoded octets that are read for each decoded one that may be used; quoted-printable needs three and its line breaks. */
const ENCODED_MOST = 4;

/** Reads at most `limit` decoded octets of a text leaf, cut at a character. Never fails but by `read`. */
export async function readText(part: Part, read: ReadOctets, limit: number): Promise<PartText> {
  const { octets, truncated } = await decoded(part, read, limit);
  if (octets.length === 0) return { text: '', octets: 0, truncated };
  const charset = charsetOf(part, octets);
  const whole = truncated && charset === 'utf-8' ? octets.subarray(0, characterEnd(octets)) : octets;
  const text = await interpret(part, charset, whole);
  // In other charsets a cut character shows as U+FFFD at the end.
  return { text: truncated ? text.replace(/\ufffd$/, '') : text, octets: octets.length, truncated };
}

async function decoded(part: Part, read: ReadOctets, limit: number): Promise<{ octets: Uint8Array; truncated: boolean }> {
  const decoder = new Decoder(part.encoding);
  const last = Math.min(part.bodyEnd, part.bodyStart + limit * ENCODED_MOST + MIME.rangeOctets);
  const octets = new Uint8Array(Math.min(limit, last - part.bodyStart));
  let length = 0;
  let over = false;
  const take = (piece: Uint8Array): void => {
    const fits = Math.min(piece.length, octets.length - length);
    octets.set(piece.subarray(0, fits), length);
    length += fits;
    over ||= fits < piece.length;
  };
  for (let at = part.bodyStart; at < last && !over; at += MIME.rangeOctets) {
    take(decoder.push(await read(at, Math.min(at + MIME.rangeOctets, last))));
  }
  if (!over) take(decoder.end());
  return { octets: octets.subarray(0, length), truncated: over || last < part.bodyEnd };
}

async function interpret(part: Part, charset: string, octets: Uint8Array): Promise<string> {
  const type = part.contentType === 'text/html' ? 'text/html' : 'text/plain';
  const read = charset === 'utf-8' ? new TextDecoder().decode(octets) : await byCharset(type, charset, octets);
  const text = read.replace(/\r\n/g, '\n').replace(/\0/g, '').toWellFormed();
  return type === 'text/plain' && part.format === 'flowed' ? unflow(text, part.delsp) : text;
}

/** What postal-mime makes of octets in a charset; most mail is UTF-8 and needs no such detour. */
async function byCharset(type: 'text/html' | 'text/plain', charset: string, octets: Uint8Array): Promise<string> {
  const header = `Content-Type: ${type}; charset="${charset}"\r\nContent-Transfer-Encoding: base64\r\n\r\n`;
  const email = await PostalMime.parse(header + base64(octets), { forceRfc822Attachments: true });
  return (type === 'text/html' ? email.html : email.text) ?? '';
}

/** The charset to read by. Where none is given, or ASCII (RFC 2045 §5.2), it is UTF-8 if it can be, else windows-1252. */
function charsetOf(part: Part, octets: Uint8Array): string {
  const given = part.charset ?? (part.contentType === 'text/html' ? sniffed(octets) : null);
  if (given === 'utf8') return 'utf-8';
  if (given !== null && given !== 'us-ascii' && given !== 'ascii') return given;
  return decodeUtf8(octets.subarray(0, characterEnd(octets))) === null ? 'windows-1252' : 'utf-8';
}

/** The charset that an HTML document gives itself, where its header gives none. */
function sniffed(octets: Uint8Array): string | null {
  const head = latin1(octets.subarray(0, MIME.sniffedOctets));
  return /<meta[^>]{0,200}charset=["']?([a-z0-9._:-]{1,40})/i.exec(head)?.[1]?.toLowerCase() ?? null;
}

/** The length without a UTF-8 character that is cut at the end (RFC 3629 §3). */
function characterEnd(octets: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= octets.length; back++) {
    const octet = octets[octets.length - back] ?? 0;
    if (octet >= 0xc0) return octet >= (back === 1 ? 0xc0 : back === 2 ? 0xe0 : 0xf0) ? octets.length - back : octets.length;
    if (octet < 0x80) break;
  }
  return octets.length;
}

function base64(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('base64');
}
