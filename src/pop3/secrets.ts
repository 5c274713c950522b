/**
 * What no text may repeat: secrets, in every form in which they were sent. A text is compared without its case, its spaces and
 * whatever is removed before it is shown, so that none of these hides a secret; of a long one each part counts.
 */
import { Buffer } from 'node:buffer';

/** Characters that are enough to call it a repetition. A shorter secret counts only as a whole. */
const PART = 12;

export class Secrets {
  readonly #added = new Set<string>();
  /** Taken apart when the first text is compared: most sessions have none. */
  #apart: { readonly short: Set<string>; readonly parts: Set<string> } | null = null;

  /** Adds a secret, plain and in base64, as SASL carries it (RFC 5034 §4). */
  add(secret: string): void {
    if (secret === '' || this.#added.has(secret)) return;
    this.#added.add(secret);
    this.#apart = null;
  }

  /** Whether `text` has a secret in it. */
  repeatedIn(text: string): boolean {
    const { short, parts } = (this.#apart ??= takenApart(this.#added));
    const seen = folded(text);
    for (const secret of short) if (seen.includes(secret)) return true;
    for (let at = 0; at + PART <= seen.length; at++) if (parts.has(seen.slice(at, at + PART))) return true;
    return false;
  }
}

function takenApart(secrets: Iterable<string>): { short: Set<string>; parts: Set<string> } {
  const short = new Set<string>();
  const parts = new Set<string>();
  for (const secret of secrets)
    for (const form of [folded(secret), folded(Buffer.from(secret).toString('base64').replaceAll('=', ''))]) {
      if (form !== '' && form.length < PART) short.add(form);
      for (let at = 0; at + PART <= form.length; at++) parts.add(form.slice(at, at + PART));
    }
  return { short, parts };
}

function folded(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s\p{C}]+/gu, '');
}
