/**
 * The one format of everything sealed at rest. AES-256-GCM (NIST SP 800-38D) with a random nonce; who owns the box and
 * in which row and field it lies is authenticated but not stored, so a box that is moved elsewhere doesn't open.
 *
 *   1 (version) | length of kid | kid | nonce, 12 octets | ciphertext | tag, 16 octets
 *   associated data, never stored: the JSON array [1, kid, account, row, field] in UTF-8
 *
 * With random nonces one key is good for 2³² boxes (§8.3), far above what one account ever seals.
 */
import { CRYPTO } from '../limits.ts';
import type { Random } from './random.ts';

const VERSION = 1;
const NONCE_OCTETS = 12;
const TAG_OCTETS = 16;
const KID = new RegExp(`^[A-Za-z0-9_-]{1,${CRYPTO.kid}}$`);

/** Where a box belongs. `account` is its owner's id; a row is a text or a whole number, and `1` is not `'1'`. */
export interface Place {
  readonly account: string;
  readonly row: string | number;
  readonly field: string;
}

export type EnvelopeFailure =
  /** Sealed under a key that isn't at hand. */
  | { readonly kind: 'unknown_key' }
  /** Altered, moved from another place, or sealed under another key of the same name. */
  | { readonly kind: 'damaged' }
  /** Not an envelope of this version at all, or not what the caller expects to find in one. */
  | { readonly kind: 'malformed' };

const MESSAGES: Record<EnvelopeFailure['kind'], string> = {
  unknown_key: 'The key of this envelope is not known.',
  damaged: 'The envelope does not open.',
  malformed: 'This is not an envelope.',
};

/** An envelope that can't be opened. Its message is one of three fixed sentences. */
export class EnvelopeError extends Error {
  readonly failure: EnvelopeFailure;

  constructor(kind: EnvelopeFailure['kind']) {
    super(MESSAGES[kind]);
    this.name = 'EnvelopeError';
    this.failure = { kind };
  }
}

/** The key of a name, or null where there is none. */
export type KeyFinder = (kid: string) => CryptoKey | null | Promise<CryptoKey | null>;

/** Whether a text can name a key. */
export function isKid(text: string): boolean {
  return KID.test(text);
}

/** Imports 32 octets as a key that can be used and not read back. */
export function importKey(octets: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', octets, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/** Seals `octets` for one place. The result is 30 octets and the key's name longer. */
export async function seal(
  key: CryptoKey,
  kid: string,
  octets: Uint8Array<ArrayBuffer>,
  place: Place,
  random: Random,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!isKid(kid)) throw new RangeError('Not a name of a key.');
  const nonce = random(NONCE_OCTETS);
  if (nonce.length !== NONCE_OCTETS) throw new RangeError('The random source gives too few octets.');
  const header = 2 + kid.length;
  const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm(nonce, kid, place), key, octets));
  const envelope = new Uint8Array(header + NONCE_OCTETS + sealed.length);
  envelope[0] = VERSION;
  envelope[1] = kid.length;
  for (let index = 0; index < kid.length; index++) envelope[2 + index] = kid.charCodeAt(index);
  envelope.set(nonce, header);
  envelope.set(sealed, header + NONCE_OCTETS);
  return envelope;
}

/** The name of the key that an envelope was sealed with. Throws `malformed`. */
export function kidOf(envelope: Uint8Array): string {
  const length = envelope[1] ?? 0;
  if (envelope[0] !== VERSION || envelope.length < 2 + length + NONCE_OCTETS + TAG_OCTETS) throw new EnvelopeError('malformed');
  const kid = String.fromCharCode(...envelope.subarray(2, 2 + length));
  if (!isKid(kid)) throw new EnvelopeError('malformed');
  return kid;
}

/** What was sealed for this very place. Throws `EnvelopeError`. */
export async function open(find: KeyFinder, envelope: Uint8Array<ArrayBuffer>, place: Place): Promise<Uint8Array<ArrayBuffer>> {
  const kid = kidOf(envelope);
  const key = await find(kid);
  if (key === null) throw new EnvelopeError('unknown_key');
  const header = 2 + kid.length;
  const nonce = envelope.subarray(header, header + NONCE_OCTETS);
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm(nonce, kid, place), key, envelope.subarray(header + NONCE_OCTETS)));
  } catch (error) {
    // Web Crypto says OperationError where the tag doesn't fit; anything else is a fault of ours.
    if (error instanceof Error && error.name === 'OperationError') throw new EnvelopeError('damaged');
    throw error;
  }
}

function algorithm(nonce: Uint8Array<ArrayBuffer>, kid: string, { account, row, field }: Place) {
  if (typeof row === 'number' && !Number.isSafeInteger(row)) throw new RangeError('A row is a text or a whole number.');
  // JSON quotes and escapes its texts, so two different places never give the same octets.
  const additionalData = new TextEncoder().encode(JSON.stringify([VERSION, kid, account, row, field]));
  return { name: 'AES-GCM', iv: nonce, additionalData, tagLength: TAG_OCTETS * 8 };
}
