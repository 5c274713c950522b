/** What the workerd processes below this one take, from proc(5): memory now, and processor time since they began. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFigures {
  /** Resident octets of all of them. */
  readonly memory: number;
  /** Milliseconds of user and system time of all of them. */
  readonly cpu: number;
}

/** Of a tick of the kernel's clock, milliseconds: `getconf CLK_TCK` is 100 on every Linux that Node runs on. */
const TICK = 10;

export function workerdFigures(): ProcessFigures {
  const processes = readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? (read(Number(entry)) ?? []) : []));
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const isOurs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) if (at === process.pid) return true;
    return false;
  };
  const ours = processes.filter(({ pid, name }) => name === 'workerd' && isOurs(pid));
  return {
    memory: ours.reduce((sum, { memory }) => sum + memory, 0),
    cpu: ours.reduce((sum, { cpu }) => sum + cpu, 0),
  };
}

function read(pid: number): { pid: number; name: string; parent: number; memory: number; cpu: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    // Behind the name: state, parent …; user and system time are the 12th and 13th of these.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
    return { pid, name, parent: Number(fields[1]), memory: Number(resident) * 1024, cpu: (Number(fields[11]) + Number(fields[12])) * TICK };
  } catch {
    // It ended while we looked.
    return null;
  }
}
