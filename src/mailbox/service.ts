/**
 * A Mailbox without its platform: all that the object answers, over the handed-in `Deps`, so that the same code runs in a
 * Durable Object and under plain Node. Authorizes each call, and turns whatever goes wrong into a value.
 */
import type { Keyring } from '../crypto/keyring.ts';
import { needsRewrap, rewrap } from '../crypto/vault.ts';
import { MAILBOX } from '../limits.ts';
import { log } from '../log.ts';
import { authorize, makeToken, tokenOf } from './access.ts';
import { Account } from './account.ts';
import { Budget } from './budget.ts';
import { Connection } from './connection.ts';
import { deleteUpstream } from './deletion.ts';
import type { Deps } from './deps.ts';
import { failureOf, MailboxError } from './failure.ts';
import { changesSince, listPage } from './feed.ts';
import { FRESH, freshen, indexShown, syncNow } from './freshness.ts';
import { listItem, needsHeaders, someOf } from './item.ts';
import { furnish, type Rooms } from './rooms.ts';
import type * as rpc from './rpc.ts';
import type { AccountRow } from './store/account-store.ts';
import type { MessageRow } from './store/message-store.ts';
import { Store } from './store.ts';
import { accountView, syncView } from './view.ts';

/** What the operator configured, as far as a Mailbox needs it. */
export interface ServiceConfig {
  readonly keyring: Keyring;
  readonly sessionLingerMs: number;
}

export class MailboxService implements rpc.MailboxRpc {
  readonly #deps: Deps;
  readonly #config: ServiceConfig;
  readonly #store: Store;
  #rooms: Promise<Rooms> | null = null;

  constructor(deps: Deps, config: ServiceConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#store = new Store(deps.sql);
  }

  create(
    id: string,
    settings: rpc.AccountSettings,
    verify: boolean,
    token: rpc.TokenSettings | null,
  ): Promise<rpc.Result<{ account: rpc.AccountView; token: rpc.NewToken | null }>> {
    return this.#answer(async () => {
      if (this.#store.exists()) throw exists();
      const { account, row } = await Account.make(this.#config.keyring, id, settings, this.#deps.now(), this.#deps.random);
      const session = verify ? await new Connection(this.#deps, this.#store, account).verify() : null;
      const made = token && (await makeToken(account, token, this.#deps));
      if (this.#store.exists()) throw exists();
      this.#store.migrate(this.#deps.now());
      this.#store.transaction(() => {
        this.#store.account.insert(row);
        if (made) this.#store.account.insertToken(made.row);
      });
      const rooms = furnish(account, this.#store, this.#deps, this.#config.sessionLingerMs);
      this.#rooms = Promise.resolve(rooms);
      if (session) {
        await rooms.connection.loggedIn(session);
        rooms.line.adopt(session);
        // The verifying session is the first sync's. What may fail there is kept in the account's health, for all to see.
        syncNow(rooms).catch((error: unknown) => this.#noteBug(error));
      } else rooms.rounds.arm();
      return { account: await accountView(rooms, rooms.rounds.nextCheck()), token: made?.token ?? null };
    });
  }

  account(caller: rpc.Caller): Promise<rpc.Result<rpc.AccountView>> {
    return this.#for(caller, 'read', (rooms) => accountView(rooms, rooms.rounds.nextCheck()));
  }

  remove(caller: rpc.Caller): Promise<rpc.Result<null>> {
    return this.#answer(async () => {
      const row = this.#row();
      // A removal that was cut off after it had destroyed the key is finished by asking again.
      if (row && !isRemoved(row)) {
        const rooms = await this.#open(row);
        await authorize(caller, 'manage', rooms.account, this.#store, this.#deps.now());
        this.#store.account.destroyDataKey();
        rooms.rounds.end();
        await rooms.line.end();
      } else if (!row || caller.kind !== 'operator') throw absent(caller);
      await this.#deps.erase();
      this.#rooms = null;
      return null;
    });
  }

  messages(caller: rpc.Caller, query: rpc.ListQuery): Promise<rpc.Result<rpc.MessagePage>> {
    return this.#for(caller, 'read', async (rooms, budget) => {
      if (query.cursor !== null) listPage(query, rooms);
      // A page behind a cursor belongs to the listing that its first page began: the server isn't asked again.
      const fresh = query.cursor === null ? await freshen(rooms, query.maxAge, budget) : FRESH;
      const { rows, nextCursor } = listPage(query, rooms);
      const problem = needsHeaders(query.fields) ? await indexShown(rooms, rows, fresh, budget) : fresh.problem;
      const indexed = new Map(this.#store.messages.byCreated(rows.map((row) => row.created)).map((row) => [row.created, row]));
      const shown = rows.map((row) => indexed.get(row.created) ?? row);
      return {
        data: await Promise.all(shown.map((row) => someOf(row, rooms.account, query.fields))),
        nextCursor,
        total: this.#store.messages.totals().messages,
        sync: syncView(rooms, { stale: fresh.stale, problem }),
      };
    });
  }

  message(caller: rpc.Caller, id: string, query: rpc.MessageQuery): Promise<rpc.Result<rpc.MessageView>> {
    return this.#for(caller, 'read', (rooms, budget) => rooms.reading.message(id, query, budget));
  }

  raw(caller: rpc.Caller, id: string): Promise<rpc.Result<rpc.RawMessage>> {
    return this.#for(caller, 'read', (rooms, budget) => rooms.reading.raw(id, budget));
  }

  attachment(caller: rpc.Caller, id: string, part: string): Promise<rpc.Result<rpc.AttachmentContent>> {
    return this.#for(caller, 'read', (rooms, budget) => rooms.reading.attachment(id, part, budget));
  }

  deleteMessage(caller: rpc.Caller, id: string): Promise<rpc.Result<null>> {
    return this.#for(caller, 'delete', async (rooms, budget) => {
      await budget.wait(deleteUpstream(rooms.reading.row(id), rooms));
      return null;
    });
  }

  changes(caller: rpc.Caller, query: rpc.ChangesQuery): Promise<rpc.Result<rpc.ChangesPage>> {
    return this.#for(caller, 'read', async (rooms, budget) => {
      // A state that isn't ours is refused before the server is troubled for it.
      changesSince(query.since, 1, rooms);
      const fresh = await freshen(rooms, query.maxAge, budget);
      const ids = query.include === 'ids';
      const before = changesSince(query.since, query.limit, rooms);
      const problem = ids ? fresh.problem : await indexShown(rooms, [...before.created, ...before.updated], fresh, budget);
      const page = changesSince(query.since, query.limit, rooms);
      const item = (row: MessageRow): Promise<rpc.ListItem | { id: string }> =>
        ids ? Promise.resolve({ id: row.id }) : listItem(row, rooms.account);
      return {
        ...page,
        created: await Promise.all(page.created.map(item)),
        updated: await Promise.all(page.updated.map(item)),
        sync: syncView(rooms, { stale: fresh.stale, problem }),
      };
    });
  }

  sync(caller: rpc.Caller): Promise<rpc.Result<rpc.SyncReport>> {
    return this.#for(caller, 'read', async (rooms, budget) => {
      const outcome = await budget.wait(syncNow(rooms));
      return { ...outcome, sync: syncView(rooms, FRESH) };
    });
  }

  identity(caller: rpc.Caller): Promise<rpc.Result<rpc.TokenIdentity>> {
    return this.#answer(async () => {
      const row = this.#row();
      if (!row || isRemoved(row)) throw absent(caller);
      const { account } = await this.#open(row);
      const token = await tokenOf(caller, account, this.#store, this.#deps.now());
      if (!token) throw new MailboxError({ kind: 'not_found' });
      const { scopes, expiresAt, origins, label } = token;
      return { id: token.row.id, account: account.id, scopes, expiresAt, origins, label };
    });
  }

  /** What the object's alarm does. Never throws: the platform gives up on an alarm that does. */
  async alarm(): Promise<void> {
    const row = this.#row();
    if (!row || isRemoved(row)) return;
    try {
      const rooms = await this.#open(row);
      await rooms.rounds.ring();
    } catch (error) {
      // The account can't be opened, for want of its master key: nothing is changed, and it is looked at again later.
      this.#deps.alarm.set(this.#deps.now() + MAILBOX.backoffMost);
      this.#noteBug(error);
    }
  }

  /** Authorizes, runs `body`, and turns whatever it throws into a value. */
  #for<T>(caller: rpc.Caller, scope: rpc.Scope, body: (rooms: Rooms, budget: Budget) => Promise<T>): Promise<rpc.Result<T>> {
    return this.#answer(async () => {
      const budget = new Budget(this.#deps.now);
      const row = this.#row();
      if (!row || isRemoved(row)) throw absent(caller);
      const rooms = await this.#open(row);
      await authorize(caller, scope, rooms.account, this.#store, this.#deps.now());
      return body(rooms, budget);
    });
  }

  async #answer<T>(body: () => Promise<T>): Promise<rpc.Result<T>> {
    try {
      return { ok: true, value: await body() };
    } catch (error) {
      this.#noteBug(error);
      return { ok: false, failure: failureOf(error) ?? { kind: 'internal' } };
    }
  }

  #noteBug(error: unknown): void {
    if (failureOf(error) === null) log('mailbox_failed', { error: error instanceof Error ? error.name : 'unknown' });
  }

  /** The account's row, or null in an object that has none; asking writes nothing. */
  #row(): AccountRow | null {
    return this.#store.exists() ? this.#store.account.row() : null;
  }

  #open(row: AccountRow): Promise<Rooms> {
    this.#rooms ??= this.#load(row).catch((error: unknown) => {
      this.#rooms = null;
      throw error;
    });
    return this.#rooms;
  }

  async #load(row: AccountRow): Promise<Rooms> {
    this.#store.migrate(this.#deps.now());
    const { keyring } = this.#config;
    const account = await Account.open(keyring, row, this.#deps.random);
    // The operator has put another master key first: from here on the data key is wrapped by that one.
    if (needsRewrap(row.data_key, keyring)) this.#store.account.setDataKey(await rewrap(keyring, row.id, row.data_key, this.#deps.random));
    const rooms = furnish(account, this.#store, this.#deps, this.#config.sessionLingerMs);
    rooms.copies.recover();
    return rooms;
  }
}

function isRemoved(row: AccountRow): boolean {
  return row.data_key.length === 0;
}

/** What a caller is told of an account that isn't there: its tokens are worth nothing, the operator has mistyped. */
function absent(caller: rpc.Caller): MailboxError {
  return new MailboxError({ kind: caller.kind === 'operator' ? 'not_found' : 'unauthorized' });
}

function exists(): MailboxError {
  return new MailboxError({ kind: 'conflict', detail: 'This account exists already.' });
}
