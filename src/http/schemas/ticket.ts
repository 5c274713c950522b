/** Tickets: what one is asked for, and how it is given. */
import { z } from '../zod.ts';
import { HTTP } from '../../limits.ts';
import type { Ticket as TicketView } from '../../mailbox/rpc.ts';
import { text } from './input.ts';

export const NewTicket = z
  .strictObject({
    path: text(HTTP.ticketPath).openapi({
      description: 'Of this account, with its query if it has one, as it will be asked for.',
      example: '/v1/accounts/acc_4kT9vQz0mX2dYf1sTnRrA7/messages/kQ3vW0cJ8mX2dYf1sTnRrA/attachments/2',
    }),
    ttlSeconds: z.int().min(1).max(HTTP.ticketSecondsMost).default(HTTP.ticketSeconds),
  })
  .openapi('NewTicket');

export const Ticket = z
  .object({
    url: z.string().openapi({ description: "Relative to the gateway, like an attachment's." }),
    expiresAt: z.string().openapi({ format: 'date-time', description: 'Not after the token that asked.' }),
  })
  .openapi('Ticket') satisfies z.ZodType<TicketView>;
