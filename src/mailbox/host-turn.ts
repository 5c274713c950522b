/**
 * The turn that what an alarm begins has at its mail host: taken before a connection is opened, and given back once the server
 * has let us in or turned us away. What a person waits for takes none. Where turns can't be had at all, everybody goes.
 */
import { LOGINS } from '../limits.ts';
import { errorName, log } from '../log.ts';
import type { Account } from './account.ts';
import type { Deps, Turn } from './deps.ts';

export class HostTurn {
  readonly #deps: Deps;
  readonly #account: Account;
  #turn: Turn | null = null;

  constructor(deps: Deps, account: Account) {
    this.#deps = deps;
    this.#account = account;
  }

  /** False where too many are at the host: to be tried again later. */
  async take(): Promise<boolean> {
    const { server, jurisdiction } = this.#account.settings;
    let late = false;
    const taken = this.#deps.turns(server.host, jurisdiction).then((turn) => {
      if (late) turn?.end();
      return turn;
    });
    const { promise: timeUp, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new TurnTimeoutError()), LOGINS.answerTime);
    try {
      this.#turn = await Promise.race([taken, timeUp]);
      return this.#turn !== null;
    } catch (error) {
      late = true;
      log('turn_failed', { account: this.#account.id, error: errorName(error) });
      return true;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives it back, if there is one; safe to call twice. */
  end(): void {
    this.#turn?.end();
    this.#turn = null;
  }
}

class TurnTimeoutError extends Error {
  override readonly name = 'TurnTimeoutError';
}
