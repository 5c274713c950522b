/** Messages: what a listing and a reading ask for, and how messages are shown. */
import { z } from '../zod.ts';
import { MIME } from '../../limits.ts';
import type { ListItem, MessageView, SyncView } from '../../mailbox/rpc.ts';
import { cursor, maxAge, pageSize, wholeNumber } from './input.ts';

const instant = z.string().openapi({ format: 'date-time', example: '2026-11-20T10:23:45.000Z' });
const addresses = z.array(z.object({ name: z.string(), address: z.string() }).openapi('Address'));

const listItem = {
  id: z.string().openapi({ description: 'Given when the message is first listed; never changed.', example: 'kQ3vW0cJ8mX2dYf1sTnRrA' }),
  uidl: z.string().nullable(),
  size: z.int().openapi({ description: 'Octets, as the mail server counts them.' }),
  detail: z.enum(['uidl', 'headers', 'full']).openapi({ description: 'How much is known of the message.' }),
  subject: z.string().nullable(),
  from: addresses,
  to: addresses,
  cc: addresses,
  bcc: addresses,
  replyTo: addresses,
  sender: addresses,
  date: instant.nullable(),
  receivedAt: instant.nullable().openapi({ description: "The topmost Received field's date." }),
  messageId: z.string().nullable(),
  inReplyTo: z.array(z.string()),
  references: z.array(z.string()),
  preview: z.string().nullable(),
  hasAttachments: z.boolean().nullable(),
  firstSeenAt: instant,
};

export const Item = z.object(listItem).openapi('MessageListItem') satisfies z.ZodType<ListItem>;

export const Sync = z
  .object({
    state: z.string().nullable(),
    checkedAt: instant.nullable(),
    stale: z.boolean().openapi({ description: 'The mail server could not be asked; this is what was known before.' }),
    problem: z.string().nullable().openapi({ description: 'The code of why it could not be asked.' }),
  })
  .openapi('Sync') satisfies z.ZodType<SyncView>;

const ITEM_MEMBERS = new Set(Object.keys(listItem));

/** Names of list members, comma-separated; empty or absent: all (null). */
const fields = z
  .string()
  .default('')
  .transform((value) => (value === '' ? null : [...new Set(value.split(','))]))
  .refine((names) => names === null || names.every((name) => ITEM_MEMBERS.has(name)), `Must be names of: ${[...ITEM_MEMBERS].join(', ')}.`)
  .openapi({ type: 'string', description: 'The members wanted, comma-separated; `id` always comes.', example: 'subject,from,date' });

export const MessagesQuery = z.strictObject({
  limit: pageSize(50),
  cursor,
  order: z.enum(['newest', 'oldest']).default('newest').openapi({ description: 'By arrival, not by the date that a message claims.' }),
  fields,
  maxAge,
});

export const MessageList = z
  .object({
    data: z.array(
      z
        .object({ ...listItem })
        .partial()
        .openapi('PartialMessageListItem'),
    ),
    nextCursor: z.string().nullable(),
    total: z.int(),
    sync: Sync,
  })
  .openapi('MessagePage');

export const MessageQuery = z.strictObject({
  html: z.enum(['safe', 'none', 'original']).default('safe').openapi({ description: '`original` is unsafe to show.' }),
  remote: z
    .enum(['blocked', 'allowed'])
    .default('blocked')
    .openapi({ description: '`allowed`: `https:` sources of images stay in the safe HTML; whoever shows it tells their servers so.' }),
  inline: z.enum(['none', 'tickets']).default('none').openapi({
    description:
      'What the sources of images inside the message become in the safe HTML: `data-cid`, or signed URLs that are good for at least fifteen minutes, unless the token ends before.',
  }),
  maxBodyBytes: wholeNumber(1, MIME.bodyOctets, MIME.bodyOctets, 'The text and the HTML are cut to this many octets.'),
});

export const AttachmentQuery = z.strictObject({
  disposition: z.enum(['attachment', 'inline']).default('attachment').openapi({
    description: '`inline`: to be shown, if its first octets are those of a PNG, JPEG, GIF, WebP, AVIF or PDF; else it stays a download.',
  }),
});

const AttachmentItem = z
  .object({
    id: z.string().openapi({ description: 'The MIME part path.', example: '1.3' }),
    filename: z.string().nullable(),
    contentType: z.string(),
    size: z.int().openapi({ description: 'Octets, decoded.' }),
    sha256: z.string(),
    disposition: z.enum(['attachment', 'inline']).nullable(),
    contentId: z.string().nullable(),
    inline: z.boolean(),
    url: z.string(),
  })
  .openapi('Attachment');

export const Message = z
  .object({
    ...listItem,
    headers: z
      .array(z.tuple([z.string(), z.string()]))
      .openapi({ description: "Name and value, in the message's order, unfolded, not decoded." }),
    text: z.string().nullable(),
    html: z.string().nullable(),
    textTruncated: z.boolean(),
    htmlTruncated: z.boolean(),
    htmlMode: z.enum(['safe', 'none', 'original']),
    remoteContent: z.object({ blocked: z.int() }),
    attachments: z.array(AttachmentItem),
    defects: z.array(z.string()),
  })
  .openapi('Message') satisfies z.ZodType<MessageView>;
