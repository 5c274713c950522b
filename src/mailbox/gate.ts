/**
 * Between a call and what it does: the account is found and opened, the caller counted and authorized, and whatever goes
 * wrong becomes a value. Holds the rooms of the open account, and forgets them when they can't be had.
 */
import type { Keyring } from '../crypto/keyring.ts';
import { needsRewrap, rewrap } from '../crypto/vault.ts';
import { errorName, log } from '../log.ts';
import { authorize, goodToken } from './access.ts';
import { Account } from './account.ts';
import { Budget } from './budget.ts';
import type { Deps } from './deps.ts';
import { failureOf, MailboxError } from './failure.ts';
import { Rates } from './rate.ts';
import { furnish, type Rooms } from './rooms.ts';
import type * as rpc from './rpc.ts';
import type { AccountRow } from './store/account-store.ts';
import type { Store } from './store.ts';

/** What the operator configured, as far as a Mailbox needs it. */
export interface ServiceConfig {
  readonly keyring: Keyring;
  readonly sessionLingerMs: number;
}

export class Gate {
  readonly #deps: Deps;
  readonly #config: ServiceConfig;
  readonly #store: Store;
  readonly #rates = new Rates();
  #rooms: Promise<Rooms> | null = null;

  constructor(deps: Deps, config: ServiceConfig, store: Store) {
    this.#deps = deps;
    this.#config = config;
    this.#store = store;
  }

  /** Counts, authorizes, runs `body`, and turns whatever it throws into a value. */
  admit<T>(caller: rpc.Caller, scope: rpc.Scope, body: (rooms: Rooms, budget: Budget) => Promise<T> | T): Promise<rpc.Result<T>> {
    return this.counted(caller, async () => {
      const budget = new Budget(this.#deps.now);
      const row = this.row();
      if (!row || isRemoved(row)) throw absent(caller);
      const rooms = await this.open(row);
      await authorize(caller, scope, rooms.account, this.#store, this.#deps.now());
      try {
        return await body(rooms, budget);
      } catch (error) {
        // What it stumbled over when the account was removed under it is no bug.
        if (failureOf(error) === null && !this.row()) throw absent(caller);
        throw error;
      }
    });
  }

  /** Answers by `body`, unless the caller's token has called too often. Whoever holds no good token is not counted here. */
  async counted<T>(caller: rpc.Caller, body: () => Promise<T>): Promise<rpc.Result<T>> {
    const again = caller.kind !== 'operator' && caller.counted === true;
    const account = await this.#ticketAccount(caller);
    const now = this.#deps.now();
    const token = again || !this.#store.exists() ? null : goodToken(caller, account, this.#store, now);
    if (!token) return this.answer(body);
    const { rate, retryAfterSeconds } = this.#rates.count(token.id, now);
    if (retryAfterSeconds !== null) return { ok: false, failure: { kind: 'rate_limited', retryAfterSeconds }, rate };
    return { ...(await this.answer(body)), rate };
  }

  /** A ticket is read with its account's keys. Where these can't be had, the caller is told so when it is answered. */
  async #ticketAccount(caller: rpc.Caller): Promise<Account | null> {
    const row = caller.kind === 'ticket' ? this.row() : null;
    if (!row || isRemoved(row)) return null;
    return this.open(row).then(
      ({ account }) => account,
      () => null,
    );
  }

  /** The outcome of `body` as a value. */
  async answer<T>(body: () => Promise<T>): Promise<rpc.Result<T>> {
    try {
      return { ok: true, value: await body() };
    } catch (error) {
      this.noteBug(error);
      return { ok: false, failure: failureOf(error) ?? { kind: 'internal' } };
    }
  }

  /** Logs an error that stands for no failure: a bug of ours. */
  noteBug(error: unknown): void {
    if (failureOf(error) === null) log('mailbox_failed', { error: errorName(error) });
  }

  /** The rooms of an account that was just made, or null once it is removed. */
  house(rooms: Rooms | null): void {
    this.#rooms = rooms && Promise.resolve(rooms);
  }

  /** The account's row, or null in an object that has none; asking writes nothing. */
  row(): AccountRow | null {
    return this.#store.exists() ? this.#store.account.row() : null;
  }

  /** The rooms of the account, opened with the master key. Throws `EnvelopeError` where that is missing or wrong. `rang`: an alarm that rings. */
  open(row: AccountRow, rang: number | null = null): Promise<Rooms> {
    this.#rooms ??= this.#load(row, rang).catch((error: unknown) => {
      this.#rooms = null;
      throw error;
    });
    return this.#rooms;
  }

  async #load(row: AccountRow, rang: number | null): Promise<Rooms> {
    this.#store.migrate(this.#deps.now());
    const { keyring } = this.#config;
    const account = await Account.open(keyring, row, this.#deps.random);
    // The operator has put another master key first: from here on the data key is wrapped by that one.
    if (needsRewrap(row.data_key, keyring)) this.#store.account.setDataKey(await rewrap(keyring, row.id, row.data_key, this.#deps.random));
    const rooms = furnish(account, this.#store, this.#deps, this.#config.sessionLingerMs);
    rooms.copies.recover();
    rooms.deletions.recover();
    await rooms.rounds.wake(rang);
    return rooms;
  }
}

/** Whether a removal has destroyed the account's key, be it finished or not. */
export function isRemoved(row: AccountRow): boolean {
  return row.data_key.length === 0;
}

/** What a caller is told of an account that isn't there: its tokens are worth nothing, the operator has mistyped. */
export function absent(caller: rpc.Caller): MailboxError {
  return new MailboxError({ kind: caller.kind === 'operator' ? 'not_found' : 'unauthorized' });
}
