/**
 * The one upstream session that an account may have, behind an explicit queue: a maildrop is locked by its session
 * (RFC 1939 §4), and awaiting a socket lets other calls into the object, so nothing else keeps them apart.
 *
 * Jobs run one after another, those that a person waits for before background work (see `queue.ts`). Background work steps
 * aside between two messages, and whoever goes first finds the session open that it left, as it does later on. A session that
 * a request used lingers a few seconds for the next one; it is always ended with QUIT, so that the server frees the lock.
 */
import { MAILBOX } from '../limits.ts';
import type { Session } from '../pop3/session.ts';
import { connectionLost, isQuirk, MailboxError } from './failure.ts';
import { type OpenSession, quit, withoutNumbers } from './open-session.ts';
import { Queue, type Visitor } from './queue.ts';

export type { OpenSession } from './open-session.ts';

export interface Job<T> extends Visitor {
  /** Wants a session opened for it: an old one doesn't see mail that came after its login. */
  readonly fresh: boolean;
  /** Whether the session may be kept for the next job. */
  readonly linger: boolean;
  readonly work: (open: OpenSession) => Promise<T>;
  /** Whether `work` may be run again when a lingering session turns out to be dead. Default: always. */
  readonly repeatable?: () => boolean;
  /** What it comes to instead, as long as nobody waits for it, where it would take a login. Default: it logs in. */
  readonly spared?: () => T;
}

export interface LineHooks {
  /** Throws why no session may be opened now, if none may. */
  admit(): void;
  /** Opens a connection up to the greeting, for background work or somebody who waits, or throws why not. */
  connect(background: boolean): Promise<Session>;
  /** Whether the session has been open for so long that a job may not come to its end in it. */
  isOld(session: Session): boolean;
  /** A login was accepted. */
  loggedIn(session: Session): Promise<void>;
  /** A session could not be opened, or broke, and nothing more is tried. */
  failed(error: unknown): Promise<void>;
}

export class Line {
  readonly #hooks: LineHooks;
  readonly #lingerMs: number;
  readonly #queue = new Queue();
  #open: OpenSession | null = null;
  /** Sessions whose login has been told. */
  readonly #noted = new WeakSet<OpenSession>();
  /** Whether the session that is open may be kept for the next job: somebody interactive has used it. */
  #kept = false;
  /** Whether an adopted session is still as new as its login. */
  #unused = false;
  #closing: Promise<void> = Promise.resolve();
  #lingering: ReturnType<typeof setTimeout> | null = null;
  #ended = false;
  #ending: Promise<void> | null = null;
  /** What the job that has the turn fails with, because its session was ended under it. */
  #interruption: MailboxError | null = null;

  constructor(hooks: LineHooks, lingerMs: number) {
    this.#hooks = hooks;
    this.#lingerMs = lingerMs;
  }

  /**
   * Runs `job` when its turn comes. Throws what `work` throws, the error of a failed connection, or `overloaded`
   * when too many wait or the turn doesn't come in time.
   */
  async use<T>(job: Job<T>): Promise<T> {
    await this.#turn(job);
    try {
      return await this.#run(job);
    } finally {
      // Work that stepped aside and was sent away has no turn to give back.
      if (this.#queue.current === job) {
        this.#kept ||= job.linger || job.priority === 'interactive';
        this.#park();
        this.#queue.leave();
      }
    }
  }

  /** Waits, as background work does, until it would have the turn. Throws as `use` does. */
  async pass(): Promise<void> {
    if (this.#ended) throw gone();
    await this.#queue.enter({ priority: 'background' });
    // What lingers goes on lingering; what was left to whoever waited wasn't left to this.
    if (this.#lingering === null) this.#park();
    this.#queue.leave();
  }

  /** Whether a session is open that nobody waits for. */
  get spare(): boolean {
    return this.#open?.session.usable === true && !this.#queue.awaited;
  }

  /** Whether the background work that has the turn is to step aside, once it has got on a little. */
  get wanted(): boolean {
    return this.#queue.wanted;
  }

  /** Whether who has the turn is background work. It keeps few replies outstanding, so that a boundary is near. */
  get background(): boolean {
    return this.#queue.current?.priority === 'background';
  }

  /**
   * For the work that has the turn and, between two commands, nothing left to commit: lets those go first who are waited for,
   * in the same session where they can use it. Returns the session to go on with, or null if they left none.
   */
  async stepAside(): Promise<OpenSession | null> {
    if (this.#open) await this.#note(this.#open);
    await this.#queue.stepAside();
    this.#stopLingering();
    this.#interruption = null;
    return this.#open?.session.usable ? this.#open : null;
  }

  /** Takes over a session that was opened to verify an account; the next fresh job gets it. */
  adopt(session: Session): void {
    this.#open = withoutNumbers(session);
    this.#unused = true;
    this.#linger(MAILBOX.linger);
  }

  /**
   * Has its turn, gives up the session there is and, while nobody has one, runs `open` and then `commit`. The session
   * that `open` brings, logged in, is the next fresh job's. Without effect if either throws, or once the line has ended.
   */
  async renew(open: () => Promise<Session | null>, commit: () => void): Promise<void> {
    await this.#turn({ priority: 'interactive' });
    try {
      this.#drop();
      await this.#closing;
      const session = await open();
      try {
        if (this.#ended) throw gone();
        commit();
      } catch (error) {
        session?.close();
        throw error;
      }
      if (session === null) return;
      this.adopt(session);
      await this.#hooks.loggedIn(session);
    } finally {
      this.#queue.leave();
    }
  }

  /** Ends the session that is open. What is being done in it fails with `reason`; whoever waits has their turn. */
  interrupt(reason: MailboxError): void {
    if (this.#queue.current) {
      this.#interruption = reason;
      this.#open?.session.close();
    } else {
      this.#stopLingering();
      this.#drop();
    }
  }

  /** Ends the line for good, because the account is gone: closes the session under whoever uses it and waits until they let go. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#ended = true;
    this.#stopLingering();
    if (this.#queue.current) this.#open?.session.close();
    await this.#queue.clear(gone());
    this.#drop();
    await this.#closing;
  }

  async #run<T>(job: Job<T>): Promise<T> {
    let kept = this.#reusable(job.fresh);
    for (let retries = 0; ; retries++) {
      if (kept === null && job.spared && job.priority === 'background') return job.spared();
      try {
        return await this.#work(kept ?? (await this.#reopen()), job);
      } catch (error) {
        // A kept session may have died unnoticed; a server may break at what the next session does without.
        const worth = this.#interruption === null && (isQuirk(error) || (kept !== null && connectionLost(error)));
        if (!worth || retries === MAILBOX.jobRetries || job.repeatable?.() === false) {
          const reason = this.#interruption ?? error;
          await this.#hooks.failed(reason);
          throw reason;
        }
      }
      kept = null;
    }
  }

  async #work<T>(open: OpenSession, job: Job<T>): Promise<T> {
    try {
      return await job.work(open);
    } finally {
      await this.#note(open);
    }
  }

  async #note(open: OpenSession): Promise<void> {
    if (!open.session.loggedIn || this.#noted.has(open)) return;
    this.#noted.add(open);
    await this.#hooks.loggedIn(open.session);
  }

  #reusable(fresh: boolean): OpenSession | null {
    const open = this.#open;
    if (!open?.session.usable || (fresh && !this.#unused) || this.#mayRenew(open)) return null;
    this.#unused = false;
    return open;
  }

  /** Whether a session is to be given up for a new one, and a new one may be opened. */
  #mayRenew({ session }: OpenSession): boolean {
    if (!this.#hooks.isOld(session)) return false;
    try {
      this.#hooks.admit();
      return true;
    } catch {
      // Whoever may not log in now makes do with it.
      return false;
    }
  }

  async #reopen(): Promise<OpenSession> {
    // Who may not log in now doesn't end the session that others can still use.
    this.#hooks.admit();
    this.#drop();
    await this.#closing;
    if (this.#ended) throw gone();
    const session = await this.#hooks.connect(this.background);
    if (this.#ended || this.#interruption !== null) {
      session.close();
      throw this.#interruption ?? gone();
    }
    this.#unused = false;
    this.#open = withoutNumbers(session);
    return this.#open;
  }

  /** Leaves the session to whoever waits, else for a while to whoever comes. */
  #park(): void {
    if (!this.#open || (this.#queue.awaited && this.#open.session.usable)) return;
    if (!this.#kept || this.#lingerMs === 0 || !this.#open.session.usable) this.#drop();
    else this.#linger(this.#lingerMs);
  }

  #linger(milliseconds: number): void {
    this.#lingering = setTimeout(() => {
      if (this.#queue.current === null) this.#drop();
    }, milliseconds);
  }

  #stopLingering(): void {
    if (this.#lingering !== null) clearTimeout(this.#lingering);
    this.#lingering = null;
  }

  /** Gives the session up. The lock is free once QUIT was answered, so the next connection waits for that, a while. */
  #drop(): void {
    const open = this.#open;
    this.#open = null;
    this.#unused = false;
    this.#kept = false;
    if (!open) return;
    if (!open.session.usable) {
      open.session.close();
      return;
    }
    this.#closing = quit(open.session);
  }

  async #turn(visitor: Visitor): Promise<void> {
    if (this.#ended) throw gone();
    await this.#queue.enter(visitor);
    this.#stopLingering();
    this.#interruption = null;
  }
}

function gone(): MailboxError {
  return new MailboxError({ kind: 'not_found' });
}
