/**
 * How an account's sessions begin, and what their fate says about the account. The one place where a login is allowed
 * or refused: credentials that were refused are not tried again, and a server's login delay is kept.
 */
import { log } from '../log.ts';
import { Session } from '../pop3/session.ts';
import type { Account } from './account.ts';
import type { Deps } from './deps.ts';
import { MailboxError, upstreamFailureOf } from './failure.ts';
import { afterFailure, afterLogin, mayLogIn } from './health.ts';
import type { LineHooks } from './line.ts';
import type { Store } from './store.ts';
import { type ServerView, serverView } from './view.ts';

export class Connection implements LineHooks {
  readonly #deps: Deps;
  readonly #store: Store;
  readonly #account: Account;

  constructor(deps: Deps, store: Store, account: Account) {
    this.#deps = deps;
    this.#store = store;
    this.#account = account;
  }

  async connect(): Promise<Session> {
    if (this.#account.settings.paused) throw new MailboxError({ kind: 'paused' });
    const refused = mayLogIn(this.#store.account.health(), this.#deps.now());
    if (refused) throw new MailboxError(refused);
    return this.#dial();
  }

  /** A session logged in with the credentials of an account that may not be stored yet. Stores nothing. */
  async verify(): Promise<Session> {
    const session = await this.#dial();
    try {
      await session.ready();
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  async loggedIn(session: Session): Promise<void> {
    const { vault } = this.#account;
    const { account } = this.#store;
    const view = serverView(session.capabilities);
    const box = account.server();
    const known = box ? ((await vault.openJson(box, 'account', 'server')) as ServerView) : null;
    const changed = JSON.stringify(known) !== JSON.stringify(view);
    const sealed = changed ? await vault.sealJson(view, 'account', 'server') : null;
    const health = account.health();
    if (sealed) account.setServer(sealed);
    if (health.state !== 'ready' || health.refusals > 0) account.setHealth(afterLogin(health, this.#deps.now()));
  }

  failed(error: unknown): void {
    const failure = upstreamFailureOf(error);
    if (!failure) return;
    const { account } = this.#store;
    account.setHealth(afterFailure(account.health(), failure, this.#deps.now()));
    log('upstream_failed', { account: this.#account.id, code: failure.kind, phase: failure.upstream.phase });
  }

  async #dial(): Promise<Session> {
    const { server, auth } = this.#account.settings;
    const channel = await this.#deps.dial(server);
    return Session.open(channel, {
      security: server.security,
      method: auth.method,
      credentials: { username: auth.username, ...this.#account.credentials },
    });
  }
}
