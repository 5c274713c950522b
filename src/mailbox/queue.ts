/**
 * Who has the turn at the account's one session, who waits for it, and who goes first: jobs that a person waits for before
 * background work, each kind in its order of arrival. Background work that has the turn is told when somebody waits, and steps
 * aside at its next message boundary; afterwards it goes on before other background work. Nobody starves: after so many
 * jobs that went ahead of it, background work has the next turn. Every wait is bounded, and so is the number of those who wait.
 */
import { HTTP, MAILBOX } from '../limits.ts';
import { type MailboxError, overloaded } from './failure.ts';

export type Priority = 'interactive' | 'background';

/** What the queue knows of a job. */
export interface Visitor {
  /** May be raised while the job waits or works: somebody waits for it now. */
  priority: Priority;
}

interface Waiting {
  readonly visitor: Visitor;
  /** How many interactive jobs have gone ahead of it since it began to wait. */
  bypassed: number;
  readonly start: () => void;
  readonly giveUp: (error: MailboxError) => void;
}

export class Queue {
  /** In order of arrival; who has stepped aside stands in front. */
  readonly #waiting: Waiting[] = [];
  #current: Visitor | null = null;
  #idle: (() => void) | null = null;

  /** Who has the turn, or null. */
  get current(): Visitor | null {
    return this.#current;
  }

  /** Whether somebody waits. */
  get awaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether who has the turn is to step aside at the next message boundary. */
  get wanted(): boolean {
    return this.#current?.priority === 'background' && this.#waiting.some(({ visitor }) => visitor.priority === 'interactive');
  }

  /** Resolves when `visitor` has the turn. Throws `overloaded` when too many wait, or the turn doesn't come in time. */
  async enter(visitor: Visitor): Promise<void> {
    if (this.#current === null) {
      this.#current = visitor;
      return;
    }
    if (this.#waiting.length >= MAILBOX.queuedJobs) throw overloaded();
    const { entry, turn } = this.#entry(visitor);
    this.#waiting.push(entry);
    const tooLong = setTimeout(
      () => {
        const index = this.#waiting.indexOf(entry);
        if (index === -1) return;
        this.#waiting.splice(index, 1);
        entry.giveUp(overloaded());
      },
      visitor.priority === 'interactive' ? HTTP.queueTime : MAILBOX.backgroundQueueTime,
    );
    try {
      await turn;
    } finally {
      clearTimeout(tooLong);
    }
  }

  /** Who has the turn lets the others go first, and resolves when it has the turn again. Throws only what `clear` was given. */
  async stepAside(): Promise<void> {
    if (this.#current === null || this.#waiting.length === 0) return;
    const { entry, turn } = this.#entry(this.#current);
    const next = this.#take();
    this.#waiting.unshift(entry);
    if (next) this.#begin(next);
    await turn;
  }

  /** Who has the turn is done with it. */
  leave(): void {
    const next = this.#take();
    if (next) {
      this.#begin(next);
      return;
    }
    this.#current = null;
    this.#idle?.();
  }

  /** Sends all who wait away with `reason`. Resolves when nobody has the turn any more. */
  async clear(reason: MailboxError): Promise<void> {
    for (const entry of this.#waiting.splice(0)) entry.giveUp(reason);
    if (this.#current === null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = resolve;
    await promise;
  }

  #entry(visitor: Visitor): { entry: Waiting; turn: Promise<void> } {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    return { entry: { visitor, bypassed: 0, start: resolve, giveUp: reject }, turn: promise };
  }

  /** Who is next: background work that was passed over often enough, else who a person waits for, else who came first. */
  #take(): Waiting | null {
    const overdue = this.#waiting.findIndex(({ bypassed }) => bypassed >= MAILBOX.bypassedMost);
    const urgent = this.#waiting.findIndex(({ visitor }) => visitor.priority === 'interactive');
    const [next = null] = this.#waiting.splice(overdue !== -1 ? overdue : Math.max(0, urgent), 1);
    return next;
  }

  #begin(next: Waiting): void {
    if (next.visitor.priority === 'interactive')
      for (const entry of this.#waiting) if (entry.visitor.priority === 'background') entry.bypassed += 1;
    this.#current = next.visitor;
    next.start();
  }
}
