/**
 * Chance that repeats: the same numbers and octets for the same seed, on every machine (mulberry32). For tests that are to
 * be run again exactly as they were; what is drawn here is no secret from anybody.
 */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor(this.#next() * below);
  }

  /** Whether something happens that does so in `part` of all cases. */
  chance(part: number): boolean {
    return this.#next() < part;
  }

  /** One of `choices`, which must not be empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  octets(count: number): Uint8Array<ArrayBuffer> {
    const octets = new Uint8Array(count);
    for (let at = 0; at < count; at++) octets[at] = this.below(256);
    return octets;
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
