/**
 * What the object does by itself, by its one alarm: poll, index the newest messages, drop scratch copies.
 * The alarm is set again before anything else is done: the platform retries a failed alarm a few times and then never again.
 */
import { LOGINS, MAILBOX } from '../limits.ts';
import { errorName, log } from '../log.ts';
import type { Context } from './context.ts';
import { failureOf } from './failure.ts';
import type { HostTurn } from './host-turn.ts';
import type { Indexer } from './indexer.ts';
import { pollSeconds } from './pace.ts';
import { type Due, indexTime, nextAlarm, nextCheck, pollInterval } from './schedule.ts';
import type { Synchronizer } from './sync.ts';
import { wantsSecondLook } from './view.ts';

interface Parts {
  readonly sync: Synchronizer;
  readonly indexer: Indexer;
  readonly turn: HostTurn;
}

export class Rounds {
  readonly #context: Context;
  readonly #parts: Parts;
  /** What the alarm is known to be set to; undefined: not known. */
  #armed: number | null | undefined;
  #ended = false;
  /** Whether the alarm was found unset that should have been set, since the last visit. */
  #lost = false;
  /** Background indexing that got nowhere is not tried again before this. */
  #indexNotBefore = 0;
  /** The mail host had no turn for us: nothing that logs in is tried before this. */
  #loginNotBefore = 0;

  constructor(context: Context, parts: Parts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** To be called once the object is awake. `rang`: the time of the alarm that woke it; null: something else did. */
  async wake(rang: number | null): Promise<void> {
    const { deps, checks } = this.#context;
    this.#armed = rang === null ? await deps.alarm.get() : null;
    checks.restore(rang ?? this.#armed, deps.now());
    if (rang === null) this.#setLost();
  }

  /** Does what is due. Never throws: what failed is in the account's health, or logged and waited for. */
  async ring(): Promise<void> {
    const now = this.#context.deps.now();
    const due = this.#due();
    this.#setAgain(due, now);
    try {
      this.#context.copies.makeRoom();
      await this.#work(due, now);
    } catch (error) {
      if (failureOf(error) === null) this.#unexpected(error);
    }
    this.arm();
  }

  /** Sets the alarm by what is due next, where it isn't set so; to be called after whatever may have changed that. */
  arm(): void {
    if (this.#ended) return;
    const due = this.#due();
    this.#set(nextAlarm(due, this.#context.deps.now()), due);
  }

  /**
   * The same, with a look at how the alarm is really set: the platform gives up on one that failed too often. Returns whether it
   * was found lost, now or since the last time.
   */
  async rearm(): Promise<boolean> {
    const believed = this.#armed;
    const armed = await this.#context.deps.alarm.get();
    if (this.#armed === believed) this.#armed = armed;
    this.#setLost();
    this.arm();
    const lost = this.#lost;
    this.#lost = false;
    return lost;
  }

  /** The account is gone: no alarm any more. */
  end(): void {
    this.#ended = true;
  }

  /** When the server will next be asked without anybody's doing, milliseconds since the epoch, or null. */
  nextCheck(): number | null {
    return nextCheck(this.#due());
  }

  /** Sets an alarm that isn't set although something is due. */
  #setLost(): void {
    if (this.#armed !== null) return;
    this.arm();
    this.#lost ||= this.#armed !== null;
  }

  /** Before anything else is done. For a poll this is the one row that it writes, if it finds nothing new. */
  #setAgain(due: Due, now: number): void {
    const { interval } = due;
    if (interval !== null && isDue(nextCheck(due), now)) {
      // An interval that the row doesn't name yet stands for a check only once that is done.
      this.#setTo(now + interval, due.health.alarm_interval === interval ? interval : null);
      return;
    }
    this.#set(nextAlarm({ ...due, indexAt: null, scratchAt: null }, now) ?? now + MAILBOX.backoffFirst, due);
  }

  async #work(due: Due, now: number): Promise<void> {
    const polls = isDue(nextCheck(due), now);
    if (!polls && !isDue(indexTime(due), now)) return;
    const { turn } = this.#parts;
    // A turn at the host isn't held while somebody of this account is at the session.
    await this.#context.line.pass();
    if (!(await turn.take())) {
      this.#loginNotBefore = this.#context.deps.now() + this.#someWhile();
      return;
    }
    try {
      if (this.#ended) return;
      // While it waited for its turn, somebody may have asked the server.
      if (!polls) await this.#index(now);
      else if (isDue(nextCheck(this.#due()), now)) await this.#poll(now);
    } finally {
      turn.end();
    }
  }

  /** Those that had no turn must not come again all at once. */
  #someWhile(): number {
    const [share = 0] = this.#context.deps.random(1);
    return LOGINS.againFrom + Math.round((share / 255) * (LOGINS.againTo - LOGINS.againFrom));
  }

  async #poll(now: number): Promise<void> {
    const { checks } = this.#context;
    checks.rang(now);
    try {
      await this.#parts.sync.run('background');
    } finally {
      checks.rang(null);
    }
  }

  /** What hinders it need not be the account's, nor the first message's: whatever it is, it must not cost a login each time. */
  async #index(now: number): Promise<void> {
    const { details } = this.#context.store;
    const rows = details.unindexed(MAILBOX.indexedMessages, now, MAILBOX.indexedMessages);
    this.#indexNotBefore = now + MAILBOX.backoffFirst;
    await this.#parts.indexer.index(rows, 'background');
    const [next] = details.unindexed(MAILBOX.indexedMessages, now, 1);
    if (next?.created !== rows[0]?.created) this.#indexNotBefore = 0;
  }

  /** A bug of ours must neither be hidden nor ring the alarm without end. */
  #unexpected(error: unknown): void {
    log('alarm_failed', { account: this.#context.account.id, error: errorName(error) });
    if (this.#ended) return;
    this.#context.checks.postpone(this.#context.deps.now() + MAILBOX.backoffFirst);
  }

  #due(): Due {
    const { account, store, checks, copies, deps } = this.#context;
    const { retryAt } = store.details.indexing(MAILBOX.indexedMessages);
    return {
      createdAt: account.createdAt,
      attemptedAt: checks.attemptedAt,
      health: store.account.health(),
      interval: pollInterval(
        pollSeconds(this.#context, deps.now()),
        account.vault.hash('poll', new Uint8Array()),
        wantsSecondLook(this.#context),
      ),
      paused: account.settings.paused,
      loginNotBefore: this.#loginNotBefore,
      indexAt: retryAt === null ? null : Math.max(retryAt, this.#indexNotBefore),
      scratchAt: copies.scratchAt(),
    };
  }

  #set(at: number | null, due: Due): void {
    const regular = due.interval !== null && due.attemptedAt !== null && at === due.attemptedAt + due.interval;
    this.#setTo(at, regular && this.#context.checks.wentWell ? due.interval : null);
  }

  /** `interval`: how far `at` is behind the last check, where it is set by that. */
  #setTo(at: number | null, interval: number | null): void {
    if (this.#ended) return;
    this.#context.checks.carriedBy(interval);
    if (at === this.#armed) return;
    this.#armed = at;
    if (at === null) this.#context.deps.alarm.clear();
    else this.#context.deps.alarm.set(at);
  }
}

function isDue(time: number | null, now: number): boolean {
  return time !== null && time <= now;
}
