/** Framing of replies: whole, octet by octet and at random cuts, against a model that may look at everything at once. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { POP3 } from '../../src/limits.ts';
import { DataDecoder, StatusDecoder } from '../../src/pop3/framing.ts';

const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const text = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1');

/** Cuts `octets` before each of `cuts`; copies, since the decoder overwrites its input. */
function cut(octets: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set([0, ...cuts.filter((place) => place < octets.length), octets.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => octets.slice(at[index], end));
}

const everyOctet = (octets: Uint8Array): Uint8Array[] => Array.from(octets, (octet) => Uint8Array.of(octet));

interface Decoded {
  data: string;
  ended: boolean;
  rest: string;
}

function decodeAll(chunks: readonly Uint8Array[]): Decoded {
  const decoder = new DataDecoder();
  let data = '';
  for (const [index, chunk] of chunks.entries()) {
    const step = decoder.decode(chunk, 0);
    data += (step.cr ? '\r' : '') + text(step.data);
    if (step.ended) {
      const behind = chunks.slice(index + 1).map(text);
      return { data, ended: true, rest: text(chunk.subarray(step.next)) + behind.join('') };
    }
    expect(step.next).toBe(chunk.length);
  }
  return { data, ended: false, rest: '' };
}

/** The model: everything in one string, by the words of RFC 1939 §3. */
function model(wire: string): Decoded {
  const end = wire.startsWith('.\r\n') ? 0 : wire.indexOf('\r\n.\r\n') === -1 ? -1 : wire.indexOf('\r\n.\r\n') + 2;
  if (end === -1) throw new Error('the model needs a terminator');
  const lines = wire.slice(0, end).split('\r\n');
  const data = lines.map((line) => (line.startsWith('.') ? line.slice(1) : line)).join('\r\n');
  return { data, ended: true, rest: wire.slice(end + 3) };
}

const stuff = (message: string): string =>
  message
    .split('\r\n')
    .map((line) => (line.startsWith('.') ? `.${line}` : line))
    .join('\r\n');

/** Texts made of what framing is about, so that near-terminators are common. */
const tricky = fc
  .array(fc.constantFrom('\r', '\n', '.', '\r\n', '\r\n.', '\n.\r\n', 'a', '\0', '\xff', ' '), { maxLength: 40 })
  .map((all) => all.join(''));
const cuts = fc.array(fc.nat(120), { maxLength: 12 });

describe('the data of a multi-line reply', () => {
  const cases: Record<string, [wire: string, data: string]> = {
    'a plain message': ['Subject: a\r\n\r\nbody\r\n.\r\n', 'Subject: a\r\n\r\nbody\r\n'],
    'no data at all': ['.\r\n', ''],
    'an empty line only': ['\r\n.\r\n', '\r\n'],
    'stuffed dots': ['..\r\n...\r\n..a\r\n.\r\n', '.\r\n..\r\n.a\r\n'],
    'a dot that should have been stuffed': ['.a\r\n.\r\n', 'a\r\n'],
    'a dot and a bare CR': ['.\ra\r\n.\r\n', '\ra\r\n'],
    'a dot, a bare CR and a line end': ['.\r\r\n.\r\n', '\r\r\n'],
    'a bare LF before a lone dot': ['a\n.\r\n+OK forged\r\n.\r\n', 'a\n.\r\n+OK forged\r\n'],
    'a lone dot before a bare LF': ['a\r\n.\nb\r\n.\r\n', 'a\r\n\nb\r\n'],
    'a lone dot before a bare CR': ['a\r\n.\rb\r\n.\r\n', 'a\r\n\rb\r\n'],
    'NUL and 8-bit octets': ['\0\xff\x80\r\n.\r\n', '\0\xff\x80\r\n'],
    'dots inside lines': ['a.b..c\r\n.\r\n', 'a.b..c\r\n'],
  };
  test.each(Object.entries(cases))('%s survives whole and octet by octet', (_, [wire, data]) => {
    const behind = '+OK next\r\n';
    const expected = { data, ended: true, rest: behind };
    expect(decodeAll([latin1(wire + behind)])).toEqual(expected);
    expect(decodeAll(everyOctet(latin1(wire + behind)))).toEqual(expected);
    for (let at = 1; at < wire.length; at++) expect(decodeAll(cut(latin1(wire + behind), [at]))).toEqual(expected);
  });

  test('does not end without CRLF.CRLF', () => {
    for (const wire of ['', '.', '.\r', 'a\r\n.', 'a\r\n.\r', 'a\n.\r\n', 'a\r.\r\n', 'a.\r\n', '\n.\r\n', 'a\r\n.\n'])
      for (const chunks of [[latin1(wire)], everyOctet(latin1(wire))]) expect(decodeAll(chunks).ended).toBe(false);
  });

  test('decodes anything as the model does, however it is cut', () => {
    fc.assert(
      fc.property(tricky, tricky, cuts, (message, behind, places) => {
        const wire = `${message}\r\n.\r\n${behind}`;
        expect(decodeAll(cut(latin1(wire), places))).toEqual(model(wire));
        expect(decodeAll(everyOctet(latin1(wire)))).toEqual(model(wire));
      }),
      { numRuns: 500 },
    );
  });

  test('gives back every message that was stuffed', () => {
    fc.assert(
      fc.property(tricky, cuts, (message, places) => {
        const sent = `${message}\r\n`;
        expect(decodeAll(cut(latin1(`${stuff(sent)}.\r\n`), places)).data).toBe(sent);
      }),
      { numRuns: 500 },
    );
  });

  test('begins at an offset and leaves what is before it alone', () => {
    const chunk = latin1('+OK\r\n..a\r\n.\r\n');
    const { data, ended, next } = new DataDecoder().decode(chunk, 5);
    expect([text(data), ended, next, text(chunk.subarray(0, 5))]).toEqual(['.a\r\n', true, chunk.length, '+OK\r\n']);
  });

  test('survives megabytes without a line end, and megabytes of stuffed dots', () => {
    const megabyte = 'x.'.repeat(512 * 1024);
    expect(decodeAll(cut(latin1(`${megabyte}\r\n.\r\n`), [65_536, 524_288])).data === `${megabyte}\r\n`).toBe(true);
    const dots = '.\r\n'.repeat(300_000);
    expect(decodeAll(cut(latin1(`${stuff(dots)}.\r\n`), [65_537, 524_288])).data === dots).toBe(true);
    expect(decodeAll([latin1(`${'.'.repeat(1_000_001)}\r\n.\r\n`)]).data.length).toBe(1_000_002);
  });
});

type Line = { line: string; rest: string } | { defect: string } | 'more';

function readStatus(chunks: readonly Uint8Array[], limit?: number): Line {
  const decoder = new StatusDecoder(limit);
  for (const [index, chunk] of chunks.entries()) {
    const step = decoder.push(chunk, 0);
    if (step.kind === 'defect') return { defect: step.reason };
    if (step.kind === 'line') {
      const behind = chunks.slice(index + 1).map(text);
      return { line: text(step.octets), rest: text(chunk.subarray(step.next)) + behind.join('') };
    }
  }
  return 'more';
}

const bothWays = (wire: string): Line => {
  const whole = readStatus([latin1(wire)]);
  expect(readStatus(everyOctet(latin1(wire)))).toEqual(whole);
  return whole;
};

describe('a status line', () => {
  test('ends in CRLF and leaves the rest', () => {
    expect(bothWays('+OK hello\r\ndata')).toEqual({ line: '+OK hello', rest: 'data' });
    expect(bothWays('-ERR\r\n')).toEqual({ line: '-ERR', rest: '' });
    expect(bothWays('+OK a\rb\0\xff\r\n')).toEqual({ line: '+OK a\rb\0\xff', rest: '' });
  });

  test('that ends in a bare LF is a defect at once', () => {
    expect(bothWays('+OK hello\n')).toEqual({ defect: 'a line that ends in a bare LF' });
    expect(readStatus([latin1('+OK hello\n+OK forged\r\n')])).toEqual({ defect: 'a line that ends in a bare LF' });
    expect(bothWays('\n')).toEqual({ defect: 'a line that ends in a bare LF' });
  });

  test('may have four blank lines before it and no more', () => {
    expect(bothWays(`${'\r\n'.repeat(POP3.blankLines)}+OK\r\n`)).toEqual({ line: '+OK', rest: '' });
    expect(bothWays(`${'\r\n'.repeat(POP3.blankLines + 1)}+OK\r\n`)).toEqual({ defect: 'too many blank lines' });
  });

  test('that is not POP3 is a defect at its first octet, without waiting for a line end', () => {
    for (const wire of ['HTTP/1.1 400', '220 smtp', '* OK IMAP', '\x15\x03\x01', '\ra'])
      expect(readStatus(everyOctet(latin1(wire)))).toEqual({ defect: 'the answer is not POP3' });
  });

  test('is cut off at its bound', () => {
    const longest = `+OK ${'a'.repeat(POP3.statusLine - 4)}`;
    expect(readStatus(cut(latin1(`${longest}\r\n`), [100, 8_000]))).toEqual({ line: longest, rest: '' });
    expect(readStatus([latin1(`${longest}a\r\n`)])).toEqual({ defect: 'an endless status line' });
    expect(readStatus(everyOctet(latin1(`${longest}aaa`)))).toEqual({ defect: 'an endless status line' });
    expect(readStatus([latin1('+OK 12345\r\n')], 8)).toEqual({ defect: 'an endless status line' });
  });

  test('is a copy, whole or of what is none', () => {
    for (const [wire, kept] of [
      ['+OK hello\r\n', '+OK hello'],
      ['HTTP/1.1 400\r\n', 'HTTP/1.1 400\r\n'],
      ['\r\n+OK hello\n', '+OK hello\n'],
      ['HTTP', 'HTTP'],
    ] as const) {
      const chunk = Buffer.from(wire, 'latin1');
      const step = new StatusDecoder().push(chunk, 0);
      chunk.fill(0);
      expect(step.kind === 'line' ? text(step.octets) : step.kind === 'defect' ? text(step.seen) : step.kind).toBe(kept);
    }
  });

  test('reads the same however it is cut', () => {
    fc.assert(
      fc.property(tricky, cuts, (rest, places) => {
        const wire = latin1(`+OK${rest}\r\n`);
        expect(JSON.stringify(readStatus(cut(wire, places)))).toBe(JSON.stringify(readStatus([wire])));
      }),
    );
  });
});
