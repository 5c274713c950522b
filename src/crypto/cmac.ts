/**
 * AES-CMAC (RFC 4493; with 256-bit keys, NIST SP 800-38B) of many short texts at once. A call into the platform's
 * cryptography costs far more than a block of AES, so each call enciphers one block of very many texts.
 */
import { createCipheriv } from 'node:crypto';
import { CRYPTO } from '../limits.ts';

const TAG_OCTETS = 16;
const BLOCK = 16;
/** What a doubled block is reduced by (RFC 4493 §2.3). */
const REDUCTION = 0x87;
/** Behind a text that doesn't fill its last block (§2.4). */
const PADDING = 0x80;

/** Many texts, one behind another: each ends at its entry of `ends` and begins where the one before it ends. */
export interface Texts {
  readonly octets: Uint8Array;
  readonly ends: Uint32Array;
}

export class Cmac {
  /** One block after another, each by itself (ECB): the chaining is done here. */
  readonly #encipher: (blocks: Uint8Array) => Uint8Array;
  /** What a whole last block and a padded one are combined with. */
  readonly #whole: Uint8Array;
  readonly #padded: Uint8Array;

  /** `key`: 32 octets. */
  constructor(key: Uint8Array) {
    const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
    this.#encipher = (blocks) => cipher.update(blocks);
    this.#whole = doubled(this.#encipher(new Uint8Array(BLOCK)));
    this.#padded = doubled(this.#whole);
  }

  /** The tags of all texts in their order, 16 octets each. */
  tags({ octets, ends }: Texts): Uint8Array<ArrayBuffer> {
    const tags = new Uint8Array(TAG_OCTETS * ends.length);
    for (let from = 0; from < ends.length; from += CRYPTO.textsAtOnce)
      this.#chain(octets, ends, { from, to: Math.min(from + CRYPTO.textsAtOnce, ends.length) }, tags);
    return tags;
  }

  /** The texts `from` … `to` - 1, block by block; what each has come to so far stands in `tags`. */
  #chain(octets: Uint8Array, ends: Uint32Array, { from, to }: { from: number; to: number }, tags: Uint8Array): void {
    let texts = Uint32Array.from({ length: to - from }, (_, index) => from + index);
    for (let done = 0; texts.length > 0; done += BLOCK) {
      const blocks = new Uint8Array(BLOCK * texts.length);
      const longer = new Uint32Array(texts.length);
      let count = 0;
      for (const [index, text] of texts.entries()) {
        const start = (text === 0 ? 0 : (ends[text - 1] ?? 0)) + done;
        const left = (ends[text] ?? 0) - start;
        const last = left > BLOCK ? null : left === BLOCK ? this.#whole : this.#padded;
        for (let at = 0; at < BLOCK; at++) {
          const octet = at < left ? (octets[start + at] ?? 0) : at === left ? PADDING : 0;
          blocks[BLOCK * index + at] = octet ^ (tags[BLOCK * text + at] ?? 0) ^ (last?.[at] ?? 0);
        }
        if (last === null) longer[count++] = text;
      }
      const enciphered = this.#encipher(blocks);
      for (const [index, text] of texts.entries())
        for (let at = 0; at < BLOCK; at++) tags[BLOCK * text + at] = enciphered[BLOCK * index + at] ?? 0;
      texts = longer.subarray(0, count);
    }
  }
}

/** A block times x in GF(2^128) (RFC 4493 §2.3). */
function doubled(block: Uint8Array): Uint8Array {
  const result = new Uint8Array(BLOCK);
  for (let at = 0; at < BLOCK; at++) result[at] = ((block[at] ?? 0) << 1) | ((block[at + 1] ?? 0) >>> 7);
  if ((block[0] ?? 0) & 0x80) result[BLOCK - 1] = (result[BLOCK - 1] ?? 0) ^ REDUCTION;
  return result;
}
