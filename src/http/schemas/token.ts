/** Tokens as they are listed, and the one that asks. */
import { z } from '../zod.ts';
import type { TokenEntry as TokenEntryView } from '../../mailbox/rpc.ts';
import { instant, Token } from './account.ts';
import { AccountPath } from './input.ts';

export const TokenPath = AccountPath.extend({
  token: z
    .string()
    .openapi({ param: { name: 'token', in: 'path' }, description: 'The id of a token.', example: 'tok_7dQm1XcV9bRt2LpWs8KzYf' }),
});

export const CreatedToken = z.object({ token: Token }).openapi('CreatedToken');

export const TokenEntry = Token.omit({ secret: true })
  .extend({
    // `instant.nullable()` would lose its null in the document, behind the reference that it may become.
    lastUsedAt: instant.nullable().openapi({ description: 'The beginning (UTC) of the day on which it was last used.' }),
  })
  .openapi('Token') satisfies z.ZodType<TokenEntryView>;

export const TokenList = z.object({ data: z.array(TokenEntry) }).openapi('TokenList');

export const Identity = z
  .object({
    id: z.string().nullable().openapi({ description: 'Null for an operator key.' }),
    account: z.string().nullable().openapi({ description: 'Null for an operator key, which is good for all.' }),
    scopes: z.array(z.enum(['read', 'write', 'delete', 'manage', 'operator'])),
    expiresAt: instant.nullable(),
    origins: z.array(z.string()),
    label: z.string(),
  })
  .openapi('Identity');
