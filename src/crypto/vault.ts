/**
 * What one owner (an account, or the Directory) seals and signs with. Everything comes from one random data key that is
 * stored only wrapped by a master key: destroying that one row makes all boxes of the owner unreadable.
 *
 * Each use has its own sub-key (HKDF-SHA-256, RFC 5869, empty salt, since the data key is uniformly random):
 * boxes are AES-256-GCM, MACs and keyed hashes are HMAC-SHA-256 (RFC 2104) cut to 16 octets. What is hashed by the hundred thousand
 * is hashed by AES-256-CMAC instead, side by side.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { CRYPTO } from '../limits.ts';
import { Cmac, type Texts } from './cmac.ts';
import { EnvelopeError, importKey, kidOf, open, seal } from './envelope.ts';
import type { Keyring } from './keyring.ts';
import { platformRandom, type Random } from './random.ts';

const KEY_OCTETS = 32;
const MAC_OCTETS = 16;
/** The name of the data key in its own boxes. A second generation of data keys would be `d2`. */
const KID = 'd1';
/** Where the wrapped data key lies. */
const WRAPPED = { row: 'key', field: 'data' } as const;

export class Vault {
  readonly #owner: string;
  readonly #dataKey: Uint8Array;
  readonly #boxKey: CryptoKey;
  readonly #random: Random;
  readonly #subKeys = new Map<string, KeyObject>();
  readonly #cmacs = new Map<string, Cmac>();

  private constructor(owner: string, dataKey: Uint8Array, boxKey: CryptoKey, random: Random) {
    this.#owner = owner;
    this.#dataKey = dataKey;
    this.#boxKey = boxKey;
    this.#random = random;
  }

  /** A vault with a new data key, and that key wrapped for storage. */
  static async create(keyring: Keyring, owner: string, random: Random): Promise<{ vault: Vault; wrapped: Uint8Array<ArrayBuffer> }> {
    const dataKey = random(KEY_OCTETS);
    const wrapped = await wrap(dataKey, keyring, owner, random);
    return { vault: await Vault.#of(owner, dataKey, random), wrapped };
  }

  /**
   * The vault of a stored data key. Throws `EnvelopeError`: `unknown_key` when the ring lacks the key that wrapped it,
   * `damaged` when it holds another one under that name.
   */
  static async open(keyring: Keyring, owner: string, wrapped: Uint8Array, random: Random = platformRandom): Promise<Vault> {
    return Vault.#of(owner, await unwrap(wrapped, keyring, owner), random);
  }

  static async #of(owner: string, dataKey: Uint8Array<ArrayBuffer>, random: Random): Promise<Vault> {
    return new Vault(owner, dataKey, await importKey(subKey(dataKey, 'box')), random);
  }

  /** Seals octets for one row and field. */
  seal(octets: Uint8Array, row: string | number, field: string): Promise<Uint8Array<ArrayBuffer>> {
    return seal(this.#boxKey, KID, plain(octets), { account: this.#owner, row, field }, this.#random);
  }

  /** Opens what was sealed for this row and field. Throws `EnvelopeError`. */
  open(box: Uint8Array, row: string | number, field: string): Promise<Uint8Array<ArrayBuffer>> {
    return open((kid) => (kid === KID ? this.#boxKey : null), plain(box), { account: this.#owner, row, field });
  }

  /** Seals a JSON value. */
  sealJson(value: unknown, row: string | number, field: string): Promise<Uint8Array<ArrayBuffer>> {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) throw new TypeError('Not a JSON value.');
    return this.seal(new TextEncoder().encode(text), row, field);
  }

  /** The JSON value of a box; the caller knows its shape. Throws `EnvelopeError`. */
  async openJson(box: Uint8Array, row: string | number, field: string): Promise<unknown> {
    const octets = await this.open(box, row, field);
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets));
    } catch {
      // The parser's own error would quote the content.
      throw new EnvelopeError('malformed');
    }
  }

  /** Proves that this owner issued `octets`: 16 octets. Labels keep purposes apart and are constants of the program. */
  mac(label: string, octets: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#hmac(`mac ${label}`, octets);
  }

  /** Names `octets` without telling them to who only sees storage: 16 octets, the same for the same octets and label. */
  hash(label: string, octets: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#hmac(`hash ${label}`, octets);
  }

  /** As `hash` does, very many at once and by another function: 16 octets each, one behind another. */
  hashes(label: string, texts: Texts): Uint8Array<ArrayBuffer> {
    return once(this.#cmacs, label, () => new Cmac(subKey(this.#dataKey, `hashes ${label}`))).tags(texts);
  }

  #hmac(purpose: string, octets: Uint8Array): Uint8Array<ArrayBuffer> {
    // Made once: Node takes longer to make a key of octets than to hash with it.
    const key = once(this.#subKeys, purpose, () => createSecretKey(subKey(this.#dataKey, purpose)));
    return Uint8Array.from(createHmac('sha256', key).update(octets).digest().subarray(0, MAC_OCTETS));
  }
}

function once<T>(made: Map<string, T>, label: string, make: () => T): T {
  let value = made.get(label);
  if (value === undefined) {
    if (made.size >= CRYPTO.subKeys) throw new RangeError('Too many labels: they are constants, not values.');
    value = make();
    made.set(label, value);
  }
  return value;
}

/** Whether a wrapped data key should be wrapped anew: it isn't wrapped by the first key. Throws `malformed`. */
export function needsRewrap(wrapped: Uint8Array, keyring: Keyring): boolean {
  return kidOf(wrapped) !== keyring.first;
}

/** The same data key, wrapped by the first key of the ring. Throws `EnvelopeError`. */
export async function rewrap(keyring: Keyring, owner: string, wrapped: Uint8Array, random: Random): Promise<Uint8Array<ArrayBuffer>> {
  return wrap(await unwrap(wrapped, keyring, owner), keyring, owner, random);
}

async function wrap(dataKey: Uint8Array<ArrayBuffer>, keyring: Keyring, owner: string, random: Random): Promise<Uint8Array<ArrayBuffer>> {
  const key = await keyring.key(keyring.first);
  if (key === null) throw new EnvelopeError('unknown_key');
  return seal(key, keyring.first, dataKey, { account: owner, ...WRAPPED }, random);
}

async function unwrap(wrapped: Uint8Array, keyring: Keyring, owner: string): Promise<Uint8Array<ArrayBuffer>> {
  const dataKey = await open((kid) => keyring.key(kid), plain(wrapped), { account: owner, ...WRAPPED });
  if (dataKey.length !== KEY_OCTETS) throw new EnvelopeError('malformed');
  return dataKey;
}

function subKey(dataKey: Uint8Array, purpose: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hkdfSync('sha256', dataKey, new Uint8Array(0), `popgate ${purpose}`, KEY_OCTETS));
}

/** Web Crypto takes no shared memory, and nothing here ever lies in any. */
function plain(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  return octets.buffer instanceof ArrayBuffer ? (octets as Uint8Array<ArrayBuffer>) : Uint8Array.from(octets);
}
