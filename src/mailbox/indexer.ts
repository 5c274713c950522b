/**
 * Headers of messages: `TOP n k` (RFC 1939 §7), or RETR where a server has no TOP, become the list members of a row.
 * A batch is one transaction, so indexing can stop and go on anywhere. A message that can't be read is marked and
 * tried again later; it never blocks its neighbours.
 */
import { MAILBOX } from '../limits.ts';
import { summarize } from '../mime/message.ts';
import { OutlineParser } from '../mime/outline.ts';
import { top } from '../pop3/command.ts';
import { Pop3Error } from '../pop3/error.ts';
import type { Context } from './context.ts';
import { MailboxError, refusal } from './failure.ts';
import type { Fetcher } from './fetcher.ts';
import { backoff } from './health.ts';
import { hex } from './hex.ts';
import type { Job, OpenSession } from './line.ts';
import { locate } from './listing.ts';
import type { Indexed, MessageRow } from './store/message-store.ts';
import { fingerprint } from './summary.ts';

export class Indexer {
  readonly #context: Context;
  readonly #fetcher: Fetcher;

  constructor(context: Context, fetcher: Fetcher) {
    this.#context = context;
    this.#fetcher = fetcher;
  }

  /** Indexes `rows` in a session of their own turn. */
  async index(rows: readonly MessageRow[], priority: Job<unknown>['priority']): Promise<void> {
    if (rows.length === 0) return;
    const job = { fresh: false, linger: priority === 'interactive', priority };
    await this.#context.line.use({ ...job, work: (open) => this.#index(open, rows, Number.POSITIVE_INFINITY) });
  }

  /** Indexes up to `count` of the newest messages within a job that holds the session, for `time` milliseconds at most. */
  async newest(open: OpenSession, count: number, time: number): Promise<void> {
    const { store, deps } = this.#context;
    const rows = store.messages.unindexed(MAILBOX.indexedMessages, deps.now(), count);
    await this.#index(open, rows, deps.now() + time);
  }

  async #index(open: OpenSession, rows: readonly MessageRow[], until: number): Promise<void> {
    const numbers = await locate(open, rows, this.#context);
    const present = rows.flatMap((row) => {
      const number = numbers.get(row.created);
      return number === undefined ? [] : [{ row, number }];
    });
    const { capabilities } = open.session;
    const refused = capabilities && !capabilities.top ? present : await this.#byTop(open, present, until);
    await this.#byRetr(open, refused, until);
  }

  /** Returns those that a server which doesn't tell its capabilities refused to TOP: it may know RETR alone. */
  async #byTop(open: OpenSession, present: readonly Located[], until: number): Promise<Located[]> {
    const refused: Located[] = [];
    const batch: Omit<Indexed, 'place'>[] = [];
    let next = 0;
    try {
      for await (const reply of open.session.run(present.map(({ number }) => top(number, MAILBOX.previewLines)))) {
        const located = present[next];
        if (!located) break;
        if (reply.ok) batch.push(await this.#summary(located.row, await collect(reply.body)));
        else if (open.session.capabilities === null) refused.push(located);
        else this.#failed(located.row);
        next += 1;
        if (batch.length >= MAILBOX.indexBatch) this.#commit(batch);
        if (this.#context.deps.now() > until) break;
      }
    } catch (error) {
      const current = present[next];
      if (current && error instanceof Pop3Error && error.failure.kind === 'protocol') {
        // One monstrous message is that message's fault, not the account's.
        this.#failed(current.row);
        throw refusal(error.failure);
      }
      throw error;
    } finally {
      this.#commit(batch);
    }
    return refused;
  }

  async #byRetr(open: OpenSession, present: readonly Located[], until: number): Promise<void> {
    for (const { row, number } of present) {
      if (this.#context.deps.now() > until) return;
      try {
        await this.#fetcher.retrieve(open, row, number);
      } catch (error) {
        if (!(error instanceof MailboxError) || !open.session.usable) throw error;
      }
    }
  }

  async #summary(row: MessageRow, octets: Uint8Array): Promise<Omit<Indexed, 'place'>> {
    const { account } = this.#context;
    const parser = new OutlineParser();
    parser.push(octets);
    const outline = parser.end();
    const read = (start: number, end: number): Promise<Uint8Array> => Promise.resolve(octets.subarray(start, end));
    const summary = await summarize(outline, read, { whole: false });
    return {
      created: row.created,
      summary: hex(await account.vault.sealJson(summary, row.id, 'summary')),
      fingerprint: hex(await fingerprint(outline, read, row.size, account.vault)),
    };
  }

  #commit(batch: Omit<Indexed, 'place'>[]): void {
    if (batch.length === 0) return;
    const rows = batch.splice(0);
    const { store } = this.#context;
    store.transaction(() => {
      const first = store.account.takePlaces(rows.length);
      store.messages.index(rows.map((row, index) => ({ ...row, place: first + index })));
    });
  }

  #failed(row: MessageRow): void {
    const { store, deps } = this.#context;
    store.messages.readFailed(row.created, deps.now() + backoff(row.tries + 1));
  }
}

interface Located {
  readonly row: MessageRow;
  readonly number: number;
}

/** One TOP reply as a whole: it is bounded by the command's own limit. */
async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let octets = 0;
  for await (const chunk of body) {
    chunks.push(chunk.slice());
    octets += chunk.length;
  }
  const whole = new Uint8Array(octets);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
