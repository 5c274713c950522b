/**
 * The message numbers that one session has confirmed, by place of creation. They die with the session (RFC 1939 §5).
 * A listing comes in ascending places and lies in two columns; the few that come out of turn lie beside them.
 */
const FIRST = 64;

export class Numbers {
  #places = new Float64Array(FIRST);
  #numbers = new Float64Array(FIRST);
  #count = 0;
  /** Those confirmed out of turn: few, since all are listed before many were asked for one by one. */
  readonly #others = new Map<number, number>();

  /** How many are confirmed. */
  get size(): number {
    return this.#count + this.#others.size;
  }

  get(created: number): number | undefined {
    const other = this.#others.get(created);
    if (other !== undefined) return other;
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const place = this.#places[middle] ?? 0;
      if (place === created) return this.#numbers[middle];
      if (place < created) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  has(created: number): boolean {
    return this.get(created) !== undefined;
  }

  set(created: number, number: number): void {
    if (this.#count > 0 && created <= (this.#places[this.#count - 1] ?? 0)) {
      this.#others.set(created, number);
      return;
    }
    if (this.#count === this.#places.length) {
      this.#places = doubled(this.#places);
      this.#numbers = doubled(this.#numbers);
    }
    this.#places[this.#count] = created;
    this.#numbers[this.#count] = number;
    this.#count += 1;
  }

  /** Forgets all: a listing is about to say it anew. */
  clear(): void {
    this.#count = 0;
    this.#others.clear();
  }
}

function doubled(from: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const to = new Float64Array(2 * from.length);
  to.set(from);
  return to;
}
