/**
 * The secrets that a gateway on this machine needs, in `.dev.vars`, where `wrangler dev` looks for them. They are
 * made once, at random; a value that is there already is never changed. The file is readable by its owner alone.
 * Whoever runs the gateway may have settings of their own in it; those that the command line would hide are returned.
 */
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

export interface LocalSettings {
  /** The first one. */
  readonly operatorKey: string;
  /** As they are written there, or empty. */
  readonly allowedTargets: string;
}

/** Makes the secrets that are missing in `file`, and reads it. */
export function ensureSecrets(file: string): LocalSettings {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const present = parseEnv(before);
  const missing = Object.entries(SECRETS).filter(([name]) => (present[name] ?? '') === '');
  if (missing.length > 0) {
    const start = before === '' || before.endsWith('\n') ? '' : '\n';
    appendFileSync(file, start + missing.map(([name, make]) => `${name}="${make()}"\n`).join(''), { mode: 0o600 });
  }
  chmodSync(file, 0o600);
  const { OPERATOR_KEY, ALLOWED_TARGETS = '' } = parseEnv(readFileSync(file, 'utf8'));
  const operatorKey = OPERATOR_KEY?.split(',')[0]?.trim();
  if (operatorKey === undefined) throw new Error(`${file} has no OPERATOR_KEY.`);
  return { operatorKey, allowedTargets: ALLOWED_TARGETS };
}

const SECRETS: Readonly<Record<string, () => string>> = {
  // 43 characters of base64url: 256 bits.
  OPERATOR_KEY: () => randomBytes(32).toString('base64url'),
  MASTER_KEY: () => `k1:${randomBytes(32).toString('base64')}`,
};
