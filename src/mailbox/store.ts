/**
 * Everything a Mailbox keeps, as named and typed statements grouped by what they are about.
 * No SQL stands anywhere else in this folder.
 */
import type { Sql } from './deps.ts';
import { AccountStore } from './store/account-store.ts';
import { CopyStore } from './store/copy-store.ts';
import { MessageStore } from './store/message-store.ts';
import { applySchema, hasSchema } from './store/schema.ts';

export class Store {
  readonly account: AccountStore;
  readonly messages: MessageStore;
  readonly copies: CopyStore;
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.account = new AccountStore(sql);
    this.messages = new MessageStore(sql);
    this.copies = new CopyStore(sql);
  }

  /** False in an object that no account was ever created in; asking writes nothing. */
  exists(): boolean {
    return hasSchema(this.#sql);
  }

  /** Brings the tables up to date. */
  migrate(now: number): void {
    this.#sql.transaction(() => applySchema(this.#sql, now));
  }

  /** Runs `body` in one transaction; it must not await. */
  transaction<T>(body: () => T): T {
    return this.#sql.transaction(body);
  }
}
