/**
 * Messages with files: documents, archives, tables; names that are long, foreign, strange or missing (RFC 2183,
 * RFC 2231); a file that is the whole message; many small files; and one of five megabytes.
 */
import { encodeText } from './charsets.ts';
import { file, letter, lines, multipart, text } from './compose.ts';
import type { Part, Recipe } from './compose.ts';
import { noise, pdf, png, zip } from './documents.ts';

function withFiles(name: string, subject: string, said: string, ...files: Part[]): Recipe {
  return { name, make: (at) => letter({ at, name, subject }, multipart('mixed', [text(lines(said)), ...files])) };
}

const CSV = Array.from({ length: 40 }, (_, row) => `${2000 + row};${(row * 37) % 101};"Zürich; Nord"\r\n`).join('');

const LONG_NAME =
  'Minutes of the extraordinary general meeting of the association of friends of very long file names, second and last edition, final (3).pdf';

const FOREIGN_NAME = 'Übersicht – 東京 & Genève.pdf';

/** A patch as text: lines with dots, "From " and trailing blanks must come through untouched. */
const PATCH = lines('From 4f2e1c', '--- a/readme', '+++ b/readme', '@@ -1,3 +1,3 @@', '-.', '+..', '.', ' trailing  ', '-- ', '2.43.0');

const bigFile: Recipe = {
  name: 'five-megabytes',
  make: (at) =>
    letter(
      { at, name: 'five-megabytes', from: 'Film crew <film@example.com>', subject: 'The film, in one piece' },
      // 3.65 million octets become 5 million of base64.
      multipart('mixed', [text(lines('Here is the film.')), file('film.mp4', 'video/mp4', noise(2026, 3_650_000))]),
    ),
};

const wholeMessage: Recipe = {
  name: 'a-pdf-and-nothing-else',
  make: (at) =>
    letter(
      { at, name: 'a-pdf-and-nothing-else', from: 'Scanner <scanner@example.com>', subject: 'Scan 0042' },
      file('scan-0042.pdf', 'application/pdf', pdf('Scan 0042')),
    ),
};

const manyFiles: Recipe = {
  name: 'twenty-files',
  make: (at) => {
    const files = Array.from({ length: 20 }, (_, index) =>
      file(`picture-${String(index + 1).padStart(2, '0')}.png`, 'image/png', png(8 + index, 8, [12 * index, 100, 240 - 12 * index])),
    );
    return letter({ at, name: 'twenty-files', subject: 'Twenty pictures' }, multipart('mixed', [text(lines('All of them.')), ...files]));
  },
};

export const attachments: readonly Recipe[] = [
  withFiles('pdf', 'Agenda', 'The agenda is attached.', file('agenda.pdf', 'application/pdf', pdf('Agenda (draft)'))),
  withFiles(
    'zip-and-csv',
    'Figures',
    'The figures, packed and unpacked.',
    file('figures.zip', 'application/zip', zip({ 'figures.csv': encodeText(CSV, 'utf-8'), 'empty.txt': new Uint8Array(0) })),
    file('figures.csv', 'text/csv', encodeText(CSV, 'iso-8859-1'), { parameters: '; charset=iso-8859-1', encoding: 'quoted-printable' }),
  ),
  withFiles('long-file-name', 'Minutes', 'Minutes.', file(LONG_NAME, 'application/pdf', pdf('Minutes'), { naming: 'rfc2231' })),
  withFiles(
    'foreign-file-names',
    'Overview',
    'The same name, written twice.',
    file(FOREIGN_NAME, 'application/pdf', pdf('Overview'), { naming: 'rfc2231' }),
    file('报告.pdf', 'application/pdf', pdf('Report'), { naming: 'encoded-word' }),
  ),
  withFiles(
    'strange-file-names',
    'Strange names',
    'Don’t trust names.',
    file('say "hello" \\ again.txt', 'application/octet-stream', noise(1, 40)),
    file('page.html', 'text/html', encodeText('<script>alert(1)</script>', 'us-ascii'), { parameters: '; charset=us-ascii' }),
    file('vector.svg', 'image/svg+xml', encodeText('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 'us-ascii')),
    file(null, 'application/octet-stream', noise(2, 60)),
  ),
  withFiles(
    'patch-as-text',
    '[PATCH] readme: count the dots',
    'Please apply.',
    file('0001-dots.patch', 'text/x-patch', encodeText(PATCH, 'us-ascii'), { encoding: '7bit', parameters: '; charset=us-ascii' }),
  ),
  withFiles('empty-file', 'Nothing', 'There is nothing in it.', file('nothing.bin', 'application/octet-stream', new Uint8Array(0))),
  manyFiles,
  wholeMessage,
  bigFile,
];
