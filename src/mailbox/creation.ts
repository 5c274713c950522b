/**
 * An account is made: logged in first, if that is asked for, then stored whole with its first token, then synced in the session
 * that was logged in. What fails before it is stored leaves nothing behind.
 */
import type { Session } from '../pop3/session.ts';
import { makeToken } from './access.ts';
import { Account } from './account.ts';
import { Budget } from './budget.ts';
import type { Deps } from './deps.ts';
import { OPERATOR } from './events.ts';
import { MailboxError } from './failure.ts';
import { syncNow } from './freshness.ts';
import type { Gate, ServiceConfig } from './gate.ts';
import { loggedInSession } from './login.ts';
import { furnish, type Rooms } from './rooms.ts';
import type * as rpc from './rpc.ts';
import type { Store } from './store.ts';
import { accountView } from './view.ts';

/** What an account is made of. */
interface Asked {
  readonly id: string;
  readonly settings: rpc.AccountSettings;
  /** Whether a login must succeed first. */
  readonly verify: boolean;
  readonly token: rpc.TokenSettings | null;
}

/** The object that is to hold it. */
interface Site {
  readonly deps: Deps;
  readonly config: ServiceConfig;
  readonly store: Store;
  readonly gate: Gate;
}

/** Makes an account. Throws `conflict` where there is one already, and what the login failed with. */
export async function createAccount(
  { id, settings, verify, token }: Asked,
  { deps, config, store, gate }: Site,
): Promise<{ account: rpc.AccountView; token: rpc.NewToken | null }> {
  const budget = new Budget(deps.now);
  if (store.exists()) throw exists();
  const { account, row } = await Account.make(config.keyring, id, settings, deps.now(), deps.random);
  const session = verify ? await loggedInSession(account, deps, budget) : null;
  try {
    const rooms = furnish(account, store, deps, config.sessionLingerMs);
    const made = token && (await makeToken(account, token, deps));
    const events = [await rooms.events.seal('account_created', OPERATOR)];
    if (made) events.push(await rooms.events.seal('token_created', OPERATOR, { token: made.token.id }));
    if (store.exists()) throw exists();
    // All or nothing: tables without an account would be taken for one that exists.
    store.transaction(() => {
      store.migrate(deps.now());
      store.account.insert(row);
      if (made) store.account.insertToken(made.row);
      store.events.insert(events);
    });
    gate.house(rooms);
    // Before anything is awaited: an object that dies in its first sync is woken again.
    rooms.rounds.arm();
    if (session) await firstSync(rooms, session, gate);
    return { account: await accountView(rooms, rooms.rounds.nextCheck()), token: made?.token ?? null };
  } catch (error) {
    session?.close();
    throw error;
  }
}

/** The verifying session is the first sync's. What may fail there is kept in the account's health, for all to see. */
async function firstSync(rooms: Rooms, session: Session, gate: Gate): Promise<void> {
  await rooms.connection.loggedIn(session);
  rooms.line.adopt(session);
  syncNow(rooms).catch((error: unknown) => gate.noteBug(error));
}

function exists(): MailboxError {
  return new MailboxError({ kind: 'conflict', detail: 'This account exists already.' });
}
