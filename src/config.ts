/**
 * The deployment's variables, judged once: either a whole configuration or sentences that say what to set. Nothing works
 * on half a configuration, and nothing here repeats a value: they are secrets, and a wrong one is often a secret in the
 * wrong place.
 */
import { type Keyring, parseMasterKeys } from './crypto/keyring.ts';
import { CONFIG, DNS, HTTP, MAILBOX } from './limits.ts';
import { type AllowedTargets, parseAllowedTargets } from './net/target.ts';
import { isOrigin } from './origin.ts';

/** What the platform hands in. An empty variable counts as one that is not set. */
export interface ConfigVariables {
  /** Secret, required: one or more keys of at least 32 characters, comma-separated. */
  readonly OPERATOR_KEY?: string | undefined;
  /** Secret, required: `kid:base64(32 octets)`, comma-separated; the first seals, all open. */
  readonly MASTER_KEY?: string | undefined;
  /** `host:port,…` beyond the target policy. */
  readonly ALLOWED_TARGETS?: string | undefined;
  /** `*` or a comma list of origins. */
  readonly CORS_ORIGINS?: string | undefined;
  /** Milliseconds. */
  readonly SESSION_LINGER_MS?: string | undefined;
  /** `on` or `off`. */
  readonly DNS_CHECK?: string | undefined;
  /** The URL of a DNS-over-HTTPS resolver that answers in JSON. */
  readonly DNS_RESOLVER?: string | undefined;
}

export interface Config {
  readonly operatorKeys: readonly string[];
  readonly keyring: Keyring;
  /** Without a malformed entry. */
  readonly allowedTargets: AllowedTargets;
  readonly corsOrigins: '*' | readonly string[];
  /** How long a session that a request opened is kept for the next one. */
  readonly sessionLingerMs: number;
  /** Where the names of mail servers are looked up before they are connected to; null: they are not. */
  readonly dnsResolver: string | null;
}

export type ReadConfig = { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly problems: readonly string[] };

const judged = new WeakMap<ConfigVariables, ReadConfig>();

/** The configuration of these variables. The same object is judged once, so that its keys are parsed and imported once. */
export function readConfig(variables: ConfigVariables): ReadConfig {
  let read = judged.get(variables);
  if (read === undefined) {
    read = judge(variables);
    judged.set(variables, read);
  }
  return read;
}

type Part<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly string[] };

function judge(variables: ConfigVariables): ReadConfig {
  const operatorKeys = operatorKeysOf(variables.OPERATOR_KEY ?? '');
  const keys = parseMasterKeys(variables.MASTER_KEY ?? '');
  const allowedTargets = targetsOf(variables.ALLOWED_TARGETS ?? '');
  const corsOrigins = originsOf(variables.CORS_ORIGINS ?? '');
  const linger = lingerOf(variables.SESSION_LINGER_MS ?? '');
  const dnsResolver = resolverOf(variables.DNS_CHECK ?? '', variables.DNS_RESOLVER ?? '');
  if (operatorKeys.ok && keys.ok && allowedTargets.ok && corsOrigins.ok && linger.ok && dnsResolver.ok) {
    const config: Config = {
      operatorKeys: operatorKeys.value,
      keyring: keys.keyring,
      allowedTargets: allowedTargets.value,
      corsOrigins: corsOrigins.value,
      sessionLingerMs: linger.value,
      dnsResolver: dnsResolver.value,
    };
    return { ok: true, config };
  }
  const parts = [operatorKeys, keys, allowedTargets, corsOrigins, linger, dnsResolver];
  return { ok: false, problems: parts.flatMap((part) => (part.ok ? [] : part.problems)) };
}

function operatorKeysOf(text: string): Part<string[]> {
  const keys = entriesOf(text);
  const least = HTTP.operatorKeyCharacters;
  if (keys.length === 0) return wrong(`OPERATOR_KEY is not set: set it to a random text of at least ${least} characters.`);
  if (keys.length > CONFIG.operatorKeys) return wrong(`OPERATOR_KEY has more than ${CONFIG.operatorKeys} keys.`);
  const problems = keys.flatMap((key, index) => {
    const problem = operatorKeyProblem(key, least);
    return problem === null ? [] : [`OPERATOR_KEY, key ${index + 1}: ${problem}`];
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: keys };
}

function operatorKeyProblem(key: string, least: number): string | null {
  if (key.length < least) return `it has fewer than ${least} characters.`;
  // Such a key could never arrive: RFC 9110 §5.5 allows no other octets without doubt.
  if (!/^[\x21-\x7e]+$/.test(key)) return 'it must consist of visible ASCII characters without spaces, to fit into a header.';
  if (key.startsWith('pgt_')) return 'it must not begin with "pgt_": that is how account tokens begin.';
  return null;
}

/** An entry that allows nothing would only be missed at the first refusal, which names no entry. */
function targetsOf(text: string): Part<AllowedTargets> {
  const targets = parseAllowedTargets(text);
  const problems = targets.malformed.map((position) => `ALLOWED_TARGETS, entry ${position}: write host:port, like pop.example.com:1110.`);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: targets };
}

function originsOf(text: string): Part<'*' | string[]> {
  const origins = entriesOf(text);
  if (origins.length === 1 && origins[0] === '*') return { ok: true, value: '*' };
  if (origins.length > CONFIG.corsOrigins) return wrong(`CORS_ORIGINS has more than ${CONFIG.corsOrigins} origins.`);
  const problems = origins.flatMap((origin, index) => {
    if (origin === '*') return ['CORS_ORIGINS: "*" stands alone, or not at all.'];
    if (isOrigin(origin)) return [];
    return [
      `CORS_ORIGINS, entry ${index + 1}: write an origin as browsers send it, like https://app.example.com, in small letters, without a path.`,
    ];
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: origins };
}

function lingerOf(text: string): Part<number> {
  const digits = text.trim();
  if (digits === '') return { ok: true, value: MAILBOX.linger };
  const value = /^[0-9]{1,6}$/.test(digits) ? Number(digits) : Infinity;
  if (value > CONFIG.sessionLingerMs)
    return wrong(`SESSION_LINGER_MS must be a whole number of milliseconds from 0 to ${CONFIG.sessionLingerMs}.`);
  return { ok: true, value };
}

const DNS_RESOLVER = 'https://cloudflare-dns.com/dns-query';

/** The resolver is judged even where the check is off: whoever sets one means it. */
function resolverOf(check: string, resolver: string): Part<string | null> {
  const url = resolver.trim() === '' ? DNS_RESOLVER : resolver.trim();
  const problems: string[] = [];
  if (!['', 'on', 'off'].includes(check.trim())) problems.push('DNS_CHECK must be on or off.');
  if (!isResolver(url))
    problems.push('DNS_RESOLVER must be the https URL of a resolver that answers in JSON, like https://cloudflare-dns.com/dns-query.');
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: check.trim() === 'off' ? null : url };
}

/** Answers that anybody on the way could forge are no check; what runs on the same machine has no way. */
function isResolver(text: string): boolean {
  if (text.length > DNS.urlCharacters || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password, hash } = new URL(text);
  const local = protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  return (protocol === 'https:' || local) && username === '' && password === '' && hash === '';
}

function entriesOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function wrong(problem: string): { ok: false; problems: string[] } {
  return { ok: false, problems: [problem] };
}
