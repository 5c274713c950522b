/**
 * Many random sequences of one kind. How many there are of all kinds together is POPGATE_SEQUENCES; POPGATE_SEED runs the one
 * sequence of that seed again. What fails is said with its seed.
 */
import { kindOf, type KindName } from './kinds.ts';
import { runSequence } from './sequence.ts';

export const STEPS = 50;
const SEQUENCES = 500;
/** Which part of all sequences each kind has. */
const PARTS: Record<KindName, number> = { small: 0.5, large: 0.3, odd: 0.2 };
/** Sequences that overlap: half of their time is waiting. */
const AT_ONCE = 2;
/** After so many failures it is clear enough that something is wrong. */
const FAILURES = 5;

/** The seeds of one kind, from the environment. */
export function seedsOf(name: KindName): number[] {
  const { POPGATE_SEED: seed, POPGATE_SEQUENCES: sequences } = process.env;
  if (seed) return [Number(seed)];
  const count = Math.ceil((sequences ? Number(sequences) : SEQUENCES) * PARTS[name]);
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** Runs the sequences of these seeds and returns what was wrong in them. */
export async function runSequences(name: KindName, seeds: readonly number[]): Promise<string[]> {
  const failures: string[] = [];
  const queue = seeds.values();
  const work = async (): Promise<void> => {
    for (const seed of queue) {
      const wrong = await runSequence(seed, STEPS, kindOf(name, seed));
      if (wrong.length > 0) failures.push(`POPGATE_SEED=${seed} (${name}): ${wrong.slice(0, FAILURES).join('; ')}`);
      if (failures.length >= FAILURES) return;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failures;
}
