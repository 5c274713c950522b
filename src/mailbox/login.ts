/**
 * How a session with a mail server begins: dialled, greeted and, where it is asked for, logged in. A server that can't take
 * CAPA, pipelining or commands behind a login breaks off; it is dialled once more for each of these, without it. Nothing is stored here.
 */
import { MAILBOX } from '../limits.ts';
import { afterQuirk, type Remembered } from '../pop3/remembered.ts';
import { Session } from '../pop3/session.ts';
import type { Login } from './account.ts';
import type { Budget } from './budget.ts';
import type { Deps } from './deps.ts';
import { isQuirk } from './failure.ts';

type Dialling = Pick<Deps, 'dial' | 'random'>;

/** A session with its greeting read. A server that breaks off at CAPA before TLS is dialled once more, without it. `onLogin`: see `SessionOptions`. */
export async function dialSession(
  login: Login,
  remembered: Remembered | null,
  deps: Dialling,
  onLogin: (session: Session) => void = () => undefined,
): Promise<Session> {
  const { server, auth } = login.settings;
  const open = async (known: Remembered | null): Promise<Session> =>
    Session.open(await deps.dial(server), {
      security: server.security,
      method: auth.method,
      credentials: { username: auth.username, ...login.credentials },
      remembered: known,
      random: deps.random,
      endpoint: server,
      onLogin,
    });
  try {
    return await open(remembered);
  } catch (error) {
    if (!isQuirk(error)) throw error;
    return open(afterQuirk(remembered, error.failure.quirk));
  }
}

/** A session logged in with what isn't stored yet: that of a new account, or what one is to be changed to. Throws as `inSession` does. */
export async function loggedInSession(login: Login, deps: Dialling, budget: Budget): Promise<Session> {
  return inSession(login, deps, (session) => Promise.resolve(session), budget);
}

/**
 * What `work` comes to in a session that is logged in. It is run again where it breaks off at what a server can't take. Throws what
 * ends the session, and `upstream_timeout` when the time is up; the session is closed then, however far it has come.
 */
export async function inSession<T>(login: Login, deps: Dialling, work: (session: Session) => Promise<T>, budget: Budget): Promise<T> {
  let open: Session | null = null;
  let over = false;
  const tried = async (): Promise<T> => {
    for (let remembered: Remembered | null = null, tries = 0; ; tries++) {
      const session = await dialSession(login, remembered, deps);
      open = session;
      // It took so long to open that nobody waits for it any more.
      if (over) session.close();
      try {
        await session.ready();
        return await work(session);
      } catch (error) {
        session.close();
        if (!isQuirk(error) || tries === MAILBOX.quirkRetries || mustWait(session) || over) throw error;
        remembered = session.remembered;
      }
    }
  };
  try {
    return await budget.wait(tried());
  } catch (error) {
    over = true;
    (open as Session | null)?.close();
    throw error;
  }
}

/** Whether the server wants some time before it is logged in to again, and was logged in to. */
export function mustWait({ loggedIn, capabilities }: Session): boolean {
  return loggedIn && (capabilities?.loginDelaySeconds ?? 0) > 0;
}
