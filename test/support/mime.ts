/** For the tests of `mime/`: fixtures, messages put together from octets, and outlines of them however they are cut. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import type { ReadOctets } from '../../src/mime/message.ts';
import { type Outline, OutlineParser } from '../../src/mime/outline.ts';

/** The folder of the messages. */
export const FIXTURES = new URL('../fixtures/mime', import.meta.url).pathname;

export function fixture(name: string): Buffer {
  return readFileSync(`${FIXTURES}/${name}.eml`);
}

/** A message from text: lines ended by CRLF, one octet for each character. */
export function octetsOf(text: string): Buffer {
  return Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1');
}

export function outlineOf(octets: Uint8Array): Outline {
  return outlineOfChunks([octets]);
}

export function outlineOfChunks(chunks: Iterable<Uint8Array>): Outline {
  const parser = new OutlineParser();
  for (const chunk of chunks) parser.push(chunk);
  return parser.end();
}

/** Reads ranges of a message, and fails for a range that doesn't lie in it. */
export function reader(octets: Uint8Array): ReadOctets {
  return (start, end) => {
    if (start < 0 || end > octets.length || start > end) return Promise.reject(new RangeError('not a range of the message'));
    return Promise.resolve(octets.subarray(start, end));
  };
}

export function* bytewise(octets: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < octets.length; at++) yield octets.subarray(at, at + 1);
}

/** Cuts octets at the given fractions of their length. */
export function* cutAt(octets: Uint8Array, fractions: readonly number[]): Generator<Uint8Array> {
  const cuts = fractions.map((fraction) => Math.floor(fraction * (octets.length + 1))).sort((left, right) => left - right);
  let start = 0;
  for (const end of [...cuts, octets.length]) {
    yield octets.subarray(start, end);
    start = end;
  }
}

export const fractions: fc.Arbitrary<number[]> = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 12 });
