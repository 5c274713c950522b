/** A ledger row as a list item of the contract. Boxes are opened only for the members that were asked for. */
import type { Summary } from '../mime/message.ts';
import type { Context } from './context.ts';
import type { ListItem } from './rpc.ts';
import type { MessageRow } from './store/message-store.ts';

const DETAILS = ['uidl', 'headers', 'full'] as const;

/** The list members of a message of which only the UIDL is known. */
export const UNKNOWN: Summary = {
  subject: null,
  from: [],
  to: [],
  cc: [],
  bcc: [],
  replyTo: [],
  sender: [],
  date: null,
  receivedAt: null,
  messageId: null,
  inReplyTo: [],
  references: [],
  preview: null,
  hasAttachments: null,
};

/** The members that come from headers; all others are known from the listing alone. */
const HEADER_MEMBERS: ReadonlySet<string> = new Set(Object.keys(UNKNOWN));

const LISTED_MEMBERS: ReadonlySet<string> = new Set(['id', 'uidl', 'size', 'detail', 'firstSeenAt'] satisfies (keyof ListItem)[]);

/** Whether any of `fields` (null: all) needs the message's headers. */
export function needsHeaders(fields: readonly string[] | null): boolean {
  return fields === null || fields.some((field) => HEADER_MEMBERS.has(field));
}

/** Whether any of `fields` (null: all) needs the whole message: none of a list item's members does. */
export function needsWhole(fields: readonly string[] | null): boolean {
  return fields === null || fields.some((field) => !HEADER_MEMBERS.has(field) && !LISTED_MEMBERS.has(field));
}

/** Whether any of `fields` (null: all) is made from the octets of the message: all but the list members and the attachments are. */
export function needsContent(fields: readonly string[] | null): boolean {
  return fields === null || fields.some((field) => field !== 'attachments' && !HEADER_MEMBERS.has(field) && !LISTED_MEMBERS.has(field));
}

/** Where a row's boxes are opened. */
type Shelf = Pick<Context, 'account' | 'uidls'>;

/** The whole list item of a row. */
export async function listItem(row: MessageRow, context: Shelf): Promise<ListItem> {
  return (await someOf(row, context, null)) as ListItem;
}

/** The members of a row's list item that were asked for; `id` always comes. */
export async function someOf(row: MessageRow, { account, uidls }: Shelf, fields: readonly string[] | null): Promise<Partial<ListItem>> {
  const wanted = (field: keyof ListItem): boolean => fields === null || fields.includes(field);
  const summary =
    row.summary && needsHeaders(fields) ? ((await account.vault.openJson(row.summary, row.id, 'summary')) as Summary) : UNKNOWN;
  const item: ListItem = {
    id: row.id,
    uidl: wanted('uidl') ? uidlText(await uidls.of(row)) : null,
    size: row.size,
    detail: DETAILS[row.detail],
    ...summary,
    firstSeenAt: new Date(row.first_seen).toISOString(),
  };
  if (fields === null) return item;
  return Object.fromEntries(Object.entries(item).filter(([name]) => name === 'id' || fields.includes(name)));
}

/** A UIDL is octets; it is shown as UTF-8 where it is that, else one character an octet. */
export function uidlText(octets: Uint8Array | null): string | null {
  if (octets === null) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return Array.from(octets, (octet) => String.fromCharCode(octet)).join('');
  }
}
