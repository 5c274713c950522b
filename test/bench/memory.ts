/**
 * The most memory that workerd held at once (`VmHWM` of proc(5)), for a gateway that wrangler started: of several workerd
 * in its process group the largest counts, which is the one that runs the Worker.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Starts the measurement anew: what was held before doesn't count. */
export function forgetPeaks(group: number | null): void {
  for (const pid of workerds(group)) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** The peak in octets since then; null where none runs. */
export function peakOf(group: number | null): number | null {
  const peaks = workerds(group).map((pid) => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0));
  return peaks.length === 0 ? null : Math.max(...peaks) * 1024;
}

/** The ids of the workerd processes in a process group. */
export function workerds(group: number | null): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      // The name in parentheses may hold anything; behind it come the state, the parent and the group.
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      return stat.includes('(workerd)') && Number(stat.split(') ').at(-1)?.split(' ')[2]) === group;
    } catch {
      // It ended while we looked.
      return false;
    }
  });
}
