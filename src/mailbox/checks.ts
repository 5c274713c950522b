/**
 * When the mail server was last asked, and when what the ledger holds was last known to be what the server has. Whoever
 * needs one of these times asks here and not the health row.
 *
 * A check that finds nothing new writes no row: its time is the armed alarm less the interval that the health row names
 * (`alarm_interval`). That is null wherever the alarm is set by something else, and then the row itself holds the times.
 * What was begun and cut off by the object's own death counts as done, until the alarm that was set for the next check.
 */
import { afterFailure, afterListing, afterPause, afterRenewal, type SessionFailure } from './health.ts';
import type { HealthRow } from './store/account-store.ts';
import type { Store } from './store.ts';

export class Checks {
  readonly #store: Store;
  /** What the row doesn't know: the newest attempt, and the newest check that ended well. */
  #begun: number | null = null;
  #good: number | null = null;
  #rangAt: number | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The last time the server was asked, whatever came of it, milliseconds since the epoch; null: never. */
  get attemptedAt(): number | null {
    return later(later(this.#row().attempted_at, this.#begun), this.#good);
  }

  /** The last time that the ledger was known to be what the server has; null: never. */
  get checkedAt(): number | null {
    return later(this.#row().checked_at, this.#good);
  }

  /** Whether the last attempt ended well, so that an alarm can stand for it. */
  get wentWell(): boolean {
    const { failures, retry_at } = this.#row();
    return failures === 0 && retry_at === null && this.checkedAt !== null && this.checkedAt === this.attemptedAt;
  }

  /** To be called once the object is awake: `alarm` is set, or has just rung, for that time. */
  restore(alarm: number | null, now: number): void {
    const { alarm_interval: interval } = this.#row();
    if (alarm === null || interval === null || alarm - interval > now) return;
    this.#good = alarm - interval;
  }

  /** An alarm rang at `at` for the sync that begins next, and was set again by that time; null: that sync is over. */
  rang(at: number | null): void {
    this.#rangAt = at;
  }

  /** A sync begins to ask the server. */
  began(now: number): void {
    this.#begun = this.#rangAt ?? now;
  }

  /** The sync that began at `at` found nothing changed. Writes nothing, unless something was held against the account. */
  unchanged(at: number): void {
    const { state, failures, retry_at, refusals } = this.#row();
    if (state !== 'ready' || failures > 0 || retry_at !== null || refusals > 0) this.listed(at);
    else this.#good = this.#rangAt ?? at;
  }

  /** The complete listing of the sync that began at `at` was believed. To be called in the transaction that stores what it brought. */
  listed(at: number): void {
    this.#store.account.setHealth(afterListing(this.#row(), this.#rangAt ?? at));
  }

  /** A session could not be opened, or broke. */
  failed(failure: SessionFailure, at: number): void {
    this.#write(afterFailure(this.#known(), failure, at));
  }

  /** The account has another server (`moved`) or other credentials from now on. */
  renewed(moved: boolean, at: number): void {
    this.#write(afterRenewal(this.#known(), moved, at));
    this.#begun = null;
    this.#good = null;
  }

  /** The account is paused from now on, or no longer. */
  paused(at: number): void {
    this.#write(afterPause(this.#known(), at));
  }

  /** No poll before `at`: a bug of ours came in between. */
  postpone(at: number): void {
    this.#write({ ...this.#known(), retry_at: at });
  }

  /** From here on the alarm is `interval` milliseconds behind the last check, or, with null, set by something else. */
  carriedBy(interval: number | null): void {
    const row = this.#row();
    const told = row.attempted_at === this.attemptedAt && row.checked_at === this.checkedAt;
    if (row.alarm_interval === interval && (interval !== null || told)) return;
    this.#write(this.#known(), interval);
  }

  /** The row with all that is known. */
  #known(): HealthRow {
    return { ...this.#row(), attempted_at: this.attemptedAt, checked_at: this.checkedAt };
  }

  #write(row: HealthRow, interval: number | null = null): void {
    this.#store.account.setHealth({ ...row, alarm_interval: interval });
  }

  #row(): HealthRow {
    return this.#store.account.health();
  }
}

/** The alarm that rang for `alarm` is put off before the account could be opened: what it stood for is written down. */
export function standDown(store: Store, alarm: number | null, now: number): void {
  if (!store.exists()) return;
  store.migrate(now);
  const checks = new Checks(store);
  checks.restore(alarm, now);
  checks.carriedBy(null);
}

function later(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
