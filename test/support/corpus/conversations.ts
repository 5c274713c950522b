/**
 * Plain mail between people: a mailing list's thread with its References (RFC 5322 §3.6.4, RFC 2369), flowed text
 * (RFC 3676), mail older than MIME, mail to many.
 */
import { letter, lines, octetsOf, text, usualFields } from './compose.ts';
import type { Recipe } from './compose.ts';
import { field } from './encodings.ts';

const LIST = [
  'List-Id: Beekeepers <bees.lists.example.org>',
  'List-Post: <mailto:bees@lists.example.org>',
  'List-Unsubscribe: <https://lists.example.org/bees/leave>',
  'List-Archive: <https://lists.example.org/bees/>',
  'Precedence: list',
];

const TURNS = ['Carl <carl@example.net>', 'Dora <dora@example.com>', 'Carl <carl@example.net>', 'Emil <emil@example.org>'];

/** The n-th letter of the thread; it refers to all before it. */
function turn(index: number): Recipe {
  const name = `thread-${index + 1}`;
  const before = TURNS.slice(0, index).map((_, earlier) => `<thread-${earlier + 1}.bees@lists.example.org>`);
  const more = [...LIST, `X-Thread: <${name}.bees@lists.example.org>`];
  if (before.length > 0) more.push(`In-Reply-To: ${before.at(-1)}`, field('References', before.join(' ')));
  const quoted = before.flatMap((_, depth) => `${'>'.repeat(depth + 1)} How do your bees do this winter?`);
  return {
    name,
    make: (at) => {
      const about = { at, name, from: TURNS[index] ?? null, to: 'bees@lists.example.org', more };
      const subject = `${index === 0 ? '' : 'Re: '}[bees] How do your bees do?`;
      return letter(
        { ...about, subject },
        text(lines('They do well.', '', ...quoted, '', '-- ', 'sent to all beekeepers'), { encoding: '8bit' }),
      );
    },
  };
}

const flowed: Recipe = {
  name: 'flowed-text',
  make: (at) =>
    letter(
      { at, name: 'flowed-text', subject: 'Re: Long lines' },
      text(
        lines(
          '> This is a quoted paragraph that goes on and on, with a blank at its ',
          '> end because it is flowed.',
          'And this is the answer, which is flowed, too, and ends in a line that ',
          'is fixed.',
          ' From here on: a line that was stuffed with a space.',
          '-- ',
          'Ann',
        ),
        { encoding: '8bit', charset: 'iso-8859-1', parameters: '; format=flowed; delsp=no' },
      ),
    ),
};

const eightBit: Recipe = {
  name: 'text-of-eight-bits',
  make: (at) =>
    letter(
      { at, name: 'text-of-eight-bits', from: 'Pelé <pele@example.br>'.replace('é', '\xe9'), subject: 'Latin-1 in the header, unlabelled' },
      text(lines('Ação, coração, São Paulo.'), { encoding: '8bit', charset: 'iso-8859-15' }),
    ),
};

/** Mail from before MIME: no MIME fields at all. */
const beforeMime: Recipe = {
  name: 'before-mime',
  make: (at) => {
    const about = { at, name: 'before-mime', from: 'postmaster@old.example.edu (Mail Master)', subject: 'Machine room closed on Monday' };
    const fields = usualFields(about).map((line) => `${line}\r\n`);
    return { octets: octetsOf(...fields, '\r\n', lines('The machine room is closed on Monday.', '', 'The operators')), attachments: [] };
  },
};

const toMany: Recipe = {
  name: 'to-many',
  make: (at) => {
    const crowd = Array.from({ length: 150 }, (_, index) => `"Member ${index + 1}, Mr." <member${index + 1}@club.example.org>`);
    const about = { at, name: 'to-many', from: 'The Club <club@club.example.org>', subject: 'Summer party', to: crowd.join(', ') };
    return letter({ ...about, more: ['Cc: board@club.example.org', 'Reply-To: party@club.example.org'] }, text(lines('Come all.')));
  },
};

const short: Recipe = {
  name: 'short-and-plain',
  make: (at) =>
    letter(
      { at, name: 'short-and-plain', subject: 'Lunch?' },
      text(lines('12:30 at the river?'), { charset: 'us-ascii', encoding: '7bit' }),
    ),
};

export const conversations: readonly Recipe[] = [...TURNS.map((_, index) => turn(index)), flowed, eightBit, beforeMime, toMany, short];
