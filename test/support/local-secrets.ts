/**
 * The secrets that a gateway on this machine needs, in `.dev.vars`, where `wrangler dev` looks for them. They are
 * made once, at random; a value that is there already is never changed. The file is readable by its owner alone.
 */
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/** Makes what is missing in `file` and returns the first operator key. */
export function ensureSecrets(file: string): { readonly operatorKey: string } {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const present = parseEnv(before);
  const missing = Object.entries(SECRETS).filter(([name]) => (present[name] ?? '') === '');
  if (missing.length > 0) {
    const start = before === '' || before.endsWith('\n') ? '' : '\n';
    appendFileSync(file, start + missing.map(([name, make]) => `${name}="${make()}"\n`).join(''), { mode: 0o600 });
  }
  chmodSync(file, 0o600);
  const operatorKey = parseEnv(readFileSync(file, 'utf8')).OPERATOR_KEY?.split(',')[0]?.trim();
  if (operatorKey === undefined) throw new Error(`${file} has no OPERATOR_KEY.`);
  return { operatorKey };
}

const SECRETS: Readonly<Record<string, () => string>> = {
  // 43 characters of base64url: 256 bits.
  OPERATOR_KEY: () => randomBytes(32).toString('base64url'),
  MASTER_KEY: () => `k1:${randomBytes(32).toString('base64')}`,
};
