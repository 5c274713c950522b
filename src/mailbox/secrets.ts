/**
 * What no text may repeat: secrets, in every form in which they were sent. A text is compared without its case, its spaces and
 * whatever is removed before it is shown, so that none of these hides a secret; of a long one each part counts.
 */
import { Buffer } from 'node:buffer';

/** Characters that are enough to call it a repetition. A shorter secret counts only as a whole. */
const PART = 12;

export class Secrets {
  readonly #short = new Set<string>();
  readonly #parts = new Set<string>();

  /** Adds a secret, plain and in base64, as SASL carries it (RFC 5034 §4). */
  add(secret: string): void {
    this.#add(folded(secret));
    this.#add(folded(Buffer.from(secret).toString('base64').replaceAll('=', '')));
  }

  /** Whether `text` has a secret in it. */
  repeatedIn(text: string): boolean {
    const seen = folded(text);
    for (const secret of this.#short) if (seen.includes(secret)) return true;
    for (let at = 0; at + PART <= seen.length; at++) if (this.#parts.has(seen.slice(at, at + PART))) return true;
    return false;
  }

  #add(secret: string): void {
    if (secret !== '' && secret.length < PART) this.#short.add(secret);
    for (let at = 0; at + PART <= secret.length; at++) this.#parts.add(secret.slice(at, at + PART));
  }
}

function folded(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s\p{C}]+/gu, '');
}
