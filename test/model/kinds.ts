/** The kinds of mailbox that random sequences are run against. */
import type { Kind } from './operations.ts';

export type KindName = 'small' | 'large' | 'odd';

/** So few messages that no listing is suspect. */
const SMALL: Kind = { messages: [0, 8], hide: [], without: [] };
/** So many that losing most of them at once is not believed. */
const LARGE: Kind = { messages: [24, 45], hide: [], without: [] };
/** Servers that lack something. Without TOP nobody can tell what a message is that has another UIDL, short of reading it whole. */
const ODD: readonly Kind[] = [
  { messages: [0, 12], hide: ['UIDL'], without: ['renumber', 'refuseListing', 'listShort'] },
  { messages: [0, 20], hide: [], twins: true, without: ['renumber'] },
  { messages: [0, 8], hide: ['TOP'], without: ['renumber'] },
  { messages: [0, 30], hide: ['PIPELINING'], without: [] },
  // A refusal of UIDL would be taken for its absence.
  { messages: [0, 8], hide: ['CAPA'], without: ['refuseListing'] },
  { messages: [0, 8], hide: ['RESP-CODES', 'SASL'], without: [] },
  { messages: [0, 8], hide: ['TOP', 'CAPA', 'PIPELINING'], without: ['renumber', 'refuseListing'] },
];

export function kindOf(name: KindName, seed: number): Kind {
  if (name === 'small') return SMALL;
  return name === 'large' ? LARGE : (ODD[seed % ODD.length] ?? SMALL);
}
