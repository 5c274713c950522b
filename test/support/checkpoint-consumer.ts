/**
 * A client of the change feed that keeps its place in a checkpoint alone (`GET …/changes?checkpoint=`, `PUT …/checkpoints/{name}`
 * with `If-Match`), over calls that may come to nothing. A page counts as had once its acknowledgement is known to have been
 * stored: exactly then the next page begins behind it. Whatever came twice, or out of turn, it tells.
 */
import type { ChangesPage, ListItem } from '../../src/mailbox/rpc.ts';

export interface StoredCheckpoint {
  readonly state: string;
  readonly tag: string;
}

/** The calls that it makes. Each returns null where it came to nothing; whether it was done is then not known. */
export interface FeedCalls {
  /** The page behind the checkpoint; `ask`: the mail server must be asked first. */
  changes(checkpoint: string, ask: boolean): Promise<ChangesPage | null>;
  /** `none`: it was never set. */
  checkpoint(name: string): Promise<StoredCheckpoint | 'none' | null>;
  /** Sets it if its tag still is `tag`; a null `tag`: if there is none yet. `false`: it was another one. */
  acknowledge(name: string, state: string, tag: string | null): Promise<boolean | null>;
}

export class CheckpointConsumer {
  /** UIDL of each message that came as created, by id. */
  readonly created = new Map<string, string>();
  readonly violations: string[] = [];
  /** Acknowledgements of which it had to find out whether they were stored. */
  doubts = 0;
  pages = 0;
  readonly #calls: FeedCalls;
  readonly #name: string;
  #more = false;

  constructor(calls: FeedCalls, name: string) {
    this.#calls = calls;
    this.#name = name;
  }

  /** Reads one page and acknowledges it. `true`: nothing is behind it; null: a call came to nothing, and so did this. */
  async step(): Promise<boolean | null> {
    const stored = await this.#calls.checkpoint(this.#name);
    if (stored === null) return null;
    const page = await this.#calls.changes(this.#name, !this.#more);
    if (page === null) return null;
    this.#more = page.hasMore;
    if (stored !== 'none' && page.oldState !== stored.state) this.violations.push('a page begins elsewhere than at the checkpoint');
    if (stored !== 'none' && page.newState === stored.state) return !page.hasMore;
    await this.#acknowledge(page.newState, stored === 'none' ? null : stored.tag);
    this.#apply(page);
    return !page.hasMore;
  }

  /** Returns once the checkpoint is known to be at `state`, whatever happens in between. */
  async #acknowledge(state: string, tag: string | null): Promise<void> {
    for (let done = await this.#calls.acknowledge(this.#name, state, tag); done !== true;) {
      this.doubts += 1;
      const stored = await this.#calls.checkpoint(this.#name);
      if (stored !== null && stored !== 'none' && stored.state === state) return;
      if (done === false && stored !== null) throw new Error('Somebody else has moved the checkpoint.');
      if (stored !== null) done = await this.#calls.acknowledge(this.#name, state, tag);
    }
  }

  #apply(page: ChangesPage): void {
    this.pages += 1;
    for (const { id, uidl } of page.created as ListItem[]) {
      if (this.created.has(id)) this.violations.push(`created twice: ${uidl}`);
      this.created.set(id, uidl ?? '');
    }
    for (const { id } of page.updated) if (!this.created.has(id)) this.violations.push(`updated before it was created: ${id}`);
    for (const { id } of page.destroyed) this.violations.push(`destroyed, although it is there: ${id}`);
  }
}
