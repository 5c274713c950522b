/**
 * Whether a server keeps what is written behind a login, in one flight with it: a round trip less for every session. Cyrus 3.6
 * announces pipelining and loses what comes behind AUTH, so a server is tried once. The first command behind the login is STAT
 * then, whose answer is known by its two numbers and waited for only shortly; nothing goes with it that would change the maildrop
 * or move messages. A server that fails is left, and gone without the next time. A refused login is neither success nor failure.
 * One that wants some time between two logins isn't tried, since failing would cost a second one (Courier 1.0: it would fail).
 */
import type { Capabilities } from './capabilities.ts';
import { type Patience, type Phase, timedOut } from './channel.ts';
import type { Command, Verb } from './command.ts';
import { quirkError } from './error.ts';
import type { Remembered } from './remembered.ts';
import type { Status } from './reply.ts';

/** What isn't written before it is known that the server takes it. */
const HELD: ReadonlySet<Verb> = new Set<Verb>(['RETR', 'DELE', 'QUIT']);

const DROP_LISTING = /^\+OK +\d+ +\d+(?: |$)/i;

export class LoginTrial {
  #verdict: Remembered['behindLogin'];
  /** From the login on until the first answer behind it; `relying`: on an earlier success. */
  #state: 'over' | 'trying' | 'relying' = 'over';

  constructor(verdict: Remembered['behindLogin']) {
    this.#verdict = verdict;
  }

  /** What is known of this server by now. */
  get verdict(): Remembered['behindLogin'] {
    return this.#verdict;
  }

  /** Whether it isn't known yet what becomes of commands behind the login that is under way. */
  get trying(): boolean {
    return this.#state === 'trying';
  }

  /**
   * A login begins: whether commands may be written behind it, to a server that takes pipelined ones. Where it isn't known
   * whether another login would have to wait, the server isn't tried either.
   */
  begin(capabilities: Capabilities | null): boolean {
    if (this.#verdict === 'yes') this.#state = 'relying';
    else if (this.#verdict === 'unknown' && capabilities?.loginDelaySeconds === 0) this.#state = 'trying';
    else return false;
    return true;
  }

  /** Nothing is under way any more. */
  end(): void {
    this.#state = 'over';
  }

  /** Whether `command` may be written while others have no answer yet. */
  allows({ verb }: Command): boolean {
    return this.#state !== 'trying' || !HELD.has(verb);
  }

  /** How long the answer to `command` is waited for. */
  patience({ phase }: Command): Patience {
    return this.#state === 'trying' && phase !== 'login' ? 'behindLogin' : 'reply';
  }

  /** The answer to `command` has come. Throws `quirk` if it shows that something between it and the login is lost. */
  answered({ phase }: Command, status: Status): void {
    if (this.#state === 'over' || phase === 'login') return;
    const trying = this.#state === 'trying';
    this.#state = 'over';
    if (!trying) return;
    const said = new TextDecoder('latin1').decode(status.octets);
    if (DROP_LISTING.test(said)) this.#verdict = 'yes';
    // STAT refused for a reason of its own says nothing. Without one it may be the answer to half a line.
    else if (status.ok || status.responseCode === null) throw this.#lost(phase);
  }

  /** `error` came in place of an answer. Returns the error to throw if that is for what was written behind the login. */
  broke(phase: Phase, error: unknown): Error | null {
    const state = this.#state;
    this.#state = 'over';
    if (state === 'relying') this.#verdict = 'unknown';
    // Silence before the login is accepted isn't for what comes behind it.
    return state === 'trying' && !(phase === 'login' && timedOut(error)) ? this.#lost(phase) : null;
  }

  #lost(phase: Phase): Error {
    this.#verdict = 'no';
    return quirkError(phase, 'behind_login');
  }
}
