/**
 * Odd mail, most of it legal: what is missing, empty, long, dotted, commented or doubly encoded
 * (RFC 5322 §2.1.1, §3.2.2, §3.4; RFC 2046 §5.1.1; RFC 2047 §5–6; RFC 1939 §3 for the dots).
 */
import { file, letter, lines, multipart, octetsOf, text, usualFields } from './compose.ts';
import type { Letter, Part, Recipe } from './compose.ts';
import { noise } from './documents.ts';

function odd(name: string, about: Partial<Letter>, part: Part): Recipe {
  return { name, make: (at) => letter({ subject: name.replaceAll('-', ' '), ...about, at, name }, part) };
}

const PLAIN = { charset: 'us-ascii', encoding: '7bit' } as const;

const hello = text(lines('Hello.'), PLAIN);

/** A header and not even the blank line that would end it: a message needs no body (RFC 5322 §3.5). */
const headerOnly: Recipe = {
  name: 'header-without-blank-line',
  make: (at) => {
    const about = { at, name: 'header-without-blank-line', subject: 'Nothing but a header' };
    return { octets: octetsOf(...usualFields(about).map((line) => `${line}\r\n`)), attachments: [] };
  },
};

const foldedHeaders = [
  `References:\r\n${Array.from({ length: 60 }, (_, index) => `\t<older-${index}.${index * 7919}@example.com>`).join('\r\n')}`,
  `X-Folded: one\r\n two\r\n\tthree\r\n  four ${'and more '.repeat(8)}\r\n five`,
  `Received: from a.example.com by b.example.com\r\n\twith ESMTP (Exim 4.97)\r\n\t(envelope-from <ann@example.com>)\r\n\tid 1sABC-000-XY;\r\n\tMon, 2 Nov 2026 09:00:00 +0100 (CET)`,
  'Keywords:',
];

const DOTS = lines('.', '..', '...', '.hidden', ' .not at the start', '.', '. ', '', '.', 'The end..', '.');

export const oddities: readonly Recipe[] = [
  odd('empty-body', {}, text('', PLAIN)),
  odd('no-subject', { subject: null }, hello),
  odd('empty-subject', { subject: '' }, hello),
  odd('no-date', { dateless: true }, hello),
  odd('unreadable-date', { dateless: true, more: ['Date: sometime last week'] }, hello),
  odd('no-from-and-no-to', { from: null, to: null }, hello),
  odd(
    'groups-of-addresses',
    {
      to: 'Managing Partners: ben@example.com, "Carl, Jr." <carl@example.net>;',
      more: ['Cc: undisclosed-recipients:;', 'Bcc: Empty Group:  ;, ann@example.com'],
    },
    hello,
  ),
  odd(
    'comments-in-addresses',
    {
      from: 'Ann (the "one" \\(and only\\)) <ann@example.com> (home)',
      to: '"Demo \\"D\\" User" <demo@example.org>, (nobody) <@relay.example.net:carl@example.net>, "odd local"@example.org, ann@[192.0.2.1]',
    },
    hello,
  ),
  odd('headers-of-many-lines', { more: foldedHeaders }, hello),
  odd(
    'encoded-word-edges',
    {
      subject:
        '=?UTF-8?Q?two_words?= =?UTF-8?Q?_joined?= not=?UTF-8?Q?encoded?= =?utf-8*en?q?language?= =?UTF-8?B?w6k=?=\r\n =?ISO-8859-1?Q?=E9?= =?x-unknown?Q?caf=E9?= =?UTF-8?X?bad?=',
      from: '=?UTF-8?Q?=22quoted=22_=3Cnot=40address=2Eexample=3E?= <real@example.com>',
    },
    hello,
  ),
  odd('an-emoji-cut-in-two', { subject: '=?UTF-8?B?8J+O?= =?UTF-8?B?iSBwYXJ0eQ==?=' }, hello),
  odd('lines-of-dots', {}, text(DOTS, PLAIN)),
  odd('only-a-dot', {}, text(lines('.'), PLAIN)),
  odd('a-line-of-998', {}, text(lines('x'.repeat(998), 'short'), PLAIN)),
  odd('a-line-beyond-998', {}, text(lines(`${'y'.repeat(2_500)}.`, `.${'z'.repeat(1_200)}`, 'short'), PLAIN)),
  odd('trailing-spaces', { subject: 'trailing spaces   ' }, text(lines('two  ', 'a tab\t', '   ', '\t', 'none', '', '', ''), PLAIN)),
  odd('control-characters', {}, text(lines('bell \x07, escape \x1b[31m, delete \x7f, form feed \x0c, null \x00, end.'), PLAIN)),
  odd(
    'unknown-charset',
    {},
    { ...hello, headers: ['Content-Type: text/plain; charset=x-user-defined-9', 'Content-Transfer-Encoding: 8bit'] },
  ),
  odd('unknown-type', {}, file(null, 'application/x-unheard-of', noise(3, 300), { disposition: null })),
  odd(
    'preamble-and-epilogue',
    {},
    multipart('mixed', [text(lines('The body.'), PLAIN), file('data.bin', 'application/octet-stream', noise(4, 100))], {
      preamble: 'This is a multi-part message in MIME format.\r\n--not the boundary',
      epilogue: lines('', 'An epilogue that nobody reads.', '--=_not-the-boundary--'),
      boundary: "gc0p4Jq0M2Yt08j34c0p'()+_,-./:=?",
    }),
  ),
  odd('empty-parts', {}, multipart('mixed', [text('', PLAIN), text(lines('Between two empty parts.'), PLAIN), text('', PLAIN)])),
  odd(
    'boundary-that-begins-another',
    {},
    multipart('mixed', [multipart('mixed', [hello], { boundary: 'outer-2' }), hello], { boundary: 'outer' }),
  ),
  headerOnly,
];
