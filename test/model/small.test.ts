/** A few messages: random sequences against the model. */
import { expect, it } from 'vitest';
import { runSequences, seedsOf, STEPS } from './sequences.ts';

it('shows what the server has, once, whatever happened before', async () => {
  const seeds = seedsOf('small');
  process.stdout.write(`Model (small): seeds ${seeds[0]} to ${seeds.at(-1)}, ${STEPS} steps each\n`);
  expect(seeds.length).toBeGreaterThan(0);
  expect(await runSequences('small', seeds)).toEqual([]);
});
