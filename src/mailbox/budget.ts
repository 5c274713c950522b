/**
 * The time that one request may take. What it waits for goes on when the time is up: its result is kept for the next one.
 */
import { HTTP, RETRY_AFTER } from '../limits.ts';
import { MailboxError } from './failure.ts';

export class Budget {
  readonly #now: () => number;
  readonly #until: number;

  constructor(now: () => number, milliseconds: number = HTTP.requestTime) {
    this.#now = now;
    this.#until = now() + milliseconds;
  }

  /** Whether the time is up. */
  get over(): boolean {
    return this.#now() >= this.#until;
  }

  /** Throws `upstream_timeout` when the time is up. */
  check(): void {
    if (this.over) throw tooLate();
  }

  /** Resolves or rejects as `work` does, or throws `late()` (else `upstream_timeout`) when the time is up first. */
  async wait<T>(work: Promise<T>, late: () => Error = tooLate): Promise<T> {
    const { promise: timeUp, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(late()), Math.max(0, this.#until - this.#now()));
    try {
      return await Promise.race([work, timeUp]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function tooLate(): MailboxError {
  const upstream = { phase: null, responseCode: null, text: null };
  return new MailboxError({ kind: 'upstream_timeout', upstream, retryAfterSeconds: RETRY_AFTER.busy });
}
