/** The mail that comes while one looks: short letters that take turns, numbered so that each is a message of its own. */
import { file, html, letter, lines, multipart, text } from './compose.ts';
import type { Recipe } from './compose.ts';
import { pdf, png } from './documents.ts';
import { encodedWords } from './encodings.ts';

type Turn = (at: Date, n: number, name: string) => ReturnType<Recipe['make']>;

const TURNS: readonly Turn[] = [
  (at, n, name) =>
    letter(
      { at, name, from: 'Ann Example <ann@example.com>', subject: `Are you there? (${n})` },
      text(lines('Just a word to see whether mail still comes.', '', 'Ann')),
    ),
  (at, n, name) =>
    letter(
      { at, name, from: `${encodedWords('Zoé Lefèvre')} <zoe@example.fr>`, subject: encodedWords(`Photo nº ${n} de l’été`) },
      multipart('mixed', [text(lines('La voilà.')), file(`photo-${n}.png`, 'image/png', png(40, 30, [(n * 40) % 256, 160, 90]))]),
    ),
  (at, n, name) =>
    letter(
      { at, name, from: 'Monitor <monitor@ops.example.com>', subject: `[OK] Disk on host-${n} has room again` },
      text(lines(`host-${n}: /var 61 %`, 'state: OK')),
    ),
  (at, n, name) =>
    letter(
      { at, name, from: 'Farm Shop <news@shop.example.com>', subject: `Fresh today, no. ${n}` },
      multipart('alternative', [
        text(lines('Fresh today: plums.')),
        html(lines('<h1>Fresh today</h1><p>Plums.</p><img src="https://track.example.com/open.gif" width="1" height="1">')),
      ]),
    ),
  (at, n, name) =>
    letter(
      { at, name, from: 'Billing <billing@bill.example.com>', subject: `Invoice ${3000 + n}` },
      multipart('mixed', [
        text(lines('The invoice is attached.')),
        file(`invoice-${3000 + n}.pdf`, 'application/pdf', pdf(`Invoice ${3000 + n}`)),
      ]),
    ),
];

/** The recipe of the n-th arrival (n ≥ 1). */
export function arrivals(n: number): Recipe {
  const turn = TURNS[(n - 1) % TURNS.length];
  if (turn === undefined) throw new Error('Arrivals are counted from 1.');
  const name = `arrival-${n}`;
  return { name, make: (at) => turn(at, n, name) };
}
