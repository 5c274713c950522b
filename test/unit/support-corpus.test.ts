/** The corpus: that it is what it claims, checked by a parser that had no part in making it. */
import { createHash } from 'node:crypto';
import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import { arrival, corpus } from '../support/corpus.ts';
import type { CorpusMessage } from '../support/corpus.ts';
import { encodeText } from '../support/corpus/charsets.ts';
import { gif, noise, pdf, png, zip } from '../support/corpus/documents.ts';
import { encodedWords, quotedPrintable } from '../support/corpus/encodings.ts';

const NOW = new Date('2026-11-20T12:00:00Z');
const MESSAGES = corpus(NOW);

function parse(message: CorpusMessage) {
  return PostalMime.parse(message.octets, { forceRfc822Attachments: true, attachmentEncoding: 'arraybuffer' });
}

function named(name: string): CorpusMessage {
  const found = MESSAGES.find((message) => message.name === name);
  if (found === undefined) throw new Error(`There is no ${name}.`);
  return found;
}

test('there are many messages, no two with one name, dated over the months before now, oldest first', async () => {
  expect(MESSAGES.length).toBeGreaterThanOrEqual(30);
  expect(new Set(MESSAGES.map(({ name }) => name)).size).toBe(MESSAGES.length);
  const dates = (await Promise.all(MESSAGES.map(parse))).map(({ date }) => Date.parse(date ?? ''));
  const known = dates.filter((date) => !Number.isNaN(date));
  expect(known).toEqual(known.toSorted((a, b) => a - b));
  expect(NOW.getTime() - Math.min(...known)).toBeGreaterThan(100 * 86_400_000);
  expect(Math.max(...known)).toBeLessThanOrEqual(NOW.getTime());
});

test('the octets depend on the given time alone', () => {
  const again = corpus(NOW);
  expect(again.map(({ octets }) => Buffer.from(octets).toString('base64'))).toEqual(
    MESSAGES.map(({ octets }) => Buffer.from(octets).toString('base64')),
  );
  expect(arrival(3, NOW)).toEqual(arrival(3, NOW));
});

test('every message ends in CRLF and has no bare CR or LF', () => {
  for (const { name, octets } of MESSAGES) {
    const text = Buffer.from(octets).toString('latin1');
    expect(text.endsWith('\r\n'), name).toBe(true);
    expect(/\r(?!\n)|(?<!\r)\n/.test(text), name).toBe(false);
  }
});

/** postal-mime turns CRLF into LF in parts that aren't base64: the comparison forgives that and nothing else. */
function forgiving(octets: Uint8Array): string {
  return createHash('sha256').update(Buffer.from(octets).toString('latin1').replaceAll('\r\n', '\n').trimEnd(), 'latin1').digest('hex');
}

test.each([...MESSAGES, ...[1, 2, 3, 4, 5].map((n) => arrival(n, NOW))])('a reader finds the attachments of $name', async (message) => {
  const found = (await parse(message)).attachments.map(({ filename, mimeType, content }) => ({
    filename: filename === '' ? null : filename,
    contentType: mimeType,
    octets: new Uint8Array(content as ArrayBuffer),
  }));
  expect(found.map(({ filename, contentType }) => ({ filename, contentType }))).toEqual(
    message.attachments.map(({ filename, contentType }) => ({ filename, contentType })),
  );
  const whole = Buffer.from(message.octets).toString('latin1');
  for (const [index, { size, sha256 }] of message.attachments.entries()) {
    const { octets } = found[index]!;
    const exact = createHash('sha256').update(octets).digest('hex') === sha256;
    if (!exact) expect(candidates(whole, size, forgiving(octets))).toContain(sha256);
  }
});

/**
 * The SHA-256 of every stretch of `size` octets of `whole` that begins after a blank line, and of every body with its
 * quoted-printable undone, if it is forgivingly what the parser found.
 */
function candidates(whole: string, size: number, forgiven: string): string[] {
  const found: string[] = [];
  for (let at = whole.indexOf('\r\n\r\n'); at >= 0; at = whole.indexOf('\r\n\r\n', at + 1)) {
    const body = whole.slice(at + 4, whole.indexOf('\r\n--', at + 4));
    const unquoted = body.replaceAll('=\r\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    found.push(whole.slice(at + 4, at + 4 + size), unquoted);
  }
  return found
    .map((body) => Buffer.from(body, 'latin1'))
    .filter((octets) => octets.length === size && forgiving(octets) === forgiven)
    .map((octets) => createHash('sha256').update(octets).digest('hex'));
}

async function read(name: string): Promise<string> {
  const { subject, text } = await parse(named(name));
  return `${subject} | ${text?.replaceAll('\r\n', '\n')}`;
}

test('texts and subjects are readable in the languages they are written in', async () => {
  expect(await read('german-utf-8')).toMatch(
    /^Grüße aus Köln – Straßenfest am Samstag \| Liebe Anna,\n\nam Samstag ist Straßenfest\..*5 € = fünf Euro/s,
  );
  expect(await read('french-iso-8859-1')).toContain('Réunion déplacée à mercredi | Bonjour à tous,');
  expect(await read('quotes-windows-1252')).toContain('“Smart quotes” – and a price of €20… | It’s “smart”');
  expect(await read('russian-koi8-r')).toContain('Отчёт за третий квартал | Здравствуйте!');
  expect(await read('japanese-iso-2022-jp')).toContain('会議の日程について | お世話になっております。');
  expect(await read('japanese-shift-jis')).toContain('表示と予定表のお知らせ | 表示、予定、能力。');
  expect(await read('chinese-gb18030')).toContain('关于下周的会议安排 | 您好：');
  expect(await read('korean-euc-kr')).toContain('회의 일정 안내 | 안녕하세요.');
  expect(await read('emoji-utf-8')).toContain('👩‍👩‍👧‍👦 on Friday');
  expect(await read('utf-8-in-the-header')).toContain('Rødgrød med fløde – på søndag | Kom og spis');
});

test('the odd ones are odd in the way they say', () => {
  const text = (name: string): string => Buffer.from(named(name).octets).toString('latin1');
  expect(text('header-without-blank-line')).not.toContain('\r\n\r\n');
  expect(text('only-a-dot')).toMatch(/\r\n\r\n\.\r\n$/);
  expect(text('empty-body')).toMatch(/\r\n\r\n(\r\n)?$/);
  expect(text('no-subject')).not.toMatch(/^Subject:/im);
  expect(text('no-date')).not.toMatch(/^Date:/im);
  const longest = (name: string): number =>
    Math.max(
      ...text(name)
        .split('\r\n')
        .map((line) => line.length),
    );
  expect(longest('a-line-of-998')).toBe(998);
  expect(longest('a-line-beyond-998')).toBeGreaterThan(998);
  expect(named('five-megabytes').octets.length).toBeGreaterThan(4_900_000);
  expect(text('text-of-eight-bits')).toMatch(/[\x80-\xff]/);
});

test('the encoders turn the platform’s decoders round', () => {
  for (const [charset, text] of [
    ['koi8-r', 'Ёлка'],
    ['windows-1252', '€“”…'],
    ['shift_jis', '表示ｱ'],
    ['gb18030', '会议'],
    ['iso-2022-jp', 'a会議b'],
    ['euc-kr', '회의'],
  ] as const) {
    expect(new TextDecoder(charset).decode(encodeText(text, charset)), charset).toBe(text);
  }
  expect(() => encodeText('会', 'koi8-r')).toThrow();
  for (const line of quotedPrintable(Buffer.from(`${'=é '.repeat(200)} \r\n`, 'latin1')).split('\r\n'))
    expect(line.length).toBeLessThanOrEqual(76);
  for (const word of encodedWords('Grüße 🎂 '.repeat(20)).split('\r\n ')) expect(word.length).toBeLessThanOrEqual(75);
});

test('made documents begin and end as their formats do, and noise is the same each time', () => {
  expect(Buffer.from(png(3, 2, [1, 2, 3])).toString('latin1')).toMatch(/^\x89PNG\r\n\x1a\n.*IEND....$/s);
  expect(Buffer.from(gif(5, 5)).toString('latin1')).toMatch(/^GIF89a.*\x00;$/s);
  const document = Buffer.from(pdf('Title')).toString('latin1');
  expect(document.slice(Number(/startxref\n(\d+)/.exec(document)?.[1])).startsWith('xref\n')).toBe(true);
  expect(Buffer.from(zip({ a: Buffer.from('b') })).toString('latin1')).toMatch(/^PK\x03\x04.*PK\x01\x02.*PK\x05\x06/s);
  expect(noise(5, 64)).toEqual(noise(5, 64));
  expect(noise(5, 64)).not.toEqual(noise(6, 64));
});
