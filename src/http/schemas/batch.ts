/** Many messages in one call: what is asked for by ids, and what becomes of each. */
import { z } from '../zod.ts';
import { HTTP, MIME } from '../../limits.ts';
import { text } from './input.ts';
import { Message, MessageQuery } from './message.ts';
import { ProblemSchema } from './problem.ts';

/** Any text may be an id: one that can't be is not found, like any other that was never given. */
const id = text(HTTP.parameterCharacters).openapi({ example: 'kQ3vW0cJ8mX2dYf1sTnRrA' });

const ids = (most: number) => z.array(id).max(most).openapi({ description: 'Ids of messages. One that comes twice counts once.' });

const members = Object.keys(Message.shape) as [keyof typeof Message.shape, ...(keyof typeof Message.shape)[]];

export const BatchRequest = z
  .strictObject({
    ids: ids(HTTP.batchRead),
    fields: z
      .array(z.enum(members))
      .max(members.length)
      .nullable()
      .default(null)
      .openapi({
        description: 'The members wanted; `id` always comes. Null: all. Where a list item has them all, no message is read.',
        example: ['subject', 'text'],
      }),
    html: MessageQuery.shape.html,
    remote: MessageQuery.shape.remote,
    maxBodyBytes: z
      .int()
      .min(1)
      .max(MIME.bodyOctets)
      .default(MIME.bodyOctets)
      .openapi({ description: 'The text and the HTML of each message are cut to this many octets.' }),
  })
  .openapi('BatchRequest');

const part = z.object({ id: z.string(), problem: ProblemSchema });

export const Batch = z
  .object({
    data: z
      .array(
        z.union([
          z.object({
            id: z.string(),
            message: z
              .object({ ...Message.shape })
              .partial()
              .openapi('PartialMessage'),
          }),
          part,
        ]),
      )
      .openapi({ description: "In the order of `ids`. What time or room didn't suffice for is the problem `overloaded`." }),
  })
  .openapi('Batch');

export const DeleteRequest = z
  .strictObject({
    ids: ids(HTTP.batchDelete),
    dryRun: z.boolean().default(false).openapi({ description: 'Say what would be, and change nothing.' }),
  })
  .openapi('DeleteRequest');

export const DeleteReport = z
  .object({
    deleted: z.array(z.string()).openapi({ description: 'Gone from the mail server, now or before.' }),
    notFound: z.array(z.string()).openapi({ description: 'Never given to any message.' }),
    failed: z.array(part),
  })
  .openapi('DeleteReport');
