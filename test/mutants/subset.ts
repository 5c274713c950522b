/**
 * A fast part of a suite, for one mutant: `node test/mutants/subset.ts <suite>`. It ends at the first thing that is wrong.
 * The exit code says what came of it: GREEN, RED, or anything else where the code could not be run at all.
 */
import { kindOf, type KindName } from '../model/kinds.ts';
import { runSequence } from '../model/sequence.ts';
import { STEPS } from '../model/sequences.ts';
import { FAULTS } from '../support/faults/points.ts';
import { torture } from '../torture/every-point.ts';

export const GREEN = 10;
export const RED = 11;

/** Every so-manieth run of the torture, and so many sequences of the model. */
const STRIDE = 5;
const SEQUENCES: Record<KindName, number> = { small: 60, large: 40, odd: 40 };

async function firstWrong(suite: string): Promise<string | null> {
  if (suite === 'torture') return (await torture(FAULTS, { stride: STRIDE, failures: 1 })).violations[0] ?? null;
  const name = suite.replace('model ', '') as KindName;
  for (let seed = 1; seed <= SEQUENCES[name]; seed++) {
    const [wrong] = await runSequence(seed, STEPS, kindOf(name, seed));
    if (wrong !== undefined) return `seed ${seed}, ${wrong}`;
  }
  return null;
}

if (import.meta.main) {
  const wrong = await firstWrong(process.argv[2] ?? '');
  process.stdout.write(`${wrong ?? 'nothing is wrong'}\n`);
  process.exit(wrong === null ? GREEN : RED);
}
