/** What is known by fingerprint, to be found by it: of those with equal ones, the first that was given is taken first. */
import { hex } from './hex.ts';

/** A fingerprint and whose it is. */
export type Fingerprinted<T> = readonly [print: Uint8Array, whose: T];

export class Fingerprints<T> {
  readonly #left = new Map<string, T[]>();

  constructor(all: readonly Fingerprinted<T>[]) {
    // From behind, so that the first of equal ones is the last in its list.
    for (let at = all.length - 1; at >= 0; at--) {
      const [print, whose] = all[at] as Fingerprinted<T>;
      const key = hex(print);
      const same = this.#left.get(key);
      if (same) same.push(whose);
      else this.#left.set(key, [whose]);
    }
  }

  /** Whose this fingerprint is; nobody is taken twice. */
  take(print: Uint8Array): T | undefined {
    return this.#left.get(hex(print))?.pop();
  }
}
