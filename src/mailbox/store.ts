/**
 * Everything a Mailbox keeps, as named and typed statements grouped by what they are about.
 * No SQL stands anywhere else in this folder.
 */
import type { Sql } from './deps.ts';
import { AbsenceStore } from './store/absence-store.ts';
import { AccountStore } from './store/account-store.ts';
import { CheckpointStore } from './store/checkpoint-store.ts';
import { CopyStore } from './store/copy-store.ts';
import { DeletionStore } from './store/deletion-store.ts';
import { DetailStore } from './store/detail-store.ts';
import { EventStore } from './store/event-store.ts';
import { FigureStore } from './store/figure-store.ts';
import { KeyStore } from './store/key-store.ts';
import { MessageStore } from './store/message-store.ts';
import { applySchema, hasSchema } from './store/schema.ts';

export class Store {
  readonly account: AccountStore;
  readonly messages: MessageStore;
  readonly keys: KeyStore;
  readonly absences: AbsenceStore;
  readonly checkpoints: CheckpointStore;
  readonly copies: CopyStore;
  readonly deletions: DeletionStore;
  readonly details: DetailStore;
  readonly events: EventStore;
  readonly figures: FigureStore;
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.account = new AccountStore(sql);
    this.messages = new MessageStore(sql);
    this.keys = new KeyStore(sql);
    this.absences = new AbsenceStore(sql);
    this.checkpoints = new CheckpointStore(sql);
    this.copies = new CopyStore(sql);
    this.deletions = new DeletionStore(sql);
    this.details = new DetailStore(sql);
    this.events = new EventStore(sql);
    this.figures = new FigureStore(sql);
  }

  /** False in an object that no account was ever created in; asking writes nothing. */
  exists(): boolean {
    return hasSchema(this.#sql);
  }

  /** Brings the tables up to date. */
  migrate(now: number): void {
    this.messages.forget();
    this.#sql.transaction(() => applySchema(this.#sql, now));
  }

  /** Runs `body` in one transaction; it must not await. */
  transaction<T>(body: () => T): T {
    try {
      return this.#sql.transaction(body);
    } catch (error) {
      this.messages.forget();
      throw error;
    }
  }
}
