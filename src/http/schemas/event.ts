/** What was done to an account. */
import { z } from '../zod.ts';
import type { AccountEvent } from '../../mailbox/rpc.ts';
import { instant } from './account.ts';
import { cursor, pageSize } from './input.ts';

export const EventQuery = z.strictObject({ limit: pageSize(50), cursor });

const Event = z
  .object({
    at: instant,
    action: z
      .enum(['account_created', 'account_changed', 'token_created', 'token_revoked', 'messages_deleted'])
      .openapi({ description: 'More may come.' }),
    by: z.string().openapi({ description: '`operator`, or the id of the token that did it.' }),
    members: z.array(z.string()).openapi({ description: 'The members of the account that were changed.' }),
    token: z.string().nullable().openapi({ description: 'The token that was created or revoked.' }),
    messages: z
      .array(z.string())
      .openapi({ description: 'The messages for which the deletion was sent to the mail server. One call may make several events.' }),
  })
  .openapi('Event') satisfies z.ZodType<AccountEvent>;

export const EventPage = z.object({ data: z.array(Event), nextCursor: z.string().nullable() }).openapi('EventPage');
