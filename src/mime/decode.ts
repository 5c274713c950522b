/**
 * Streaming decoders of content transfer encodings (RFC 2045 §6): octets in, octets out, any split, linear.
 * They never fail: mail that breaks the rules is decoded as far as it makes sense, the same way however it is cut.
 * What is held between two calls is bounded.
 */
import { MIME } from '../limits.ts';

const EMPTY = new Uint8Array(0);

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const EQUALS = 0x3d;

interface Transform {
  push(chunk: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

/**
 * Decodes one body. `encoding` is a Content-Transfer-Encoding in lower case; all but `base64` and `quoted-printable`
 * leave the octets as they are. What `push` returns may share memory with the chunk.
 */
export class Decoder implements Transform {
  readonly #transform: Transform;

  constructor(encoding: string) {
    if (encoding === 'base64') this.#transform = new Base64();
    else if (encoding === 'quoted-printable') this.#transform = new QuotedPrintable();
    else this.#transform = new Identity();
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.#transform.push(chunk);
  }

  end(): Uint8Array {
    return this.#transform.end();
  }
}

class Identity implements Transform {
  push(chunk: Uint8Array): Uint8Array {
    return chunk;
  }

  end(): Uint8Array {
    return EMPTY;
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const JUNK = 64;
const PADDING = 65;
const BASE64_VALUES = new Uint8Array(256).fill(JUNK);
for (let value = 0; value < ALPHABET.length; value++) BASE64_VALUES[ALPHABET.charCodeAt(value)] = value;
BASE64_VALUES[EQUALS] = PADDING;

/**
 * RFC 2045 §6.8. Octets outside the alphabet are ignored. Padding ends a group, not the body: some senders pad each
 * line, and what follows is decoded as a new group. A group of one character holds no octet and is dropped.
 */
class Base64 implements Transform {
  #bits = 0;
  #characters = 0;

  push(chunk: Uint8Array): Uint8Array {
    const out = new Uint8Array(Math.ceil(((chunk.length + this.#characters) * 3) / 4) + 2);
    let length = 0;
    let bits = this.#bits;
    let characters = this.#characters;
    for (const octet of chunk) {
      const value = BASE64_VALUES[octet] ?? JUNK;
      if (value < JUNK) {
        bits = (bits << 6) | value;
        if (++characters < 4) continue;
        out[length++] = bits >> 16;
        out[length++] = bits >> 8;
        out[length++] = bits;
      } else if (value === PADDING) {
        length = rest(out, length, bits, characters);
      } else {
        continue;
      }
      bits = 0;
      characters = 0;
    }
    this.#bits = bits;
    this.#characters = characters;
    return out.subarray(0, length);
  }

  end(): Uint8Array {
    const out = new Uint8Array(2);
    const length = rest(out, 0, this.#bits, this.#characters);
    this.#bits = 0;
    this.#characters = 0;
    return out.subarray(0, length);
  }
}

/** Writes the octets of an incomplete group and returns the new length. */
function rest(out: Uint8Array, length: number, bits: number, characters: number): number {
  if (characters === 2) {
    out[length++] = bits >> 4;
  } else if (characters === 3) {
    out[length++] = bits >> 10;
    out[length++] = bits >> 2;
  }
  return length;
}

const UNDECIDED = -1;
const LITERAL = -2;
/** Added to the length of a soft line break, to tell it from the value of an octet. */
const SOFT = 256;

/**
 * RFC 2045 §6.7. Soft line breaks (with blanks before the line end, and with a bare LF) are removed, so are blanks at
 * the end of a line; `=` that begins neither an escape nor a soft line break is kept as it is.
 */
class QuotedPrintable implements Transform {
  #undecided: Uint8Array = EMPTY;

  push(chunk: Uint8Array): Uint8Array {
    if (this.#undecided.length === 0) return this.#decode(chunk, false);
    const joined = new Uint8Array(this.#undecided.length + chunk.length);
    joined.set(this.#undecided);
    joined.set(chunk, this.#undecided.length);
    return this.#decode(joined, false);
  }

  end(): Uint8Array {
    return this.#decode(this.#undecided, true);
  }

  #decode(input: Uint8Array, final: boolean): Uint8Array {
    const out = new Uint8Array(input.length);
    let length = 0;
    let at = 0;
    while (at < input.length) {
      const octet = input[at] ?? 0;
      if (octet === EQUALS) {
        const escape = escapeAt(input, at, final);
        if (escape === UNDECIDED) break;
        if (escape >= SOFT) {
          at += escape - SOFT;
          continue;
        }
        out[length++] = escape === LITERAL ? EQUALS : escape;
        at += escape === LITERAL ? 1 : 3;
      } else if (octet === SPACE || octet === TAB) {
        const blanks = blanksAt(input, at, final);
        if (blanks === 0) break;
        // Positive: blanks inside a line, kept. Negative: blanks at its end, dropped.
        for (let index = 0; index < blanks; index++) out[length++] = input[at + index] ?? 0;
        at += Math.abs(blanks);
      } else {
        out[length++] = octet;
        at++;
      }
    }
    this.#undecided = input.slice(at);
    return out.subarray(0, length);
  }
}

/** What the `=` at `at` means: an octet's value, LITERAL, UNDECIDED, or SOFT plus the length of a soft line break. */
function escapeAt(input: Uint8Array, at: number, final: boolean): number {
  const high = hexDigit(input[at + 1]);
  if (high >= 0) {
    const low = hexDigit(input[at + 2]);
    if (low >= 0) return (high << 4) | low;
    return at + 2 < input.length || final ? LITERAL : UNDECIDED;
  }
  let end = at + 1;
  while (isBlank(input[end]) && end - at <= MIME.blanks) end++;
  if (end - at > MIME.blanks) return LITERAL;
  // The end of the body ends its last line.
  if (end >= input.length) return final ? SOFT + end - at : UNDECIDED;
  if (input[end] === LF) return SOFT + end + 1 - at;
  if (input[end] !== CR) return LITERAL;
  if (end + 1 >= input.length) return final ? SOFT + end + 1 - at : UNDECIDED;
  return input[end + 1] === LF ? SOFT + end + 2 - at : LITERAL;
}

/** The run of blanks at `at`: its length if it is kept, the negative length if it ends a line, 0 if that isn't known yet. */
function blanksAt(input: Uint8Array, at: number, final: boolean): number {
  let end = at + 1;
  while (isBlank(input[end]) && end - at < MIME.blanks) end++;
  const length = end - at;
  if (length === MIME.blanks) return length;
  if (end >= input.length) return final ? -length : 0;
  if (input[end] === LF) return -length;
  if (input[end] !== CR) return length;
  if (end + 1 >= input.length) return final ? length : 0;
  return input[end + 1] === LF ? -length : length;
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

function hexDigit(octet: number | undefined): number {
  if (octet === undefined) return -1;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
