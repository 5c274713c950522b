/**
 * Whole messages: RETR (RFC 1939 §5) goes octet by octet into a copy and through the MIME outline, once, at the server's
 * pace. Callers that want the same message share the transfer. A message cut off before its terminator is no message.
 */
import { MAILBOX } from '../limits.ts';
import { OutlineParser } from '../mime/outline.ts';
import { summarize } from '../mime/message.ts';
import { retr } from '../pop3/command.ts';
import { Pop3Error } from '../pop3/error.ts';
import type { Context } from './context.ts';
import type { CopyWriter } from './copies.ts';
import { MailboxError, refusal } from './failure.ts';
import { backoff } from './health.ts';
import { fingerprint, sameSummary } from './summary.ts';
import type { OpenSession } from './line.ts';
import { locate } from './listing.ts';
import type { MessageRow } from './store/message-store.ts';

/** A transfer under way. `started`: the server agreed to send; `done`: the copy is complete. Both fail together. */
export interface Transfer {
  readonly started: Promise<void>;
  readonly done: Promise<void>;
}

export class Fetcher {
  readonly #context: Context;
  readonly #running = new Map<number, Transfer>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Fetches a message for somebody who waits for it, or joins the transfer that is under way. */
  fetch(row: MessageRow): Transfer {
    const running = this.#running.get(row.created);
    if (running) return running;
    const { promise: started, resolve, reject } = Promise.withResolvers<void>();
    const done = this.#context.line
      .use({ fresh: false, linger: true, priority: 'interactive', work: (open) => this.#locateAndRetrieve(open, row, resolve) })
      .finally(() => this.#running.delete(row.created));
    done.catch(reject);
    // Whoever waits sees the failure; that nobody may be waiting for one of the two is no reason to end the object.
    started.catch(() => undefined);
    const transfer = { started, done };
    this.#running.set(row.created, transfer);
    return transfer;
  }

  /** RETR of message `number` into a complete copy, within a job that holds the session. */
  async retrieve(open: OpenSession, row: MessageRow, number: number, started: () => void = () => undefined): Promise<void> {
    if (open.failed.has(row.created)) throw unreadable();
    for await (const reply of open.session.run([retr(number, row.size)])) {
      if (!reply.ok) {
        open.failed.add(row.created);
        this.#readFailed(row);
        throw refusal(reply.failure);
      }
      const writer = this.#context.copies.begin(row);
      try {
        started();
        await this.#store(row, reply.body, writer);
        writer.settle(null);
      } catch (error) {
        writer.settle(error);
        if (error instanceof Pop3Error && error.failure.kind === 'protocol') this.#readFailed(row);
        throw error;
      }
    }
  }

  async #locateAndRetrieve(open: OpenSession, row: MessageRow, started: () => void): Promise<void> {
    if (this.#context.copies.isComplete(row.created)) return started();
    const number = (await locate(open, [row], this.#context)).get(row.created);
    if (number === undefined) throw new MailboxError({ kind: 'message_gone' });
    await this.retrieve(open, row, number, started);
  }

  async #store(row: MessageRow, body: AsyncIterable<Uint8Array>, writer: CopyWriter): Promise<void> {
    const { account, copies, store } = this.#context;
    const parser = new OutlineParser();
    for await (const chunk of body) {
      parser.push(chunk);
      await writer.push(chunk);
    }
    await writer.flush();
    const outline = parser.end();
    const read = (start: number, end: number): Promise<Uint8Array> => copies.read(row, start, Math.min(end, writer.octets));
    const summary = await summarize(outline, read, { whole: true });
    const known = row.summary ? await account.vault.openJson(row.summary, row.id, 'summary') : null;
    const changed = !sameSummary(known, summary);
    const box = changed ? await account.vault.sealJson(summary, row.id, 'summary') : null;
    const print = await fingerprint(outline, read, row.size, account.vault);
    const outlineBox = await account.vault.sealJson(outline, row.id, 'outline');
    const scratch = writer.octets > account.settings.cache.maxMessageBytes;
    store.transaction(() => {
      store.copies.complete(row.created, writer.octets, scratch, outlineBox);
      store.messages.setFull(row.created, box ? { place: store.account.takePlaces(1), summary: box, fingerprint: print } : null);
    });
  }

  #readFailed(row: MessageRow): void {
    this.#context.store.messages.readFailed(row.created, this.#context.deps.now() + backoff(row.tries + 1));
  }
}

function unreadable(): MailboxError {
  const upstream = { phase: 'retr', responseCode: null, text: null };
  return new MailboxError({ kind: 'upstream_refused', upstream, retryAfterSeconds: MAILBOX.backoffFirst / 1000 });
}
