/**
 * Deadlines of one connection, by one timer: a wait that ends in time leaves the timer as it is, since the next one is nearly
 * always later. Setting a timer for each of very many reads costs more than the reads.
 */

/** What a wait comes to that was not over in time. */
export const LATE = Symbol('late');

interface Wait {
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly give: (late: typeof LATE) => void;
}

export class Watch {
  readonly #waits = new Set<Wait>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** When the timer rings. */
  #rings = Number.POSITIVE_INFINITY;
  #ended = false;

  /** The outcome of `work`, or LATE after so many milliseconds. Work that fails after that fails unseen. */
  async within<T>(work: Promise<T>, milliseconds: number): Promise<T | typeof LATE> {
    const { promise, resolve } = Promise.withResolvers<typeof LATE>();
    const wait: Wait = { until: Date.now() + milliseconds, give: resolve };
    this.#waits.add(wait);
    if (wait.until < this.#rings) this.#set(wait.until, milliseconds);
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.#waits.delete(wait);
      if (this.#ended && this.#waits.size === 0) this.#clear();
    }
  }

  /** No wait begins any more: no timer is left behind those that are under way, which still end in time. */
  end(): void {
    this.#ended = true;
    if (this.#waits.size === 0) this.#clear();
  }

  #ring(): void {
    // That it rings tells the time too: a clock that was set back must not make a wait longer.
    const now = Math.max(Date.now(), this.#rings);
    this.#clear();
    let next = Number.POSITIVE_INFINITY;
    for (const { until, give } of this.#waits)
      if (until <= now) give(LATE);
      else next = Math.min(next, until);
    if (next < Number.POSITIVE_INFINITY) this.#set(next, next - now);
  }

  #set(at: number, milliseconds: number): void {
    this.#clear();
    this.#rings = at;
    this.#timer = setTimeout(() => this.#ring(), milliseconds);
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#rings = Number.POSITIVE_INFINITY;
  }
}
