/**
 * Shows that the suites can fail: `node test/mutants/run.ts [report.json]`. Each mutant is one line of `src` changed for the
 * worse, in a copy of the tree and never in the tree itself; a fast part of the suite it names must go red, and say what it says
 * of just that. One that survives, is red for another reason, whose line is not there any more, or that can't be run, fails.
 * Without any mutant that part must be green.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { GREEN, RED } from './subset.ts';

interface Mutant {
  readonly name: string;
  readonly file: string;
  /** The whole line as it stands in the file, once. */
  readonly line: string;
  readonly replacement: string;
  readonly suite: string;
  /** A regular expression that finds, in what the suite says is wrong, the harm that this change does. */
  readonly says: string;
}

interface Outcome {
  readonly name: string;
  /** What is wrong with it, or null. */
  readonly failure: string | null;
  readonly detail: string;
}

const ROOT = join(import.meta.dirname, '../..');
const COPIED = ['src', 'test', 'package.json'];
/** Milliseconds for one mutant; far more than the longest takes. */
const PATIENCE = 300_000;

/** A copy of the tree, in which one mutant after another is tried. */
class Copy {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async make(): Promise<Copy> {
    const dir = await mkdtemp(join(tmpdir(), 'popgate-mutants-'));
    await mkdir(dir, { recursive: true });
    for (const name of COPIED) await cp(join(ROOT, name), join(dir, name), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
    return new Copy(dir);
  }

  async try({ name, file, line, replacement, suite, says }: Mutant): Promise<Outcome> {
    const path = join(this.#dir, file);
    const original = await readFile(path, 'utf8').catch(() => '');
    const lines = original.split('\n');
    const at = lines.indexOf(line);
    if (at === -1 || lines.includes(line, at + 1)) return { name, failure: 'its line is not there, or not once', detail: file };
    await writeFile(path, lines.with(at, replacement).join('\n'));
    try {
      const { code, said } = await this.run(suite);
      if (code === RED) return { name, failure: new RegExp(says).test(said) ? null : 'it is red for another reason', detail: said };
      return { name, failure: code === GREEN ? 'it survived' : `it could not be run (${code})`, detail: said };
    } finally {
      await writeFile(path, original);
    }
  }

  async baseline(suite: string): Promise<Outcome> {
    const { code, said } = await this.run(suite);
    return { name: `no mutant, ${suite}`, failure: code === GREEN ? null : `it is not green (${code})`, detail: said };
  }

  /** Runs the fast part of `suite` and returns its exit code and its last line. */
  async run(suite: string): Promise<{ code: number | string; said: string }> {
    const child = spawn(process.execPath, ['test/mutants/subset.ts', suite], { cwd: this.#dir, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const hear = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-2_000);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const timer = setTimeout(() => child.kill(), PATIENCE);
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    clearTimeout(timer);
    return { code: code ?? signal ?? 'no code', said: said.trim().split('\n').at(-1) ?? '' };
  }

  remove(): Promise<void> {
    return rm(this.#dir, { recursive: true, force: true });
  }
}

/** Takes jobs from a queue until it is empty, in a copy of its own. */
async function work(queue: Iterator<(copy: Copy) => Promise<Outcome>>, outcomes: Outcome[]): Promise<void> {
  const copy = await Copy.make();
  try {
    for (let job = queue.next(); !job.done; job = queue.next()) {
      const outcome = await job.value(copy);
      outcomes.push(outcome);
      process.stdout.write(
        `${outcome.failure === null ? '✓' : '×'} ${outcome.name}: ${outcome.failure ?? ''} ${outcome.detail.slice(0, 200)}\n`,
      );
    }
  } finally {
    await copy.remove();
  }
}

const mutants = JSON.parse(await readFile(join(import.meta.dirname, 'mutants.json'), 'utf8')) as Mutant[];
const suites = [...new Set(mutants.map(({ suite }) => suite))];
const jobs = [...suites.map((suite) => (copy: Copy) => copy.baseline(suite)), ...mutants.map((mutant) => (copy: Copy) => copy.try(mutant))];
const outcomes: Outcome[] = [];
const queue = jobs.values();
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, () => work(queue, outcomes)));
const failed = outcomes.filter(({ failure }) => failure !== null).length;
const [report] = process.argv.slice(2);
if (report) await writeFile(report, JSON.stringify({ passed: outcomes.length - failed, failed }));
process.stdout.write(`Mutants: ${outcomes.length - failed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
