/**
 * Changing an account. A new server or new credentials have to prove themselves first, by a login in the account's own turn
 * at the maildrop, whose session is then the next sync's; if that fails, or comes too late for whoever asked, nothing is
 * changed. Rows and memory change in one step, while no session of the old settings is open. One change at a time.
 */
import type { Account, Credentials, Settings } from './account.ts';
import type { Budget } from './budget.ts';
import type { Context } from './context.ts';
import type { Events } from './events.ts';
import { MailboxError } from './failure.ts';
import { afterRenewal, mayLogIn } from './health.ts';
import { loggedInSession } from './login.ts';
import type { Rounds } from './rounds.ts';
import type { AccountChange, Caller } from './rpc.ts';
import type { EventRow } from './store/event-store.ts';

interface Parts {
  readonly rounds: Rounds;
  readonly events: Events;
}

/** Who asks for the change, as a caller and as events name them, and whether a new server or new credentials log in first. */
export interface Asked {
  readonly caller: Caller;
  readonly by: string;
  readonly verify: boolean;
}

export class Amendments {
  readonly #rooms: Context & Parts;
  #running: Promise<void> | null = null;

  constructor(context: Context, parts: Parts) {
    this.#rooms = { ...context, ...parts };
  }

  /**
   * Changes what `change` names. Resolves to whether a login is now worth trying: server or credentials are new and the
   * account isn't paused. Throws the failure of the login, and `upstream_timeout` when the budget's time is up.
   */
  async make(change: AccountChange, asked: Asked, budget: Budget): Promise<boolean> {
    while (this.#running) await budget.wait(this.#running.catch(() => undefined));
    const { account } = this.#rooms;
    const renewed = change.auth !== undefined || moves(change, account.settings);
    const running = this.#make(change, renewed, asked, budget).finally(() => {
      this.#running = null;
    });
    this.#running = running;
    await budget.wait(running);
    return renewed && !account.settings.paused;
  }

  async #make(change: AccountChange, renewed: boolean, { caller, by, verify }: Asked, budget: Budget): Promise<void> {
    const { account, events, copies, rounds, line } = this.#rooms;
    refuseToBetray(change, account, caller);
    const settings = merged(account.settings, change);
    const members = changed(account.settings, settings, change);
    if (members.length === 0) return;
    const credentials = change.auth ? { password: change.auth.password, accessToken: change.auth.accessToken } : account.credentials;
    const event = await events.seal('account_changed', by, { members });
    if (renewed) await this.#renew(settings, credentials, verify, event, budget);
    else {
      const row = await account.seal(settings, credentials);
      this.#commit(settings, credentials, row, event, false);
    }
    if (settings.paused) line.interrupt(new MailboxError({ kind: 'paused' }));
    copies.makeRoom();
    rounds.arm();
  }

  async #renew(settings: Settings, credentials: Credentials, verify: boolean, event: EventRow, budget: Budget): Promise<void> {
    const { account, store, deps, line } = this.#rooms;
    const row = await account.seal(settings, credentials);
    const open = async () => {
      if (!verify) return null;
      // Other credentials don't undo the wait that the same server asked for.
      const refused = mayLogIn(afterRenewal(store.account.health(), moves(settings, account.settings), deps.now()), deps.now());
      if (refused) throw new MailboxError(refused);
      return loggedInSession({ settings, credentials }, deps, budget);
    };
    await line.renew(open, () => {
      // Whoever asked has been told that it failed.
      budget.check();
      this.#commit(settings, credentials, row, event, true);
    });
  }

  #commit(
    settings: Settings,
    credentials: Credentials,
    row: Awaited<ReturnType<Account['seal']>>,
    event: EventRow,
    renewed: boolean,
  ): void {
    const { account, store, checks, deps } = this.#rooms;
    // The account may have been removed meanwhile.
    if (!store.exists()) throw new MailboxError({ kind: 'not_found' });
    store.transaction(() => {
      const now = deps.now();
      store.account.setSettings(row);
      store.events.insert([event]);
      if (renewed) {
        const moved = moves(settings, account.settings);
        checks.renewed(moved, now);
        store.account.forgetHint();
        if (moved) store.account.forgetServer();
      }
      if (settings.paused !== account.settings.paused) checks.paused(now);
    });
    account.adopt(settings, credentials);
  }
}

/** Whether `change` names another server than `settings` has. */
function moves({ server }: Pick<AccountChange, 'server'>, settings: Settings): boolean {
  if (server === undefined) return false;
  const { host, port, security } = settings.server;
  return server.host !== host || server.port !== port || server.security !== security;
}

/**
 * A token may change the server and may change the credentials, but it may not have the credentials that it can't read sent
 * to a host of its choice.
 */
function refuseToBetray({ server, auth }: AccountChange, account: Account, caller: Caller): void {
  if (caller.kind === 'operator' || auth !== undefined || server === undefined || server.host === account.settings.server.host) return;
  const detail = 'Give the credentials for the new host too: those of the old one are not sent there on the word of a token.';
  throw new MailboxError({ kind: 'invalid', pointer: '/auth', detail });
}

/** The settings with `change` in them. */
function merged(settings: Settings, { auth, cache, ...rest }: AccountChange): Settings {
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...settings,
    ...given,
    auth: auth ? { username: auth.username, method: auth.method } : settings.auth,
    cache: {
      maxBytes: cache?.maxBytes ?? settings.cache.maxBytes,
      maxMessageBytes: cache?.maxMessageBytes ?? settings.cache.maxMessageBytes,
    },
  };
}

/** The names of what is another than before; credentials given anew count, whatever they are. */
function changed(before: Settings, after: Settings, change: AccountChange): string[] {
  const names = Object.keys(after) as (keyof Settings)[];
  return names
    .filter((name) => (name === 'auth' ? change.auth !== undefined : JSON.stringify(before[name]) !== JSON.stringify(after[name])))
    .sort();
}
