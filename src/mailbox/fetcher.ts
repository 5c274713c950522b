/**
 * Whole messages: RETR (RFC 1939 §5) goes octet by octet into a copy and through the MIME outline, once, at the server's
 * pace. Callers that want the same message share the transfer. A message cut off before its terminator is no message.
 */
import { MAILBOX, RETRY_AFTER } from '../limits.ts';
import { OutlineParser } from '../mime/outline.ts';
import { summarize } from '../mime/message.ts';
import { type Command, retr } from '../pop3/command.ts';
import type { Reply } from '../pop3/session.ts';
import { askByNumber } from './assumption.ts';
import type { Context } from './context.ts';
import type { CopyWriter } from './copy-writer.ts';
import { disbelieve } from './disbelief.ts';
import { MailboxError, overloaded, refusal, unbelieved } from './failure.ts';
import { backoff } from './health.ts';
import { areOfTwo, fingerprint, sameSummary } from './summary.ts';
import { sealDigest } from './validator.ts';
import type { OpenSession } from './line.ts';
import type { MessageRow } from './store/message-store.ts';
import { Transfer } from './transfer.ts';

export class Fetcher {
  readonly #context: Context;
  readonly #running = new Map<number, Transfer>();
  /** Begun and not taken up by a job yet. */
  readonly #waiting: Transfer[] = [];
  #collecting = false;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Fetches a message for somebody who waits for it, or joins the transfer that is under way. */
  fetch(row: MessageRow): Transfer {
    const transfer = this.#join(row, () => true);
    this.#collect();
    return transfer;
  }

  /**
   * Fetches messages in the order given; those on their way already are joined. One that fails doesn't stop the others.
   * `wanted` is asked before each RETR: once it is false, what nobody else waits for is `overloaded`.
   */
  fetchAll(rows: readonly MessageRow[], wanted: () => boolean): Transfer[] {
    const transfers = rows.map((row) => this.#join(row, wanted));
    this.#collect();
    return transfers;
  }

  /** RETR of message `number` into a complete copy, within a job that holds the session. */
  async retrieve(open: OpenSession, row: MessageRow, number: number): Promise<void> {
    if (open.failed.has(row.created)) throw unreadable();
    for await (const reply of open.session.run([retr(number, row.size)])) await this.#receive(open, row, reply, () => undefined);
  }

  /** The transfer of a message that is under way, or a new one, which is `overloaded` where too many wait. */
  #join(row: MessageRow, wanted: () => boolean): Transfer {
    const running = this.#running.get(row.created);
    if (running) {
      running.shared = true;
      return running;
    }
    const transfer = new Transfer(row, wanted, () => this.#running.delete(row.created));
    this.#running.set(row.created, transfer);
    if (this.#waiting.length < MAILBOX.fetchesWaiting) this.#waiting.push(transfer);
    else transfer.fail(overloaded());
    return transfer;
  }

  /** One job for all who wait. What is asked for while it is at work goes into its flight: many callers cost few round trips. */
  #collect(): void {
    if (this.#collecting || this.#waiting.length === 0) return;
    this.#collecting = true;
    const taken: Transfer[] = [];
    this.#context.line
      .use({ fresh: false, linger: true, priority: 'interactive', work: (open) => this.#work(open, taken) })
      .catch((error: unknown) => {
        for (const transfer of [...taken, ...this.#waiting.splice(0)]) transfer.fail(error);
      })
      .finally(() => {
        this.#collecting = false;
        this.#collect();
      });
  }

  /** Fetches what waits and comes to wait meanwhile, within bounds. A job that is run again in another session goes on with `taken`. */
  async #work(open: OpenSession, taken: Transfer[]): Promise<void> {
    const take = (): Transfer | null => {
      const next = taken.length < MAILBOX.fetchedInTurn ? this.#waiting.shift() : undefined;
      if (next) taken.push(next);
      return next ?? null;
    };
    let left = taken.filter((transfer) => !transfer.settled);
    for (;;) {
      while (left.length < MAILBOX.fetchedAtOnce) {
        const next = take();
        if (!next) break;
        left.push(next);
      }
      if (left.length === 0) return;
      await this.#retrieveAll(open, left, () => take()?.row ?? null);
      left = [];
    }
  }

  /** Throws only what ends the session; those without an outcome may then be tried in another one. */
  async #retrieveAll(open: OpenSession, transfers: readonly Transfer[], more: () => MessageRow | null): Promise<void> {
    const rows = transfers.map((transfer) => transfer.row);
    // Asked as the session sends them, so that it is asked as late as can be whether they are wanted.
    const command = (row: MessageRow, number: number): Command | null => {
      const transfer = this.#running.get(row.created);
      return transfer && this.#isNeeded(open, transfer) ? retr(number, row.size) : null;
    };
    const read: number[] = [];
    try {
      for await (const { row, reply } of askByNumber(open, { rows, more }, command, this.#context)) {
        const transfer = this.#running.get(row.created);
        if (!transfer) continue;
        if (!reply) {
          this.#absent(open, transfer);
          continue;
        }
        if (await this.#take(open, transfer, reply)) read.push(row.created);
      }
    } catch (error) {
      if (open.session.mixedUp) disbelieve(read, this.#context);
      throw error;
    }
  }

  /** Gives a transfer its outcome; whether the message is here now. Throws what ends the session, or all hope for the next message. */
  async #take(open: OpenSession, transfer: Transfer, reply: Reply): Promise<boolean> {
    try {
      await this.#receive(open, transfer.row, reply, () => transfer.start());
      transfer.finish();
      return true;
    } catch (error) {
      // Where there is no room for one message there is none for the next.
      if (!open.session.usable || isOverloaded(error)) {
        transfer.restart();
        throw error;
      }
      transfer.fail(error);
      return false;
    }
  }

  /** The session doesn't list the message. */
  #absent(open: OpenSession, transfer: Transfer): void {
    if (this.#context.copies.isComplete(transfer.row.created)) transfer.finish();
    else transfer.fail(open.listed ? new MailboxError({ kind: 'message_gone' }) : unbelieved());
  }

  /** Whether RETR is to be sent. If not, the transfer has its outcome. */
  #isNeeded(open: OpenSession, transfer: Transfer): boolean {
    const { created } = transfer.row;
    if (this.#context.copies.isComplete(created)) transfer.finish();
    else if (open.failed.has(created)) transfer.fail(unreadable());
    else if (!transfer.wanted) transfer.fail(overloaded());
    else return true;
    return false;
  }

  /** Stores what RETR brings. Throws the refusal, or what cut it off. */
  async #receive(open: OpenSession, row: MessageRow, reply: Reply, started: () => void): Promise<void> {
    if (!reply.ok) {
      open.failed.add(row.created);
      this.#readFailed(row);
      throw refusal(reply.failure);
    }
    const writer = this.#context.copies.begin(row, row.size);
    try {
      started();
      await this.#store(open, row, reply.body, writer);
      writer.settle(null);
    } catch (error) {
      writer.settle(error);
      throw error;
    }
  }

  async #store(open: OpenSession, row: MessageRow, body: AsyncIterable<Uint8Array>, writer: CopyWriter): Promise<void> {
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
    if (areOfTwo(known, summary)) throw this.#another(open, row);
    const [box, print, outlineBox, digest] = await Promise.all([
      sameSummary(known, summary) ? null : account.vault.sealJson(summary, row.id, 'summary'),
      fingerprint(outline, read, row.size, account.vault),
      account.vault.sealJson(outline, row.id, 'outline'),
      sealDigest(outline, row, account.vault),
    ]);
    const scratch = writer.octets > account.settings.cache.maxMessageBytes;
    store.transaction(() => {
      writer.complete(scratch, outline, outlineBox);
      const change = box ? { place: store.account.takePlaces(1), summary: box, fingerprint: print, size: row.size } : null;
      store.details.setFull(row.created, digest, change);
    });
  }

  /** The server has given the UIDL to another message: the row loses it, and the next listing says who is where. */
  #another(open: OpenSession, row: MessageRow): MailboxError {
    const { store } = this.#context;
    open.failed.add(row.created);
    store.transaction(() => {
      store.keys.unkey([row.created]);
      store.account.doubtHint();
    });
    return unbelieved('The mail server has another message under this UIDL now. Where this one is will show.');
  }

  #readFailed(row: MessageRow): void {
    this.#context.store.details.readFailed(row.created, this.#context.deps.now() + backoff(row.tries + 1));
  }
}

function unreadable(): MailboxError {
  const upstream = { phase: 'retr', responseCode: null, text: null };
  return new MailboxError({ kind: 'upstream_refused', upstream, retryAfterSeconds: RETRY_AFTER.upstream });
}

function isOverloaded(error: unknown): boolean {
  return error instanceof MailboxError && error.failure.kind === 'overloaded';
}
