/**
 * What the object does by itself, by its one alarm: poll, index the newest messages, drop scratch copies.
 * The alarm is set again before anything else is done: the platform retries a failed alarm a few times and then never again.
 */
import { MAILBOX } from '../limits.ts';
import { log } from '../log.ts';
import type { Context } from './context.ts';
import { failureOf } from './failure.ts';
import type { Indexer } from './indexer.ts';
import { type Due, indexTime, nextAlarm, nextCheck } from './schedule.ts';
import type { Synchronizer } from './sync.ts';
import { isSuspect } from './view.ts';

export class Rounds {
  readonly #context: Context;
  readonly #sync: Synchronizer;
  readonly #indexer: Indexer;
  /** What the alarm is known to be set to; undefined: not known. */
  #armed: number | null | undefined;
  #ended = false;
  /** Background indexing that got nowhere is not tried again before this. */
  #indexNotBefore = 0;

  constructor(context: Context, sync: Synchronizer, indexer: Indexer) {
    this.#context = context;
    this.#sync = sync;
    this.#indexer = indexer;
  }

  /** Does what is due. Never throws: what failed is in the account's health, or logged and waited for. */
  async ring(): Promise<void> {
    const { deps, account } = this.#context;
    const now = deps.now();
    const due = this.#due();
    this.#set(now + Math.max(MAILBOX.backoffFirst, account.settings.pollSeconds * 1000));
    try {
      this.#context.copies.makeRoom();
      await this.#work(due, now);
    } catch (error) {
      if (failureOf(error) === null) this.#unexpected(error);
    }
    this.arm();
  }

  /** Sets the alarm by what is due next; to be called after whatever may have changed that. */
  arm(): void {
    if (this.#ended) return;
    this.#set(nextAlarm(this.#due(), this.#context.deps.now()));
  }

  /** The same, also where the alarm is believed to be set: the platform gives up on one that failed too often. */
  rearm(): void {
    this.#armed = undefined;
    this.arm();
  }

  /** The account is gone: no alarm any more. */
  end(): void {
    this.#ended = true;
  }

  /** When the server will next be asked without anybody's doing, milliseconds since the epoch, or null. */
  nextCheck(): number | null {
    return nextCheck(this.#due());
  }

  async #work(due: Due, now: number): Promise<void> {
    const check = nextCheck(due);
    const index = indexTime(due);
    if (check !== null && check <= now) await this.#sync.run('background');
    else if (index !== null && index <= now) await this.#index(now);
  }

  /** What hinders it need not be the account's, nor the first message's: whatever it is, it must not cost a login each time. */
  async #index(now: number): Promise<void> {
    const { messages } = this.#context.store;
    const rows = messages.unindexed(MAILBOX.indexedMessages, now, MAILBOX.indexedAtOnce);
    this.#indexNotBefore = now + MAILBOX.backoffFirst;
    await this.#indexer.index(rows, 'background');
    const [next] = messages.unindexed(MAILBOX.indexedMessages, now, 1);
    if (next?.created !== rows[0]?.created) this.#indexNotBefore = 0;
  }

  /** A bug of ours must neither be hidden nor ring the alarm without end. */
  #unexpected(error: unknown): void {
    log('alarm_failed', { account: this.#context.account.id, error: error instanceof Error ? error.name : 'unknown' });
    if (this.#ended) return;
    const { account } = this.#context.store;
    account.setHealth({ ...account.health(), retry_at: this.#context.deps.now() + MAILBOX.backoffFirst });
  }

  #due(): Due {
    const { account, store, checks, copies } = this.#context;
    const { retryAt } = store.messages.indexing(MAILBOX.indexedMessages);
    return {
      createdAt: account.createdAt,
      attemptedAt: checks.attemptedAt,
      health: store.account.health(),
      pollSeconds: account.settings.pollSeconds,
      paused: account.settings.paused,
      suspect: isSuspect(this.#context),
      indexAt: retryAt === null ? null : Math.max(retryAt, this.#indexNotBefore),
      scratchAt: copies.scratchAt(),
    };
  }

  #set(at: number | null): void {
    if (this.#ended || at === this.#armed) return;
    this.#armed = at;
    if (at === null) this.#context.deps.alarm.clear();
    else this.#context.deps.alarm.set(at);
  }
}
