/**
 * The MailHost object: one for each mail host that accounts are on, named by it. Hands out the turns to log in there that
 * polls take, so that a thousand accounts of one provider don't knock at once. It stores nothing; whoever can't reach it
 * polls without a turn.
 */
import { DurableObject, RpcTarget } from 'cloudflare:workers';
import { type Turn, Turns } from './turns.ts';

/** A turn as the one who has it holds it: disposing of it, or dying, gives it back. */
class HeldTurn extends RpcTarget {
  readonly #turn: Turn;

  constructor(turn: Turn) {
    super();
    this.#turn = turn;
  }

  [Symbol.dispose](): void {
    this.#turn.end();
  }
}

export class MailHost extends DurableObject<Env> {
  readonly #turns = new Turns();

  /** A turn, or null where none came in time. */
  async turn(): Promise<HeldTurn | null> {
    const turn = await this.#turns.take();
    return turn && new HeldTurn(turn);
  }
}
