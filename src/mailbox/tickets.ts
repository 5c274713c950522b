/**
 * Signed URLs of an account, in the name of whoever asks for them: by request, and in the HTML of a message for the
 * pictures that it brings itself. No ticket outlives what it was issued with: the token, or another ticket.
 */
import { issueTicket } from '../crypto/ticket.ts';
import { HTTP, MAILBOX } from '../limits.ts';
import type { Holder } from './access.ts';
import type { Context } from './context.ts';
import { MailboxError } from './failure.ts';
import type { Attachment, Ticket } from './rpc.ts';

/** A ticket for `path` (with its query) that lives `seconds` at most. A path of anything but this account is `invalid`. */
export function newTicket(path: string, seconds: number, holder: Holder, { account, deps }: Context): Ticket {
  const base = `/v1/accounts/${account.id}`;
  if (!path.startsWith(base) || !/^(?:[/?]|$)/.test(path.slice(base.length)) || path.length > HTTP.ticketPath)
    throw new MailboxError({ kind: 'invalid', pointer: '/path', detail: 'Must be a path of this account.' });
  const end = lasting(deps.now() + Math.min(seconds, HTTP.ticketSecondsMost) * 1000, holder);
  return { url: ticketed(path, end, holder, account), expiresAt: new Date(end).toISOString() };
}

/** Tickets for the HTML of messages that leads to the gateway at `origin`; null where none are asked for. */
export function pictureTickets(origin: string | null | undefined, holder: Holder, context: Context): PictureTickets | null {
  return typeof origin === 'string' ? new PictureTickets(origin, holder, context) : null;
}

/** Signed URLs for the attachments that a message's HTML shows. */
export class PictureTickets {
  /** All that they depend on beside the message: the same within a span of time, for the same holder. */
  readonly variant: readonly unknown[];
  readonly #origin: string;
  readonly #holder: Holder;
  readonly #account: Context['account'];
  readonly #end: number;

  /** `origin`: of the gateway, as the caller knows it; HTML is shown in pages of others. */
  constructor(origin: string, holder: Holder, { account, deps }: Context) {
    const span = MAILBOX.ticketSpan;
    this.#origin = origin;
    this.#holder = holder;
    this.#account = account;
    this.#end = lasting((Math.floor(deps.now() / span) + 2) * span, holder);
    this.variant = [origin, holder.token?.id ?? null, this.#end];
  }

  /** Where a content id leads (RFC 2392), for one message; null for one that no attachment has. */
  sources(attachments: readonly Attachment[]): (contentId: string) => string | null {
    const paths = new Map<string, string>();
    for (const { contentId, url } of attachments)
      if (contentId !== null && !paths.has(contentId)) paths.set(contentId, `${url}?disposition=inline`);
    let left: number = MAILBOX.ticketedSources;
    return (contentId) => {
      const path = paths.get(contentId);
      if (path === undefined || left-- <= 0) return null;
      return this.#origin + ticketed(path, this.#end, this.#holder, this.#account);
    };
  }
}

function lasting(end: number, { until }: Holder): number {
  return Math.min(end, until ?? end);
}

function ticketed(path: string, end: number, { token }: Holder, { vault, id }: Context['account']): string {
  const ticket = issueTicket(vault, id, path, { token: token?.id ?? null, end });
  return `${path}${path.includes('?') ? '&' : '?'}ticket=${ticket}`;
}
