/** Base64 and quoted-printable as streams: the same at any split, and whatever the octets are. */
import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../src/mime/decode.ts';
import { bytewise, cutAt, fractions } from '../support/mime.ts';

function decode(encoding: string, chunks: Iterable<Uint8Array>): string {
  const decoder = new Decoder(encoding);
  const pieces: Buffer[] = [];
  for (const chunk of chunks) pieces.push(Buffer.from(decoder.push(chunk)));
  pieces.push(Buffer.from(decoder.end()));
  return Buffer.concat(pieces).toString('latin1');
}

/** Quoted-printable of RFC 2045 §6.7, line by line, for a whole text. */
function referenceQuotedPrintable(text: string): string {
  const lines = text.split('\n');
  let result = '';
  lines.forEach((line, index) => {
    const isLast = index === lines.length - 1;
    const carriageReturn = !isLast && line.endsWith('\r') ? '\r' : '';
    const content = line.slice(0, line.length - carriageReturn.length).replace(/[ \t]+$/, '');
    const soft = content.endsWith('=');
    const kept = soft ? content.slice(0, -1) : content;
    result += kept.replace(/=([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
    if (!soft && !isLast) result += `${carriageReturn}\n`;
  });
  return result;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

function expectEverySplit(encoding: string, input: string, expected: string): void {
  const octets = latin1(input);
  expect(decode(encoding, [octets])).toBe(expected);
  expect(decode(encoding, bytewise(octets))).toBe(expected);
  for (let at = 0; at <= octets.length; at++) expect(decode(encoding, [octets.subarray(0, at), octets.subarray(at)])).toBe(expected);
}

describe('base64', () => {
  it('gives back any octets, in lines of any length, at any split', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 90 }), fractions, (content, width, cuts) => {
        const encoded = Buffer.from(content).toString('base64');
        const lines = encoded.replace(new RegExp(`.{${width}}`, 'g'), '$&\r\n');
        const expected = Buffer.from(content).toString('latin1');
        expect(decode('base64', cutAt(latin1(lines), cuts))).toBe(expected);
        expect(decode('base64', bytewise(latin1(lines)))).toBe(expected);
      }),
    );
  });

  it.each([
    ['', ''],
    ['QUJD', 'ABC'],
    ['QUI=', 'AB'],
    ['QQ==', 'A'],
    ['QUI', 'AB'],
    ['QQ', 'A'],
    ['Q', ''],
    ['QUJDR', 'ABC'],
    ['Q U\tJ\r\nD', 'ABC'],
    ['QU-!_JD\x00\xff', 'ABC'],
    ['QQ==QkM=', 'ABC'],
    ['QQ==\r\nQg==\r\nQw==\r\n', 'ABC'],
    ['====QUJD', 'ABC'],
    ['QUJD====', 'ABC'],
    ['Q===QUJD', 'ABC'],
  ])('reads %j as %j at every split', (input, expected) => expectEverySplit('base64', input, expected));
});

describe('quoted-printable', () => {
  it.each([
    ['', ''],
    ['plain', 'plain'],
    ['caf=E9', 'caf\xe9'],
    ['caf=e9', 'caf\xe9'],
    ['soft =\r\nbreak', 'soft break'],
    ['soft=\nbreak', 'softbreak'],
    ['padded= \t\r\nbreak', 'paddedbreak'],
    ['a=3D=\r\n=3Db', 'a==b'],
    ['line  \r\nnext\t\n', 'line\r\nnext\n'],
    ['kept =20\r\n', 'kept  \r\n'],
    ['=XY =4 =4G', '=XY =4 =4G'],
    ['100%=', '100%'],
    ['100%=4', '100%=4'],
    ['at the end  ', 'at the end'],
    ['=\rX', '=\rX'],
    ['a \rX', 'a \rX'],
    ['a\r', 'a\r'],
    ['==41', '=A'],
    ['=\r\n=\r\n', ''],
    ['\r\n\r\n', '\r\n\r\n'],
    ['\x00\xff', '\x00\xff'],
  ])('reads %j as %j at every split', (input, expected) => expectEverySplit('quoted-printable', input, expected));

  const soup = fc
    .array(fc.constantFrom('=', ' ', '\t', '\r\n', '\n', 'a', 'F', '0', '9', '=41', '=\r\n', 'xyz', '\xe9'), { maxLength: 60 })
    .map((pieces) => pieces.join(''));

  it('agrees with a line by line reference, whole and at random splits', () => {
    fc.assert(
      fc.property(soup, fractions, (input, cuts) => {
        const expected = referenceQuotedPrintable(input);
        expect(decode('quoted-printable', [latin1(input)])).toBe(expected);
        expect(decode('quoted-printable', cutAt(latin1(input), cuts))).toBe(expected);
        expect(decode('quoted-printable', bytewise(latin1(input)))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('is the same at any split for octets without any sense', () => {
    const octets = fc.array(fc.oneof(fc.constantFrom(0x3d, 0x20, 0x09, 0x0d, 0x0a, 0x41), fc.integer({ min: 0, max: 255 })), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(octets, fractions, (input, cuts) => {
        const whole = decode('quoted-printable', [Uint8Array.from(input)]);
        expect(decode('quoted-printable', cutAt(Uint8Array.from(input), cuts))).toBe(whole);
      }),
    );
  });

  it('holds back no more than a line of blanks', () => {
    const decoder = new Decoder('quoted-printable');
    let given = 0;
    for (let round = 0; round < 100; round++) given += decoder.push(latin1(' '.repeat(1000))).length;
    expect(given).toBeGreaterThan(100_000 - 200);
    expect(given + decoder.end().length).toBeLessThanOrEqual(100_000);
  });
});

it.each(['7bit', '8bit', 'binary', 'other', 'x-uuencode'])('leaves %s as it is', (encoding) => {
  expectEverySplit(encoding, 'a=41 QUJD \r\n\x00\xff', 'a=41 QUJD \r\n\x00\xff');
});
