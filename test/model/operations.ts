/** What may happen to a mailbox and its account in a random sequence, how often, and what the mail server is like. */
import type { Fault } from '../support/faults/points.ts';
import type { Hidden } from '../support/pop3-host.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

/** Each with its weight. */
const OPERATIONS = {
  arrive: 14,
  take: 6,
  hideSome: 3,
  hideMost: 2,
  show: 3,
  renumber: 1,
  sync: 12,
  wait: 8,
  page: 8,
  feed: 12,
  read: 5,
  remove: 6,
  removeSome: 2,
  crash: 4,
  cut: 16,
  listShort: 2,
  refuseListing: 2,
  forgetDeletes: 2,
  lockOut: 1,
  mend: 2,
} as const;

export type Operation = keyof typeof OPERATIONS;

/** A kind of mailbox: how many messages it begins with, what its server lacks, and what doesn't happen there. */
export interface Kind {
  readonly messages: readonly [least: number, most: number];
  readonly hide: readonly Hidden[];
  /** Some messages share a UIDL, or have an empty one. */
  readonly twins?: boolean;
  readonly without: readonly Operation[];
}

export function drawOperation(chance: SeededRandom, without: readonly Operation[]): Operation {
  const choices = Object.entries(OPERATIONS).filter(([name]) => !without.includes(name as Operation)) as [Operation, number][];
  let at = chance.below(choices.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [name, weight] of choices) {
    if (at < weight) return name;
    at -= weight;
  }
  throw new Error('The weights are wrong.');
}

const FAULTS: readonly Fault[] = ['close', 'reset', 'stall', 'garbage', 'short', 'abort', 'abort', 'throw'];

/** A fault, and how many points that it could come at it passes by. */
export function drawFault(chance: SeededRandom): { fault: Fault; after: number } {
  const fault = chance.pick(FAULTS);
  return { fault, after: chance.below(fault === 'throw' || fault === 'abort' ? 90 : 25) };
}
