/** The connection ends, is reset, goes quiet, brings garbage, or brings one octet at a time: at every point in turn. */
import { expect, it } from 'vitest';
import type { Fault } from '../support/faults/points.ts';
import { summaryOf, torture } from './every-point.ts';

const FAULTS: readonly Fault[] = ['close', 'reset', 'stall', 'garbage', 'short'];

it('loses nothing, repeats nothing and comes to rest, whichever point it is', async () => {
  const report = await torture(FAULTS);
  process.stdout.write(`${summaryOf(report, FAULTS)}\n`);
  expect(report.violations).toEqual([]);
  expect(report.runs).toBeGreaterThan(100);
});
