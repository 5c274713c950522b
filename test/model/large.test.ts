/** A few dozen messages, of which most may vanish at once: random sequences against the model. */
import { expect, it } from 'vitest';
import { runSequences, seedsOf, STEPS } from './sequences.ts';

it('shows what the server has, once, whatever happened before', async () => {
  const seeds = seedsOf('large');
  process.stdout.write(`Model (large): seeds ${seeds[0]} to ${seeds.at(-1)}, ${STEPS} steps each\n`);
  expect(seeds.length).toBeGreaterThan(0);
  expect(await runSequences('large', seeds)).toEqual([]);
});
