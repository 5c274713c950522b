/**
 * The encodings that make text and octets fit for mail: quoted-printable and base64 bodies (RFC 2045 §6),
 * encoded words in headers (RFC 2047), parameter values in pieces (RFC 2231), and folding (RFC 5322 §2.2.3).
 */
import { encodeText } from './charsets.ts';

/** Octets as base64 lines of 76 characters, each with its CRLF but the last. */
export function base64Lines(octets: Uint8Array): string {
  return (
    Buffer.from(octets)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\r\n');
}

/** Octets as quoted-printable: CRLF stays a line's end, lines are at most 76 characters by soft breaks. */
export function quotedPrintable(octets: Uint8Array): string {
  return Buffer.from(octets).toString('latin1').split('\r\n').map(quotedLine).join('\r\n');
}

function quotedLine(line: string): string {
  const out: string[] = [];
  let width = 0;
  for (let at = 0; at < line.length; at += 1) {
    const last = at === line.length - 1;
    const token = quotedOctet(line.charCodeAt(at), last);
    if (width + token.length > (last ? 76 : 75)) {
      out.push('=\r\n');
      width = 0;
    }
    out.push(token);
    width += token.length;
  }
  return out.join('');
}

function quotedOctet(octet: number, last: boolean): string {
  const blank = octet === 0x20 || octet === 0x09;
  if (blank ? !last : octet > 0x20 && octet < 0x7f && octet !== 0x3d) return String.fromCharCode(octet);
  return `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Text as encoded words of at most 75 characters, folded; no character is torn apart (RFC 2047 §5). */
export function encodedWords(text: string, charset = 'UTF-8', encoding: 'B' | 'Q' = 'B'): string {
  const words: string[] = [];
  let held = '';
  for (const character of text) {
    if (encodedWord(held + character, charset, encoding).length > 75) {
      words.push(encodedWord(held, charset, encoding));
      held = '';
    }
    held += character;
  }
  words.push(encodedWord(held, charset, encoding));
  return words.join('\r\n ');
}

/** One encoded word, however long it becomes. */
export function encodedWord(text: string, charset = 'UTF-8', encoding: 'B' | 'Q' = 'B'): string {
  const octets = Buffer.from(encodeText(text, charset));
  if (encoding === 'B') return `=?${charset}?B?${octets.toString('base64')}?=`;
  const quoted = [...octets].map((octet) => {
    if (octet === 0x20) return '_';
    const plain = String.fromCharCode(octet);
    return /[A-Za-z0-9!*+\-/]/.test(plain) ? plain : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return `=?${charset}?Q?${quoted.join('')}?=`;
}

/** A parameter by RFC 2231: `; name*0*=utf-8''…; name*1*=…`, one piece a line. */
export function extendedParameter(name: string, value: string, charset = 'utf-8', language = ''): string {
  const percent = [...encodeText(value, charset)].map((octet) => {
    const plain = String.fromCharCode(octet);
    return /[A-Za-z0-9._-]/.test(plain) ? plain : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  const pieces: string[] = [];
  for (let at = 0; at < percent.length; at += 16) pieces.push(percent.slice(at, at + 16).join(''));
  const start = `${charset}'${language}'`;
  if (pieces.length === 1) return `;\r\n ${name}*=${start}${pieces[0] ?? ''}`;
  return pieces.map((piece, index) => `;\r\n ${name}*${index}*=${index === 0 ? start : ''}${piece}`).join('');
}

/** A header field, folded at blanks to lines of at most 78 characters where it can be. */
export function field(name: string, value: string): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(/(?<=\S)(?= )/)) {
    const piece = word.startsWith(' ') ? word : ` ${word}`;
    const width = (line + piece).split('\r\n').at(-1)?.length ?? 0;
    if (width > 78 && line !== `${name}:`) {
      lines.push(line);
      line = '';
    }
    line += piece;
  }
  return [...lines, line].join('\r\n');
}
