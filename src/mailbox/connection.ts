/**
 * How an account's sessions begin, and what their fate says about the account. The one place where a login is allowed
 * or refused: credentials that were refused are not tried again, and a server's login delay is kept. What a session learned
 * of the server is kept for the next one, in memory and, once it matters, in the account's rows.
 */
import { log } from '../log.ts';
import { NetError } from '../net/error.ts';
import type { Session } from '../pop3/session.ts';
import type { Account } from './account.ts';
import type { Checks } from './checks.ts';
import type { Deps } from './deps.ts';
import { MailboxError, upstreamFailureOf } from './failure.ts';
import { afterLogin, mayLogIn } from './health.ts';
import type { HostTurn } from './host-turn.ts';
import type { LineHooks } from './line.ts';
import { dialSession } from './login.ts';
import { doubt, recall, remember, type ServerMemory, targetKey } from './server-memory.ts';
import type { Store } from './store.ts';
import { type StoredServer, serverView } from './view.ts';

/** What `error` says about the account; null for what is none of its server's doing, a bug for example. */
function sessionFailureOf(error: unknown) {
  const forbidden = error instanceof NetError && error.failure.kind === 'forbidden';
  return forbidden ? ({ kind: 'target_not_allowed', retryAfterSeconds: null, definite: false } as const) : upstreamFailureOf(error);
}

export class Connection implements LineHooks {
  readonly #deps: Deps;
  readonly #store: Store;
  readonly #account: Account;
  readonly #checks: Checks;
  readonly #turn: HostTurn;
  /** The newest session, where it leads and since when; it goes on learning while it is used. */
  #last: { readonly session: Session; readonly target: string; readonly at: number } | null = null;
  /** When the newest login was accepted. */
  #enteredAt: number | null = null;

  constructor(deps: Deps, store: Store, account: Account, parts: { readonly checks: Checks; readonly turn: HostTurn }) {
    this.#deps = deps;
    this.#store = store;
    this.#account = account;
    this.#checks = parts.checks;
    this.#turn = parts.turn;
  }

  admit(): void {
    if (this.#account.settings.paused) throw new MailboxError({ kind: 'paused' });
    const refused = mayLogIn(this.#store.account.health(), this.#deps.now());
    if (refused) throw new MailboxError(refused);
  }

  async connect(background: boolean): Promise<Session> {
    this.admit();
    const target = targetKey(this.#account.settings.server);
    const memory = this.#learned(await this.#stored());
    const at = this.#deps.now();
    const entered = (session: Session): void => {
      // Whoever goes ahead of a poll takes no turn, and leaves it its own.
      if (background) this.#turn.end();
      this.entered(session);
    };
    const session = await dialSession(this.#account, recall(memory, target, at), this.#deps, entered);
    this.#last = { session, target, at };
    return session;
  }

  /** A login was accepted just now. Told at once, not when the job is done: an object that dies in between must not log in again too soon. */
  entered(session: Session): void {
    this.#enteredAt = this.#deps.now();
    this.#keepDelay(session);
  }

  #keepDelay({ capabilities }: Session): void {
    const { account } = this.#store;
    const delay = capabilities?.loginDelaySeconds ?? 0;
    if (delay === 0 || !this.#store.exists()) return;
    const health = account.health();
    const next = afterLogin(health, this.#enteredAt ?? this.#deps.now(), delay);
    if (next.login_after !== health.login_after) account.setHealth(next);
  }

  isOld(session: Session): boolean {
    return this.#last?.session === session && this.#deps.now() - this.#last.at >= this.#deps.deadlines.session / 2;
  }

  async loggedIn(session: Session): Promise<void> {
    const { account } = this.#store;
    // A session that verified the account was opened by nobody here.
    if (this.#last?.session !== session) {
      this.#last = { session, target: targetKey(this.#account.settings.server), at: this.#deps.now() };
      this.#enteredAt = this.#last.at;
    }
    const stored = await this.#stored();
    const box = await this.#sealed(stored, { ...serverView(session.capabilities), memory: this.#learned(stored) });
    if (box) account.setServer(box);
    this.#keepDelay(session);
    const health = account.health();
    if (health.state !== 'ready' || health.refusals > 0) account.setHealth(afterLogin(health, this.#deps.now()));
  }

  async failed(error: unknown): Promise<void> {
    const failure = sessionFailureOf(error);
    if (!failure) return;
    this.#checks.failed(failure, this.#deps.now());
    const phase = failure.kind === 'target_not_allowed' ? null : failure.upstream.phase;
    log('upstream_failed', { account: this.#account.id, code: failure.kind, phase });
    await this.#forget(error);
  }

  /** What the newest session has learned is stored, except for what the failure throws doubt on. */
  async #forget(error: unknown): Promise<void> {
    const stored = await this.#stored();
    const memory = this.#learned(stored);
    const failure = upstreamFailureOf(error);
    if (!memory || !failure) return;
    const box = await this.#sealed(stored, { ...(stored ?? serverView(null)), memory: doubt(memory, failure) });
    this.#last = null;
    if (box) this.#store.account.setServer(box);
  }

  async #stored(): Promise<StoredServer | null> {
    const box = this.#store.account.server();
    return box ? ((await this.#account.vault.openJson(box, 'account', 'server')) as StoredServer) : null;
  }

  /** The box to store, or null where nothing changes: an unchanged poll writes no row for this. */
  async #sealed(stored: StoredServer | null, next: StoredServer): Promise<Uint8Array | null> {
    if (JSON.stringify(stored) === JSON.stringify(next)) return null;
    return this.#account.vault.sealJson(next, 'account', 'server');
  }

  /** The memory by now: what is stored, and what the newest session has learned since. */
  #learned(stored: StoredServer | null): ServerMemory | null {
    const memory = stored?.memory ?? null;
    if (!this.#last) return memory;
    const { session, target, at } = this.#last;
    const asked = (session.counters.commands.CAPA ?? 0) > 0;
    return remember(memory, target, { remembered: session.remembered, asked }, at);
  }
}
