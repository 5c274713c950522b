/**
 * A child process with all its descendants as one thing: started in a process group of its own, ended as a whole,
 * its output kept to a bound. What a parent's end can still do, it does: at `exit` the group is killed.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const MOST_OUTPUT = 64 * 1024;
/** How long a group may take to end by itself before it is killed, and how long its last members are waited for. */
const PATIENCE = 5_000;
const POLL = 20;

export class ProcessGroup {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #output = '';
  #over = false;

  /** Starts `command`. `onLine` is told every line of both outputs. */
  constructor(
    command: string,
    args: readonly string[],
    options: { cwd?: string; env?: NodeJS.ProcessEnv; onLine?: (line: string) => void },
  ) {
    const { onLine, ...rest } = options;
    this.#child = spawn(command, [...args], { ...rest, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = new Promise((resolve) => {
      const over = (): void => {
        this.#over = true;
        resolve();
      };
      this.#child.once('exit', over);
      this.#child.once('error', (error) => {
        this.#keep(`${error.message}\n`);
        over();
      });
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) this.#follow(stream, onLine);
    process.once('exit', this.#killAtExit);
  }

  /** The number of the group, which is that of the process that was started; null if it could not be started. */
  get id(): number | null {
    return this.#child.pid ?? null;
  }

  /** Fulfilled when the process that was started has ended, for whatever reason. */
  get ended(): Promise<void> {
    return this.#exited;
  }

  /** Whether the process that was started has ended (its descendants may live on). */
  get over(): boolean {
    return this.#over;
  }

  /** The last 64 KiB of both outputs. */
  output(): string {
    return this.#output;
  }

  /** Asks the group to end, kills what hasn't after five seconds, and returns when none is left. */
  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    if (!(await this.#gone(PATIENCE))) await this.kill();
    process.off('exit', this.#killAtExit);
  }

  /** Kills the group at once, as a crash would, and returns when none is left. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exited;
    await this.#gone(PATIENCE);
    process.off('exit', this.#killAtExit);
  }

  async #gone(patience: number): Promise<boolean> {
    const until = Date.now() + patience;
    while (Date.now() < until) {
      if (this.#over && !this.#hasMembers()) return true;
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
    return false;
  }

  #hasMembers(): boolean {
    return this.#signal(0) && (livingMembers(this.#child.pid ?? 0) ?? true);
  }

  /** Signals the whole group; false if it has no members. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.#child;
    if (pid === undefined) return false;
    try {
      process.kill(-pid, signal);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  }

  readonly #killAtExit = (): void => {
    this.#signal('SIGKILL');
  };

  #follow(stream: NodeJS.ReadableStream | null, onLine: ((line: string) => void) | undefined): void {
    let rest = '';
    stream?.setEncoding('utf8');
    stream?.on('data', (chunk: string) => {
      this.#keep(chunk);
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(-MOST_OUTPUT);
      for (const line of lines) onLine?.(line.trimEnd());
    });
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-MOST_OUTPUT);
  }
}

/**
 * Whether a process of group `group` runs; null where /proc can't tell. A member that has ended still counts for the
 * system until its new parent looks after it, which some containers' first process does only now and then.
 */
function livingMembers(group: number): boolean | null {
  if (!existsSync('/proc/self/stat')) return null;
  return readdirSync('/proc').some((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      // The name in parentheses may hold anything; behind it come the state, the parent and the group.
      const [state, , of] = readFileSync(`/proc/${entry}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
      return Number(of) === group && state !== 'Z' && state !== 'X';
    } catch {
      // It ended while we looked.
      return false;
    }
  });
}
