/**
 * Who did what to an account: made and changed it, gave and revoked its tokens, deleted its messages. Names and ids only,
 * never a value that was set nor anything of a message. Sealed like the rest, each under its own number, which is given
 * here, in memory: there is one of these for each open account.
 */
import { issueCursor, readCursor } from '../crypto/page-cursor.ts';
import type { Account } from './account.ts';
import type { Deps } from './deps.ts';
import { foreignCursor } from './feed.ts';
import type { AccountEvent, EventPage, EventQuery } from './rpc.ts';
import type { EventRow } from './store/event-store.ts';
import type { Store } from './store.ts';

type About = Pick<AccountEvent, 'by' | 'members' | 'token' | 'messages'>;

/** Who the operator is in events; a token has its id. */
export const OPERATOR = 'operator';

export class Events {
  readonly #account: Account;
  readonly #store: Store;
  readonly #now: Deps['now'];
  #last: number | null = null;

  constructor(account: Account, store: Store, now: Deps['now']) {
    this.#account = account;
    this.#store = store;
    this.#now = now;
  }

  /** An event as it is stored, for the transaction that does what it tells. */
  async seal(action: AccountEvent['action'], by: string, about: Partial<About> = {}): Promise<EventRow> {
    this.#last = (this.#last ?? (this.#store.exists() ? this.#store.events.last() : 0)) + 1;
    const number = this.#last;
    const whole: About = { members: [], token: null, messages: [], ...about, by };
    return { number, at: this.#now(), what: action, about: await this.#account.vault.sealJson(whole, number, 'event') };
  }

  /** Notes what has been done already. */
  async note(action: AccountEvent['action'], by: string, about: Partial<About>): Promise<void> {
    const row = await this.seal(action, by, about);
    // The account may have been removed meanwhile.
    if (this.#store.exists()) this.#store.transaction(() => this.#store.events.insert([row]));
  }

  /** A page of them, the newest first. A cursor of another listing is `invalid`. */
  async page({ limit, cursor }: EventQuery): Promise<EventPage> {
    const { vault, id } = this.#account;
    const scope = `${id}/events`;
    const from = cursor === null ? null : readCursor(vault, scope, cursor);
    if (cursor !== null && from?.order !== 'newest') throw foreignCursor();
    const rows = this.#store.events.page(from?.place ?? null, limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      data: await Promise.all(shown.map((row) => this.#open(row))),
      nextCursor: last && rows.length > limit ? issueCursor(vault, scope, 'newest', last.number) : null,
    };
  }

  async #open(row: EventRow): Promise<AccountEvent> {
    const about = (await this.#account.vault.openJson(row.about, row.number, 'event')) as About;
    return { at: new Date(row.at).toISOString(), action: row.what as AccountEvent['action'], ...about };
  }
}
