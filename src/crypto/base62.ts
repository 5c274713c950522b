/**
 * Base62: text of digits, capitals and small letters in the order of ASCII, so that what we issue needs no quoting
 * anywhere and is selected whole by a double click. Random characters are uniform: nothing is reduced modulo 62.
 */
import { CRYPTO } from '../limits.ts';
import type { Random } from './random.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The largest multiple of 62 that an octet can count to; octets from here on would favour the first characters. */
const FAIR = 248;

/** The character of a value 0–61. */
export function base62Character(value: number): string {
  const character = ALPHABET[value];
  if (character === undefined) throw new RangeError('A base62 character stands for 0 to 61.');
  return character;
}

/** The value of one character, or -1 for one that base62 doesn't have. */
export function base62Value(character: string): number {
  return character.length === 1 ? ALPHABET.indexOf(character) : -1;
}

/** `length` uniformly random characters, by rejection. Throws when the source is broken: it gives nothing that is fair. */
export function randomBase62(random: Random, length: number): string {
  let text = '';
  for (let round = 0; round < CRYPTO.drawRounds; round++) {
    for (const octet of random(length - text.length)) if (octet < FAIR) text += base62Character(octet % 62);
    if (text.length === length) return text;
  }
  throw new Error('The random source gives no usable octets.');
}

/** A number from 0 in exactly `length` characters, most significant first, padded with zeros. */
export function base62Number(value: number, length: number): string {
  let text = '';
  let rest = value;
  for (let index = 0; index < length; index++) {
    text = base62Character(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  if (rest !== 0) throw new RangeError('The number needs more characters.');
  return text;
}
