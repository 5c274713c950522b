/** The object is aborted at every point in turn; a new life goes on with its rows. */
import { expect, it } from 'vitest';
import type { Fault } from '../support/faults/points.ts';
import { summaryOf, torture } from './every-point.ts';

const FAULTS: readonly Fault[] = ['abort'];

it('loses nothing, repeats nothing and comes to rest, whichever point it is', async () => {
  const report = await torture(FAULTS);
  process.stdout.write(`${summaryOf(report, FAULTS)}\n`);
  expect(report.violations).toEqual([]);
  expect(report.runs).toBeGreaterThan(100);
});
