/** Header blocks, structured values, file names and dates as they really come, and within limits. */
import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MIME } from '../../src/limits.ts';
import { parseDate } from '../../src/mime/date.ts';
import { allFields, firstField, parseHeaders } from '../../src/mime/headers.ts';
import { parseStructured } from '../../src/mime/parameters.ts';
import { fileName } from '../../src/mime/part-header.ts';
import { octetsOf } from '../support/mime.ts';

const parse = (text: string) => parseHeaders(octetsOf(text));

describe('a header block', () => {
  it('is pairs in order, unfolded and not decoded', () => {
    const { fields, defects } = parse('B: =?utf-8?Q?x?=\nA: one\n  two\n\tthree\nb:second\n\n');
    expect(fields).toEqual([
      ['B', '=?utf-8?Q?x?='],
      ['A', 'one  two\tthree'],
      ['b', 'second'],
    ]);
    expect(defects).toEqual([]);
    expect(firstField(fields, 'b')).toBe('=?utf-8?Q?x?=');
    expect(allFields(fields, 'b')).toEqual(['=?utf-8?Q?x?=', 'second']);
    expect(firstField(fields, 'c')).toBeNull();
  });

  it('may have bare LF lines, no line end at the end, and blanks before the colon', () => {
    expect(parseHeaders(Buffer.from('A : x\nB:\n y')).fields).toEqual([
      ['A', 'x'],
      ['B', 'y'],
    ]);
  });

  it('leaves out lines that are no field and says so', () => {
    const { fields, defects } = parse('A: 1\nno colon\n folded on\n: no name\nwith space: x\nB: 2\n');
    expect(fields).toEqual([
      ['A', '1'],
      ['B', '2'],
    ]);
    expect(defects).toEqual(['header_malformed']);
  });

  it('takes an mbox separator for what it is', () => {
    expect(parse('From ann@example.org Fri Nov 20\nA: 1\n')).toEqual({ fields: [['A', '1']], defects: [] });
  });

  it('reads octets as UTF-8, else in the charset given, else one by one', () => {
    expect(parseHeaders(Buffer.from('A: é')).fields).toEqual([['A', 'é']]);
    expect(parseHeaders(Buffer.from('A: \x93\xe9', 'latin1')).fields).toEqual([['A', '\u0093é']]);
    expect(parseHeaders(Buffer.from([0x41, 0x3a, 0xf0]), 'koi8-r').fields).toEqual([['A', 'П']]);
    expect(parseHeaders(Buffer.from([0x41, 0x3a, 0xf0]), 'no-such-charset').fields).toEqual([['A', 'ð']]);
  });

  it('never lets a value carry a line break or a NUL', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('A:', ' ', '\r', '\n', '\r\n', '\0', 'x', ':', '\t'), { maxLength: 40 }), (pieces) => {
        for (const [name, value] of parseHeaders(Buffer.from(pieces.join(''))).fields) {
          expect(value).not.toMatch(/[\r\n\0]/);
          expect(name).toMatch(/^[!-9;-~]+$/);
        }
      }),
    );
  });

  it('stops at its limits', () => {
    const many = parse('A: 1\n'.repeat(MIME.fields + 10));
    expect(many.fields).toHaveLength(MIME.fields);
    expect(many.defects).toEqual(['fields_limit']);
    const long = parse(`A: ${'x'.repeat(MIME.fieldOctets + 10)}\nB: 2\n`);
    expect(long.fields[0]?.[1].length).toBeLessThanOrEqual(MIME.fieldOctets);
    expect(long.fields[1]).toEqual(['B', '2']);
    expect(long.defects).toEqual(['field_octets_limit']);
    const large = parse(`A: ${'x'.repeat(1000)}\n`.repeat(300));
    expect(large.fields.length).toBeLessThan(300);
    expect(large.defects).toEqual(['header_octets_limit']);
  });
});

describe('a structured value', () => {
  it.each([
    ['text/plain', 'text/plain', {}],
    [' Text/HTML ; Charset = "utf-8" ', 'text/html', { charset: 'utf-8' }],
    ['text/plain; charset=us-ascii (Plain text)', 'text/plain', { charset: 'us-ascii' }],
    ['(comment) base64', 'base64', {}],
    ['text/plain;;; x=1; flag; y=2', 'text/plain', { x: '1', y: '2' }],
    ['attachment; filename=My Report (final).pdf', 'attachment', { filename: 'My Report (final).pdf' }],
    ['attachment; filename=Invoice(1).pdf', 'attachment', { filename: 'Invoice(1).pdf' }],
    ['attachment; filename="a;b\\"c\\\\d.txt"', 'attachment', { filename: 'a;b"c\\d.txt' }],
    ['attachment; filename="C:\\temp\\x.txt"', 'attachment', { filename: 'C:\\temp\\x.txt' }],
    ['attachment; filename="never closed.txt', 'attachment', { filename: 'never closed.txt' }],
    ['multipart/mixed; boundary=a; boundary=b', 'multipart/mixed', { boundary: 'a' }],
    ['a; __proto__=x; constructor=y', 'a', { __proto__: undefined, constructor: 'y' }],
    ["a; f*=utf-8'en'%e2%82%ac%20rates", 'a', { f: '€ rates' }],
    ["a; f*=iso-8859-1''%A3", 'a', { f: '£' }],
    ["a; f=fallback.txt; f*=utf-8''b%C3%A9.txt", 'a', { f: 'bé.txt' }],
    ['a; f*1*=%A4b; f*0*=utf-8\'\'%C3; f*2="%41.txt"', 'a', { f: 'äb%41.txt' }],
    ['a; f*0=one; f*1=" two"', 'a', { f: 'one two' }],
    ['a; f*=no%20charset', 'a', { f: 'no charset' }],
    ["a; f*=utf-8''bad%zz%4", 'a', { f: 'bad%zz%4' }],
    ['', '', {}],
  ])('%j', (field, value, parameters) => {
    const parsed = parseStructured(field);
    expect(parsed.value).toBe(value);
    for (const [name, expected] of Object.entries(parameters)) expect(parsed.parameters.get(name)).toBe(expected);
  });

  it('never fails', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: fc.constantFrom(...'a;="\\()*0\'% \t') }), (text) => parseStructured(text) !== null),
    );
  });
});

describe('a file name', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['=?utf-8?B?xY3Ehy5jc3Y=?=', 'ōć.csv'],
    ['=?utf-8?Q?long_?= =?utf-8?Q?name.txt?=', 'long name.txt'],
    ['a\r\nb\0c\u007f.txt', 'abc.txt'],
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['C:\\Users\\x.doc', 'C:_Users_x.doc'],
    ['invoice\u202efdp.exe', 'invoicefdp.exe'],
    ['\u2066a\u2069\u200e.txt', 'a.txt'],
    ['a\ud800b.txt', 'a\ufffdb.txt'],
    ['  ', null],
    ['..', null],
    ['', null],
  ])('%j becomes %j', (raw, expected) => expect(fileName(raw)).toBe(expected));

  it('is cut, but keeps its ending', () => {
    const name = fileName(`${'ä'.repeat(400)}.docx`);
    expect(name).toHaveLength(MIME.filenameCharacters);
    expect(name).toMatch(/ä\.docx$/);
    expect(fileName('😀'.repeat(300))?.isWellFormed()).toBe(true);
  });
});

describe('a date', () => {
  it.each([
    ['Fri, 20 Nov 2026 10:23:45 +0000', '2026-11-20T10:23:45Z'],
    ['Fri, 20 Nov 2026 11:23:45 +0100 (CET)', '2026-11-20T10:23:45Z'],
    ['20 Nov 2026 10:23 -0530', '2026-11-20T15:53:00Z'],
    ['Fri, 20 Nov 2026 10:23:45 GMT', '2026-11-20T10:23:45Z'],
    ['Fri, 20 Nov 2026 10:23:45 EST', '2026-11-20T15:23:45Z'],
    ['Fri, 20 Nov 2026 10:23:45', '2026-11-20T10:23:45Z'],
    ['Fri (comment (nested)), 20 Nov (x) 2026 10:23:45 Z', '2026-11-20T10:23:45Z'],
    ['20 Nov 26 10:23:45 +0000', '2026-11-20T10:23:45Z'],
    ['20 Nov 99 10:23:45 +0000', '1999-11-20T10:23:45Z'],
    ['Friday, 20-Nov-26 10:23:45 UTC', '2026-11-20T10:23:45Z'],
    ['Fri Nov 20 10:23:45 2026', '2026-11-20T10:23:45Z'],
    ['Fri Nov 20 10:23:45 PST 2026', '2026-11-20T18:23:45Z'],
    ['2026-11-20T10:23:45.123+01:00', '2026-11-20T09:23:45Z'],
    ['2026-11-20 10:23:45', '2026-11-20T10:23:45Z'],
    ['Sat, 29 Feb 2028 23:59:60 +0000', '2028-02-29T23:59:59Z'],
    ['Fri, 31 Dec 2027 23:30:00 -0100', '2028-01-01T00:30:00Z'],
    ['Fri, 30 Feb 2026 10:00:00 +0000', null],
    ['Fri, 20 Foo 2026 10:00:00 +0000', null],
    ['Fri, 20 Nov 2026 25:00:00 +0000', null],
    ['Fri, 20 Nov 2026 10:00:00 +9900', null],
    ['20 Nov 1066 10:00:00 +0000', null],
    ['yesterday', null],
    ['', null],
  ])('%j is %j', (field, expected) => expect(parseDate(field)).toBe(expected));

  it('never fails', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: fc.constantFrom(...'0129 :+-,()TZ', 'Nov', 'Fri') }), (text) => {
        expect(parseDate(text) ?? '2026-01-01T00:00:00Z').toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      }),
    );
  });
});
