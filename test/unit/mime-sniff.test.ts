/** Content known by its first octets, and never mistaken for something that a browser would run. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sniffedType } from '../../src/mime/sniff.ts';

const octets = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));

const PNG = octets([0x89], 'PNG\r\n', [0x1a], '\n', [0, 0, 0, 13], 'IHDR');
const KNOWN: [string, Uint8Array][] = [
  ['image/png', PNG],
  ['image/jpeg', octets([0xff, 0xd8, 0xff, 0xe0], 'JFIF')],
  ['image/gif', octets('GIF87a', [1, 0])],
  ['image/gif', octets('GIF89a', [1, 0])],
  ['image/webp', octets('RIFF', [4, 0, 0, 0], 'WEBPVP8 ')],
  ['application/pdf', octets('%PDF-1.7\n')],
  ['image/avif', octets([0, 0, 0, 28], 'ftypavif', [0, 0, 0, 0], 'avifmif1')],
  ['image/avif', octets([0, 0, 0, 28], 'ftypmif1', [0, 0, 0, 0], 'mif1avis')],
];

describe('what begins like', () => {
  test.each(KNOWN)('%s is that', (type, content) => {
    expect(sniffedType(content)).toBe(type);
    // Within a larger buffer too.
    expect(sniffedType(Buffer.concat([octets('xxx'), content]).subarray(3))).toBe(type);
  });

  test.each(KNOWN)('%s is nothing while its magic is cut off', (_, content) => {
    const magic = sniffedType(content.subarray(0, 4)) === null ? 4 : 2;
    expect(sniffedType(content.subarray(0, magic))).toBeNull();
    expect(sniffedType(new Uint8Array(0))).toBeNull();
  });
});

test.each<[string, Uint8Array]>([
  ['HTML', octets('<!DOCTYPE html><script>alert(1)</script>')],
  ['SVG', octets('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')],
  ['XML', octets('<?xml version="1.0"?><x/>')],
  ['text before a PDF', octets('\n%PDF-1.7')],
  ['HTML before a GIF', octets('<b>GIF89a')],
  ['RIFF that is sound', octets('RIFF', [4, 0, 0, 0], 'WAVEfmt ')],
  ['a film', octets([0, 0, 0, 24], 'ftypisom', [0, 0, 0, 0], 'isommp42')],
  ['a brand behind the box', octets([0, 0, 0, 16], 'ftypisom', [0, 0, 0, 0], 'avif')],
  ['a brand that is a version', octets([0, 0, 0, 20], 'ftypisom', 'avif', 'mp42')],
  ['HEIC', octets([0, 0, 0, 24], 'ftypheic', [0, 0, 0, 0], 'mif1heic')],
  ['BMP', octets('BM', [0, 0, 0, 0])],
  ['ICO', octets([0, 0, 1, 0])],
])('%s is not recognised', (_, content) => {
  expect(sniffedType(content)).toBeNull();
});

test('nothing that begins with a character of markup or with white space is recognised', () => {
  fc.assert(
    fc.property(fc.constantFrom('<', ' ', '\n', '\t', '\r', '\ufeff', '{', '/', '#'), fc.uint8Array({ maxLength: 64 }), (first, rest) => {
      expect(sniffedType(Buffer.concat([Buffer.from(first), rest]))).toBeNull();
    }),
  );
});
