/**
 * One message for a caller: as JSON, as its octets, or one of its parts. What is here is read from the sealed rows;
 * what isn't is fetched first. A message gone upstream stays readable while its octets are held.
 */
import { compose } from '../mime/message.ts';
import { attachments, findPart, type Outline } from '../mime/outline.ts';
import { sniffedType } from '../mime/sniff.ts';
import { MAILBOX } from '../limits.ts';
import type { Budget } from './budget.ts';
import { names, notModified, spanOf } from './conditions.ts';
import type { Context } from './context.ts';
import { MailboxError, overloaded } from './failure.ts';
import type { Fetcher } from './fetcher.ts';
import { needsContent, someOf } from './item.ts';
import { PartContent } from './part-content.ts';
import type * as rpc from './rpc.ts';
import type { MessageRow } from './store/message-store.ts';
import { byteStream } from './stream.ts';
import type { PictureTickets } from './tickets.ts';
import { type Digest, messageTag, openDigest, partTag } from './validator.ts';

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

  /** The whole message, fetched first where it isn't here. */
  async message(id: string, query: rpc.MessageQuery, budget: Budget, tickets: PictureTickets | null = null): Promise<rpc.MessageView> {
    return (await this.members(this.row(id), { ...query, fields: null }, budget, tickets)) as rpc.MessageView;
  }

  /** Of the whole message the members that `query.fields` names (null: all); `id` always comes. */
  async members(
    before: MessageRow,
    query: rpc.MessageQuery & Pick<rpc.BatchQuery, 'fields'>,
    budget: Budget,
    tickets: PictureTickets | null = null,
  ): Promise<Partial<rpc.MessageView>> {
    const { copies } = this.#context;
    return this.#holding(before, async () => {
      const outline = await this.#outline(before, budget);
      const row = this.row(before.id);
      const listed = this.#attachments(outline, row.id);
      const { html, maxBodyBytes, remote = 'blocked', fields } = query;
      const options = { html, maxBodyBytes, remote, sources: tickets?.sources(listed) ?? null };
      const read = (start: number, end: number): Promise<Uint8Array> => copies.read(row, start, end);
      const content = needsContent(fields) ? await compose(outline, read, options) : {};
      const members = { ...(await someOf(row, this.#context, fields)), ...content, attachments: listed };
      return fields === null ? members : chosen(members, fields);
    });
  }

  /** The same with its tag, unless the caller's tag shows that it has it; that is told without a session. */
  async taggedMessage(
    id: string,
    query: rpc.MessageQuery,
    ifNoneMatch: rpc.EntityTags | null,
    tickets: PictureTickets | null,
    budget: Budget,
  ): Promise<rpc.Conditional<{ message: rpc.MessageView; etag: string }>> {
    const known = await this.#messageTag(this.row(id), query, tickets);
    if (ifNoneMatch !== null && known !== null && names(ifNoneMatch, known)) return { notModified: true, etag: known };
    const message = await this.message(id, query, budget, tickets);
    const etag = await this.#messageTag(this.row(id), query, tickets);
    // The copy that it was just made from can't be without a digest.
    if (etag === null) throw overloaded();
    return { notModified: false, message, etag };
  }

  /** The octets as the server sent them. Of a message still arriving, what has come and then the rest. */
  async raw(id: string, query: rpc.OctetsQuery, budget: Budget): Promise<rpc.Conditional<rpc.Octets>> {
    const row = this.row(id);
    const digest = await this.#digest(row);
    if (notModified(query, digest?.sha256 ?? null)) return { notModified: true, etag: digest?.sha256 ?? '' };
    if (!query.body) return unsent(digest);
    return this.#holding(row, (over) => this.#octets(row, query, budget, over));
  }

  async #octets(row: MessageRow, query: rpc.OctetsQuery, budget: Budget, over: () => void): Promise<rpc.Conditional<rpc.Octets>> {
    const { copies } = this.#context;
    let outline = await copies.outline(row);
    // Where a range begins is known at once; whether it is there, and of what, once all of it is here. A short message soon is; one
    // whose size the server doesn't tell may be of any.
    const isShort = row.size > 0 && row.size <= MAILBOX.rowOctets;
    if (!outline && (query.range !== null || isShort)) outline = await this.#outline(row, budget);
    if (!outline) {
      await budget.wait(this.#transfer(row).started);
      return { ...unsent(null), body: byteStream(copies.follow(row, 0, null), over) };
    }
    const range = spanOf(query, outline.octets, outline.sha256);
    const { start, end } = range ?? { start: 0, end: outline.octets };
    // A stream costs more than the octets of a short message, which are held anyway.
    const fits = outline.octets <= MAILBOX.rowOctets;
    const body = fits ? await copies.read(row, start, end) : byteStream(copies.follow(row, start, end), over);
    return { ...unsent(outline), range, body };
  }

  /** One decoded part; a path that names no attachment is `not_found`. */
  async attachment(id: string, path: string, query: rpc.AttachmentQuery, budget: Budget): Promise<rpc.Conditional<rpc.AttachmentOctets>> {
    const row = this.row(id);
    const { account } = this.#context;
    const digest = await this.#digest(row);
    const known = digest && partTag(row, digest, path, account.vault);
    // `*` asks whether there is such a part; a tag that we gave proves it.
    if (known !== null && Array.isArray(query.ifNoneMatch) && notModified(query, known)) return { notModified: true, etag: known };
    return this.#holding(row, (over) => this.#part(row, path, query, budget, over));
  }

  async #part(
    row: MessageRow,
    path: string,
    query: rpc.AttachmentQuery,
    budget: Budget,
    over: () => void,
  ): Promise<rpc.Conditional<rpc.AttachmentOctets>> {
    const { copies, account } = this.#context;
    const outline = await this.#outline(row, budget);
    const attachment = this.#attachments(outline, row.id).find((candidate) => candidate.id === path);
    const part = findPart(outline, path);
    if (!attachment || !part) throw new MailboxError({ kind: 'not_found' });
    const etag = partTag(row, outline, path, account.vault);
    if (notModified(query, etag)) return { notModified: true, etag };
    const content = new PartContent(part, (start, end) => copies.follow(row, start, end));
    const recognised = query.recognise ? sniffedType(await content.head(MAILBOX.magicOctets)) : null;
    const { size, sha256 } = attachment;
    const range = query.body ? spanOf(query, size, etag) : null;
    const { start, end } = range ?? { start: 0, end: size };
    const body = query.body ? byteStream(content.octets(start, end), over) : null;
    return { notModified: false, body, range, size, sha256, etag, attachment, recognised };
  }

  /** Keeps a message's copy while `work` is at it and, where that gives a stream, until `over` is called. */
  async #holding<T extends object>(row: MessageRow, work: (over: () => void) => Promise<T>): Promise<T> {
    const unpin = this.#context.copies.pin(row.created);
    let streams = false;
    try {
      const result = await work(unpin);
      streams = 'body' in result && result.body instanceof ReadableStream;
      return result;
    } finally {
      if (!streams) unpin();
    }
  }

  /** What is known of a message's octets without asking the server; `message_gone` where nobody has them any more. */
  async #digest(row: MessageRow): Promise<Digest | null> {
    const { copies, account } = this.#context;
    if (row.destroyed !== null && !copies.isComplete(row.created)) throw new MailboxError({ kind: 'message_gone' });
    return (await openDigest(row, account.vault)) ?? (await copies.outline(row));
  }

  async #messageTag(row: MessageRow, query: rpc.MessageQuery, tickets: PictureTickets | null): Promise<string | null> {
    const digest = await this.#digest(row);
    const { html, maxBodyBytes, remote = 'blocked' } = query;
    const asked = [html, maxBodyBytes, remote, tickets?.variant ?? null];
    return digest && messageTag(row, digest, asked, this.#context.account.vault);
  }

  async #outline(row: MessageRow, budget: Budget): Promise<Outline> {
    const { copies } = this.#context;
    const held = await copies.outline(row);
    if (held) return held;
    await budget.wait(this.#transfer(row).done);
    const fetched = await copies.outline(row);
    if (!fetched) throw overloaded();
    return fetched;
  }

  #transfer(row: MessageRow): ReturnType<Fetcher['fetch']> {
    if (row.destroyed !== null) throw new MailboxError({ kind: 'message_gone' });
    return this.#fetcher.fetch(row);
  }

  #attachments(outline: Outline, id: string): rpc.Attachment[] {
    const base = `/v1/accounts/${this.#context.account.id}/messages/${id}/attachments`;
    return attachments(outline).map((attachment) => ({ ...attachment, url: `${base}/${attachment.id}` }));
  }
}

/** Those of the members that were asked for. */
function chosen(members: Partial<rpc.MessageView>, fields: readonly string[]): Partial<rpc.MessageView> {
  return Object.fromEntries(Object.entries(members).filter(([name]) => name === 'id' || fields.includes(name)));
}

/** What is known of octets, none of which are sent. */
function unsent(digest: Digest | null): { notModified: false } & rpc.Octets {
  const sha256 = digest?.sha256 ?? null;
  return { notModified: false, body: null, range: null, size: digest?.octets ?? null, sha256, etag: sha256 };
}
