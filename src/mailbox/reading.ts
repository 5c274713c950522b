/**
 * One message for a caller: as JSON, as its octets, or one of its parts. What is here is read from the sealed rows;
 * what isn't is fetched first. A message gone upstream stays readable while its octets are held.
 */
import { Decoder } from '../mime/decode.ts';
import { compose } from '../mime/message.ts';
import { attachments, findPart, type Outline } from '../mime/outline.ts';
import type { Budget } from './budget.ts';
import type { Context } from './context.ts';
import { MailboxError } from './failure.ts';
import type { Fetcher } from './fetcher.ts';
import { listItem } from './item.ts';
import type { Attachment, AttachmentContent, MessageQuery, MessageView, RawMessage } from './rpc.ts';
import type { MessageRow } from './store/message-store.ts';
import { byteStream } from './stream.ts';

export class Reading {
  readonly #context: Context;
  readonly #fetcher: Fetcher;

  constructor(context: Context, fetcher: Fetcher) {
    this.#context = context;
    this.#fetcher = fetcher;
  }

  /** The row of a message id; an id never given is `not_found`. */
  row(id: string): MessageRow {
    const row = this.#context.store.messages.byId(id);
    if (!row) throw new MailboxError({ kind: 'not_found' });
    return row;
  }

  async message(id: string, query: MessageQuery, budget: Budget): Promise<MessageView> {
    const { copies, account } = this.#context;
    const outline = await this.#outline(this.row(id), budget);
    const row = this.row(id);
    const content = await compose(outline, (start, end) => copies.read(row, start, end), query);
    return {
      ...(await listItem(row, account)),
      ...content,
      attachments: this.#attachments(outline, id),
    };
  }

  /** The octets as the server sent them. Of a message still arriving, what has come and then the rest. */
  async raw(id: string, budget: Budget): Promise<RawMessage> {
    const row = this.row(id);
    const { copies } = this.#context;
    const outline = await copies.outline(row);
    if (!outline) await budget.wait(this.#transfer(row).started);
    return {
      stream: byteStream(copies.follow(row, 0, outline?.octets ?? null)),
      size: outline?.octets ?? null,
      sha256: outline?.sha256 ?? null,
    };
  }

  /** One decoded part; a path that names no attachment is `not_found`. */
  async attachment(id: string, path: string, budget: Budget): Promise<AttachmentContent> {
    const row = this.row(id);
    const outline = await this.#outline(row, budget);
    const attachment = this.#attachments(outline, id).find((candidate) => candidate.id === path);
    const part = findPart(outline, path);
    if (!attachment || !part) throw new MailboxError({ kind: 'not_found' });
    return { stream: byteStream(this.#decoded(row, part)), attachment };
  }

  async *#decoded(row: MessageRow, part: { bodyStart: number; bodyEnd: number; encoding: string }): AsyncGenerator<Uint8Array> {
    const decoder = new Decoder(part.encoding);
    for await (const chunk of this.#context.copies.follow(row, part.bodyStart, part.bodyEnd)) yield decoder.push(chunk);
    yield decoder.end();
  }

  async #outline(row: MessageRow, budget: Budget): Promise<Outline> {
    const { copies } = this.#context;
    const held = await copies.outline(row);
    if (held) return held;
    await budget.wait(this.#transfer(row).done);
    const fetched = await copies.outline(row);
    if (!fetched) throw new MailboxError({ kind: 'overloaded', retryAfterSeconds: 5 });
    return fetched;
  }

  #transfer(row: MessageRow): ReturnType<Fetcher['fetch']> {
    if (row.destroyed !== null) throw new MailboxError({ kind: 'message_gone' });
    return this.#fetcher.fetch(row);
  }

  #attachments(outline: Outline, id: string): Attachment[] {
    const base = `/v1/accounts/${this.#context.account.id}/messages/${id}/attachments`;
    return attachments(outline).map((attachment) => ({ ...attachment, url: `${base}/${attachment.id}` }));
  }
}
