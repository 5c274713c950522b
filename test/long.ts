/**
 * What takes too long for every change, `npm run test:long`: many random sequences against the model, then the crash soaks with more mail and more
 * kills than usual. Each of the numbers may be given (`POPGATE_SEQUENCES=3000 npm run test:long`). The soaks' chance, which both of
 * them take from `POPGATE_SEED`, is printed; with that variable set the model runs the one sequence of that seed.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const NUMBERS = { POPGATE_SEQUENCES: '20000', POPGATE_SOAK_MESSAGES: '30000', POPGATE_SOAK_KILLS: '30' };

/** Runs a part of the suites, and tells whether it passed. */
function passes(part: readonly string[], seed: string | undefined): boolean {
  const env = { ...NUMBERS, ...process.env, ...(seed === undefined ? {} : { POPGATE_SEED: seed }) };
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--configLoader', 'native', '--config', 'test/vitest.config.ts', ...part];
  return spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' }).status === 0;
}

const seed = process.env.POPGATE_SEED ?? String(Math.floor(Math.random() * 2 ** 32));
process.stdout.write(`The soaks' chance: POPGATE_SEED=${seed}\n`);
const model = passes(['--project', 'model'], process.env.POPGATE_SEED);
const soaks = passes(['--project', 'worker', '--project', 'e2e', 'crash-soak'], seed);
process.stdout.write(`Sequences: ${model ? 'passed' : 'failed'}. Soaks with POPGATE_SEED=${seed}: ${soaks ? 'passed' : 'failed'}.\n`);
process.exit(model && soaks ? 0 : 1);
