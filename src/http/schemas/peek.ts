/** A look into a maildrop without an account. */
import { z } from '../zod.ts';
import { PEEK } from '../../limits.ts';
import type { PeekItem as PeekItemView, PeekQuery } from '../../mailbox/rpc.ts';
import { Auth, Server } from './account.ts';
import { Item } from './message.ts';

export const Peek = z
  .strictObject({
    server: Server,
    auth: Auth,
    limit: z.int().min(1).max(PEEK.messages).default(10),
    detail: z
      .enum(['headers', 'full'])
      .default('headers')
      .openapi({ description: `\`full\` reads the messages whole, those of up to ${PEEK.messageOctets} octets.` }),
  })
  .openapi('Peek') satisfies z.ZodType<PeekQuery>;

export const PeekItem = Item.omit({ id: true }).openapi('PeekItem') satisfies z.ZodType<PeekItemView>;

export const PeekAnswer = z.object({ data: z.array(PeekItem).openapi({ description: 'The newest first.' }) }).openapi('PeekAnswer');
