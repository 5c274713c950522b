/**
 * An app that reads the change feed from a checkpoint: it applies a page once it knows that the checkpoint is set behind it.
 * Where it doesn't hear whether it is, it asks before it reads on, so that it never applies a page twice.
 */
import type { ChangesPage, ListItem } from '../../src/mailbox/rpc.ts';
import type { Platform } from '../support/faults/platform.ts';
import { OPERATOR, SINCE } from '../support/node-mailbox.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Model } from './model.ts';

const CHECKPOINT = 'app';
const UNCONDITIONALLY = { ifMatch: null, ifNoneMatch: null };

export class Consumer {
  readonly #platform: Platform;
  readonly #model: Model;
  readonly #chance: SeededRandom;
  /** A page that was read, and whose acknowledgement wasn't heard of yet. */
  #pending: ChangesPage | null = null;

  constructor(platform: Platform, model: Model, chance: SeededRandom) {
    this.#platform = platform;
    this.#model = model;
    this.#chance = chance;
  }

  /** Reads one page and acknowledges it. Whether it was the last one. */
  async read(): Promise<boolean> {
    if (this.#pending && !(await this.#resolve(this.#pending))) return false;
    const query = { ...SINCE, checkpoint: CHECKPOINT, limit: this.#chance.pick([3, 10, 200]), maxAge: this.#chance.pick([null, 60]) };
    const outcome = await this.#platform.call((service) => service.changes(OPERATOR, query));
    if (!outcome.ok) return false;
    const page = outcome.value;
    for (const item of [...page.created, ...page.updated] as ListItem[]) this.#model.note(item);
    this.#pending = page;
    const change = { state: page.newState, force: false };
    const set = await this.#platform.call((service) => service.setCheckpoint(OPERATOR, CHECKPOINT, change, UNCONDITIONALLY));
    if (set.ok) this.#apply(page);
    return set.ok && !page.hasMore;
  }

  /** Whether it is known what became of the pending page. */
  async #resolve(pending: ChangesPage): Promise<boolean> {
    const outcome = await this.#platform.call((service) => service.checkpoint(OPERATOR, CHECKPOINT));
    if (!outcome.ok && outcome.failure.kind !== 'not_found') return false;
    if (outcome.ok && outcome.value.state === pending.newState) this.#apply(pending);
    this.#pending = null;
    return true;
  }

  #apply(page: ChangesPage): void {
    this.#model.client.apply(page);
    this.#pending = null;
  }
}
