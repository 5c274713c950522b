/**
 * When the mail server was last asked, and when a complete listing, or one known to be unchanged, last said what is there.
 * Whoever needs one of these times asks here and not the health row.
 */
import { afterListing } from './health.ts';
import type { Store } from './store.ts';

export class Checks {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The last time the server was asked, whatever came of it, milliseconds since the epoch; null: never. */
  get attemptedAt(): number | null {
    return this.#store.account.health().attempted_at;
  }

  /** The last time that the ledger was known to be what the server has; null: never. */
  get checkedAt(): number | null {
    return this.#store.account.health().checked_at;
  }

  /** A sync begins to ask the server. */
  began(now: number): void {
    const { account } = this.#store;
    account.setHealth({ ...account.health(), attempted_at: now });
  }

  /** The sync that began at `at` found nothing changed. */
  unchanged(at: number): void {
    this.listed(at);
  }

  /** The complete listing of the sync that began at `at` was believed. To be called in the transaction that stores what it brought. */
  listed(at: number): void {
    const { account } = this.#store;
    account.setHealth(afterListing(account.health(), at));
  }
}
