/**
 * Octets to strings, and strings made fit for JSON: without control characters, well-formed, cut at a character.
 * A label that the runtime doesn't know never fails: the octets are then read one by one (ISO 8859-1).
 */

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Octets as UTF-8 if they are that, else in `fallback` (a charset label, or null), else one character for each octet. */
export function octetsToText(octets: Uint8Array, fallback: string | null = null): string {
  const utf8 = decodeUtf8(octets);
  if (utf8 !== null) return utf8;
  if (fallback !== null) {
    try {
      return new TextDecoder(fallback).decode(octets);
    } catch {
      // A RangeError: no such charset here.
    }
  }
  return latin1(octets);
}

/** Octets as UTF-8, or null if they are not. */
export function decodeUtf8(octets: Uint8Array): string | null {
  try {
    return UTF8.decode(octets);
  } catch {
    return null;
  }
}

/** One character for each octet. `TextDecoder('latin1')` is windows-1252 and would not be that. */
export function latin1(octets: Uint8Array): string {
  const step = 8192;
  let text = '';
  for (let at = 0; at < octets.length; at += step) {
    text += String.fromCharCode(...octets.subarray(at, at + step));
  }
  return text;
}

/** One line of text: control characters and runs of white space become one space; cut to `characters`. */
export function line(text: string, characters: number): string {
  return cut(text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim(), characters);
}

/** `text` cut to `characters` UTF-16 units, never inside a surrogate pair, and well-formed. */
export function cut(text: string, characters: number): string {
  if (text.length <= characters) return text.toWellFormed();
  const last = text.charCodeAt(characters - 1);
  const splits = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splits ? characters - 1 : characters).toWellFormed();
}

/** Text as HTML text: nothing in it is markup any more; line breaks are kept. */
export function escapeText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;').replace(/\r?\n/g, '<br />\n');
}
