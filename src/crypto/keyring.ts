/**
 * The operator's master keys, which wrap the data keys of accounts and of the Directory. The first one wraps; every one
 * unwraps, so a key is changed by putting the new one in front and taking the old one away once nothing needs it.
 * What is wrong is said in sentences that name an entry by its number and never repeat any of it.
 */
import { Buffer } from 'node:buffer';
import { CONFIG, CRYPTO } from '../limits.ts';
import { importKey, isKid } from './envelope.ts';

const KEY_OCTETS = 32;

export class Keyring {
  /** The name of the key that wraps. */
  readonly first: string;
  readonly #octets: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly #keys = new Map<string, CryptoKey>();

  /** Names and 32 octets each, in order; at least one. */
  constructor(keys: ReadonlyMap<string, Uint8Array<ArrayBuffer>>) {
    const [first] = keys.keys();
    if (first === undefined) throw new RangeError('A keyring has at least one key.');
    this.first = first;
    this.#octets = keys;
  }

  /** The key of a name, or null where the ring has none. */
  async key(kid: string): Promise<CryptoKey | null> {
    const octets = this.#octets.get(kid);
    if (octets === undefined) return null;
    // The key is kept and not its promise: in a Worker a promise belongs to the request that made it.
    const key = this.#keys.get(kid) ?? (await importKey(octets));
    this.#keys.set(kid, key);
    return key;
  }
}

export type ParsedKeys = { readonly ok: true; readonly keyring: Keyring } | { readonly ok: false; readonly problems: string[] };

/** Reads `kid:base64(32 octets),…`; spaces around entries and empty entries don't count. */
export function parseMasterKeys(text: string): ParsedKeys {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length === 0) return { ok: false, problems: [`MASTER_KEY is not set: ${WANTED}`] };
  if (entries.length > CONFIG.masterKeys) return { ok: false, problems: [`MASTER_KEY has more than ${CONFIG.masterKeys} entries.`] };
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  const problems: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const problem = addEntry(keys, entry);
    if (problem !== null) problems.push(`MASTER_KEY, entry ${index + 1}: ${problem}`);
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, keyring: new Keyring(keys) };
}

const WANTED = 'set it to name:key, where the key is 32 random octets in base64 (as `openssl rand -base64 32` prints them).';

/** Null, or what is wrong with the entry. */
function addEntry(keys: Map<string, Uint8Array<ArrayBuffer>>, entry: string): string | null {
  const colon = entry.indexOf(':');
  if (colon < 0) return `there is no colon; ${WANTED}`;
  const kid = entry.slice(0, colon);
  if (!isKid(kid)) return `the name before the colon must be 1 to ${CRYPTO.kid} letters, digits, "_" or "-".`;
  if (keys.has(kid)) return 'its name was already given to another entry.';
  const base64 = entry.slice(colon + 1);
  const octets = new Uint8Array(Buffer.from(base64, 'base64'));
  if (octets.length !== KEY_OCTETS || Buffer.from(octets).toString('base64') !== base64)
    return 'the key after the colon is not 32 octets in base64 (44 characters, the last one "=").';
  keys.set(kid, octets);
  return null;
}
