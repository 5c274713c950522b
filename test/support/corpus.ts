/**
 * A mailbox full of real-looking mail: languages, charsets, newsletters, files, nested and signed messages, and the odd
 * but legal. The octets depend on `now` alone, lines end in CRLF, and each message says which attachments a reader must
 * find in it: every part that isn't a body text, a nested message being one (what is inside it isn't counted).
 */
import { attachments } from './corpus/attachments.ts';
import type { ExpectedAttachment, Recipe } from './corpus/compose.ts';
import { arrivals } from './corpus/arrivals.ts';
import { conversations } from './corpus/conversations.ts';
import { languages } from './corpus/languages.ts';
import { oddities } from './corpus/oddities.ts';
import { structures } from './corpus/structures.ts';
import { webPages } from './corpus/web-pages.ts';

export type { ExpectedAttachment } from './corpus/compose.ts';

export interface CorpusMessage {
  readonly name: string;
  readonly octets: Uint8Array;
  readonly attachments: readonly ExpectedAttachment[];
}

const DAY = 86_400_000;
/** The oldest message is this old. */
const SPAN = 150 * DAY;

/** All messages, oldest first, spread over the five months before `now`: thick lately, thin long ago. */
export function corpus(now: Date): CorpusMessage[] {
  const recipes = interleaved([oddities, structures, attachments, conversations, languages, webPages]);
  return recipes.map((recipe, index) => {
    const share = (recipes.length - index) / recipes.length;
    return made(recipe, new Date(now.getTime() - Math.round(SPAN * share * share)));
  });
}

/** The n-th new message (n ≥ 1) that arrives now and then: a short one, dated `now`, now and then with a file. */
export function arrival(n: number, now: Date): CorpusMessage {
  return made(arrivals(n), now);
}

function made(recipe: Recipe, at: Date): CorpusMessage {
  return { name: recipe.name, ...recipe.make(new Date(Math.floor(at.getTime() / 1000) * 1000)) };
}

/** Each list spread evenly over the whole in its own order, so that a page of the mailbox shows all kinds. */
function interleaved(lists: readonly (readonly Recipe[])[]): Recipe[] {
  const placed = lists.flatMap((list) => list.map((recipe, index) => ({ recipe, place: (index + 1) / list.length })));
  return placed.sort((a, b) => a.place - b.place).map(({ recipe }) => recipe);
}
