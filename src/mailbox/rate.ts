/**
 * How often each token may call: a token bucket of `RATE.burst` requests that fills up at `RATE.perMinute`, kept as the one
 * time at which it is full again (the generic cell rate algorithm, ITU-T I.371 annex A), so all is exact in whole
 * milliseconds. Pure: the time is handed in. In memory: an object is evicted when nobody calls it, and a count on disk
 * would cost a write for each request.
 */
import { MAILBOX, RATE } from '../limits.ts';
import type { Rate } from './rpc.ts';

/** Milliseconds in which one request comes back, and in which all do. */
const COST = 60_000 / RATE.perMinute;
const FULL = COST * RATE.burst;

export interface Count {
  readonly rate: Rate;
  /** Null: the request may be served. Else whole seconds until one may be. */
  readonly retryAfterSeconds: number | null;
}

export class Rates {
  /** By token, when its bucket is full again; the longest unused first. */
  readonly #fullAt = new Map<string, number>();

  /** Counts a request of `token` at `now`, milliseconds. A refused one costs nothing. */
  count(token: string, now: number): Count {
    // A clock that went back must not lock anybody out for longer than an empty bucket does.
    const owed = Math.min(FULL, Math.max(0, (this.#fullAt.get(token) ?? 0) - now));
    if (owed + COST > FULL) {
      const seconds = Math.ceil((owed + COST - FULL) / 1000);
      return { rate: { limit: RATE.burst, remaining: 0, reset: seconds }, retryAfterSeconds: seconds };
    }
    this.#keep(token, now + owed + COST);
    const left = FULL - owed - COST;
    return {
      rate: { limit: RATE.burst, remaining: Math.floor(left / COST), reset: Math.ceil((owed + COST) / 1000) },
      retryAfterSeconds: null,
    };
  }

  /** Bounded by the tokens that an account may have; beyond it are only revoked ones, whose counts nobody needs. */
  #keep(token: string, fullAt: number): void {
    this.#fullAt.delete(token);
    this.#fullAt.set(token, fullAt);
    const [oldest] = this.#fullAt.keys();
    if (this.#fullAt.size > MAILBOX.tokens && oldest !== undefined) this.#fullAt.delete(oldest);
  }
}
