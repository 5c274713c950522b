/**
 * Torture: the scenario is run once to number its points, then once for each point and each fault that means something
 * there. A life that ends at a SELECT is one that ends at the point behind it, for nothing happens between them outside,
 * so those are not run twice. The first run's points are the only list there is.
 */
import { type Fault, isMeant, type Plan, type Point } from '../support/faults/points.ts';
import { play } from './scenario.ts';

export interface Report {
  readonly points: number;
  readonly runs: number;
  /** What was wrong, and where the fault had come. */
  readonly violations: readonly string[];
}

/** Runs that overlap: most of a run is waiting. */
const AT_ONCE = 4;

/** Every point × each of `faults`, or of all that only each `stride`th one; no further than to so many `failures`. */
export async function torture(faults: readonly Fault[], { stride = 1, failures = Number.POSITIVE_INFINITY } = {}): Promise<Report> {
  const undisturbed = await play(null);
  if (undisturbed.violations.length > 0) return { points: 0, runs: 1, violations: undisturbed.violations };
  const plans = plansFor(undisturbed.points, faults).filter((_, index) => index % stride === 0);
  const points = new Set(plans.map(({ point }) => point)).size;
  const violations: string[] = [];
  const queue = plans.values();
  const work = async (): Promise<void> => {
    for (const plan of queue) {
      const run = await play(plan);
      const where = `${plan.fault} at "${plan.point}"`;
      if (!run.came) violations.push(`${where} never came`);
      if (violations.length >= failures) return;
      violations.push(...run.violations.map((text) => `${where}: ${text}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { points, runs: plans.length, violations };
}

/** The report in one line. */
export function summaryOf({ points, runs }: Report, faults: readonly Fault[]): string {
  return `Torture (${faults.join(', ')}): ${points} points × ${faults.length} faults = ${runs} runs`;
}

function plansFor(points: readonly Point[], faults: readonly Fault[]): Plan[] {
  return points.flatMap((point) =>
    faults.filter((fault) => isMeant(fault, point) && !repeats(fault, point)).map((fault) => ({ point: point.name, fault })),
  );
}

function repeats(fault: Fault, { kind, name }: Point): boolean {
  return fault === 'abort' && kind === 'exec' && name.includes(': exec SELECT');
}
