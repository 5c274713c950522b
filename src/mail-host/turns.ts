/**
 * Who may log in to one mail host now: so many polls at once, the others in the order in which they came, for a while. In
 * memory only. A turn that is not given back ends by itself, so that whoever died with one keeps nobody out for long.
 */
import { LOGINS } from '../limits.ts';

/** A turn that was given. */
export interface Turn {
  /** Gives it back; safe to call twice. */
  end(): void;
}

interface Waiting {
  readonly start: (turn: Turn | null) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Those of `LOGINS` that are kept here. */
export type TurnLimits = { readonly [Name in keyof Pick<typeof LOGINS, 'atOnce' | 'turnTime' | 'waiting' | 'waitTime'>]: number };

export class Turns {
  readonly #limits: TurnLimits;
  readonly #queue: Waiting[] = [];
  #given = 0;

  constructor(limits: TurnLimits = LOGINS) {
    this.#limits = limits;
  }

  /** A turn, or null where none comes in time, or too many wait already. */
  take(): Promise<Turn | null> {
    const { atOnce, waiting, waitTime } = this.#limits;
    if (this.#given < atOnce) return Promise.resolve(this.#give());
    if (this.#queue.length >= waiting) return Promise.resolve(null);
    const { promise, resolve } = Promise.withResolvers<Turn | null>();
    const timer = setTimeout(() => {
      this.#queue.splice(this.#queue.indexOf(entry), 1);
      resolve(null);
    }, waitTime);
    const entry: Waiting = { start: resolve, timer };
    this.#queue.push(entry);
    return promise;
  }

  #give(): Turn {
    this.#given += 1;
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      this.#given -= 1;
      this.#next();
    };
    const timer = setTimeout(end, this.#limits.turnTime);
    return { end };
  }

  #next(): void {
    const waiting = this.#queue.shift();
    if (!waiting) return;
    clearTimeout(waiting.timer);
    waiting.start(this.#give());
  }
}
