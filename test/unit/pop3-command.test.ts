/** Command lines: no argument can become a second command; SASL PLAIN as RFC 4616 writes it. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  apop,
  auth,
  capa,
  dele,
  fitsInitial,
  list,
  noop,
  pass,
  quit,
  retr,
  saslCancel,
  saslResponse,
  stat,
  stls,
  top,
  uidl,
  user,
  utf8,
} from '../../src/pop3/command.ts';
import { decodeBase64, encodeBase64 } from '../../src/pop3/sasl/base64.ts';
import { plain } from '../../src/pop3/sasl/plain.ts';

const line = ({ octets }: { octets: Uint8Array }): string => new TextDecoder().decode(octets);

test('commands are written as the RFCs have them', () => {
  const commands = [
    capa(),
    stls(),
    stat(),
    list(),
    list(2),
    uidl(),
    uidl(3),
    top(4, 0),
    retr(5),
    dele(6),
    noop(),
    quit(),
    user('a b'),
    pass(' p w '),
    apop('mrose', 'c4c9334bac560ecc979e58001b3e22fb'),
    utf8(),
  ];
  expect(commands.map(line).join('')).toBe(
    'CAPA\r\nSTLS\r\nSTAT\r\nLIST\r\nLIST 2\r\nUIDL\r\nUIDL 3\r\nTOP 4 0\r\nRETR 5\r\nDELE 6\r\nNOOP\r\nQUIT\r\nUSER a b\r\nPASS  p w \r\nAPOP mrose c4c9334bac560ecc979e58001b3e22fb\r\nUTF8\r\n',
  );
  expect(commands.filter((command) => command.multiline).map(({ verb, number }) => [verb, number])).toEqual([
    ['CAPA', null],
    ['LIST', null],
    ['UIDL', null],
    ['TOP', 4],
    ['RETR', 5],
  ]);
  expect(line(pass('pässwörd'))).toBe('PASS pässwörd\r\n');
});

describe('an argument', () => {
  test('with a control character is refused, and not repeated', () => {
    for (const code of [...Array(32).keys(), 0x7f])
      for (const make of [user, pass, (text: string) => auth(text, null)]) {
        const secret = `secret${String.fromCharCode(code)}DELE 1`;
        expect(() => make(secret)).toThrow(/control character/);
        expect(() => make(secret)).not.toThrow(/secret|DELE/);
      }
  });

  test('never makes more than one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (anything) => {
        let written: string;
        try {
          written = line(pass(anything));
        } catch {
          return;
        }
        expect(written).toBe(`PASS ${anything}\r\n`);
        expect(written.slice(0, -2)).not.toMatch(/[\r\n\0]/);
        expect(new TextEncoder().encode(written).length).toBeLessThanOrEqual(255);
      }),
    );
  });

  test('that makes the line longer than 255 octets is refused', () => {
    expect(line(pass('x'.repeat(248)))).toHaveLength(255);
    expect(() => pass('x'.repeat(249))).toThrow(/too long/);
    expect(() => pass('ü'.repeat(125))).toThrow(/too long/);
  });

  test('that stands for a number is a positive integer', () => {
    for (const number of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      for (const make of [list, uidl, retr, dele, (n: number) => top(n, 0)]) expect(() => make(number)).toThrow(/positive integer/);
    expect(() => top(1, -1)).toThrow(/lines/);
  });
});

describe('SASL', () => {
  test('PLAIN is the example of RFC 4616 without an authorization identity', () => {
    expect(plain('tim', 'tanstaaftanstaaf').start()).toEqual(new TextEncoder().encode('\0tim\0tanstaaftanstaaf'));
    expect(line(auth('PLAIN', plain('tim', 'tanstaaftanstaaf').start()))).toBe('AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n');
  });

  test('PLAIN refuses NUL and answers no challenge', () => {
    expect(() => plain('a\0b', 'c')).toThrow();
    expect(() => plain('a', 'b\0c')).toThrow();
    expect(plain('a', 'b').respond(new Uint8Array())).toBeNull();
  });

  test('an initial response goes on the line only if the line stays within 255 octets', () => {
    const longest = new Uint8Array(180);
    expect(line(auth('PLAIN', longest)).length).toBeLessThanOrEqual(255);
    expect([fitsInitial('PLAIN', longest), fitsInitial('PLAIN', new Uint8Array(181))]).toEqual([true, false]);
    expect(line(auth('PLAIN', new Uint8Array()))).toBe('AUTH PLAIN =\r\n');
    expect(line(auth('PLAIN', null))).toBe('AUTH PLAIN\r\n');
  });

  test('responses are one base64 line, bounded', () => {
    expect(new TextDecoder().decode(saslResponse(Uint8Array.of(0, 255)))).toBe('AP8=\r\n');
    expect(new TextDecoder().decode(saslResponse(new Uint8Array()))).toBe('\r\n');
    expect(new TextDecoder().decode(saslCancel())).toBe('*\r\n');
    expect(() => saslResponse(new Uint8Array(64 * 1024))).toThrow(/too long/);
  });

  test('base64 is strict, and gives back what it was given', () => {
    for (const text of ['a', 'ab', 'abc', 'ab=c', 'YQ==\n', 'YQ', '!!!!', 'YQ===', '====']) expect(decodeBase64(text)).toBeNull();
    expect(decodeBase64('')).toEqual(new Uint8Array());
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        expect(decodeBase64(encodeBase64(octets))).toEqual(octets);
      }),
    );
  });
});
