/** What a token is made with: what it may do, how long, and from where. */
import { z } from '../zod.ts';
import { NAMES } from '../../limits.ts';
import type { Scope, TokenSettings } from '../../mailbox/rpc.ts';
import { isOrigin } from '../../origin.ts';
import { text } from './input.ts';

export const SCOPES = ['read', 'write', 'delete', 'manage'] as const satisfies readonly Scope[];

/** RFC 3339 §5.6 in UTC with `Z`; a day that the calendar doesn't have is refused. */
function isInstant(value: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/.test(value)) return false;
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === value.slice(0, 10);
}

const SCOPES_MEAN =
  '`read`: messages and changes. `write`: setting checkpoints. `delete`: messages on the mail server. `manage`: settings, credentials, tokens, events and removal, and all of the others: for a server of yours, not for a page.';

const expiresAt = z
  .string()
  .max(40)
  .refine(isInstant, { error: 'Must be a time in UTC like 2030-01-31T12:00:00Z.', abort: true })
  .refine((value) => Date.parse(value) > Date.now(), 'Must be in the future.')
  .transform((value) => new Date(value).toISOString())
  .nullable()
  .openapi({ type: ['string', 'null'], format: 'date-time', description: 'A time in UTC. Null: never.' });

export const NewTokenSettings = z
  .strictObject({
    scopes: z
      .array(z.enum(SCOPES))
      .min(1)
      .max(NAMES.scopes)
      .refine((scopes) => new Set(scopes).size === scopes.length, 'Must not name a scope twice.')
      .default(['manage'])
      .openapi({ description: SCOPES_MEAN }),
    expiresAt: expiresAt.default(null),
    origins: z
      .array(text(NAMES.host + 32).refine(isOrigin, 'Must be an origin like https://app.example.com, without a path.'))
      .max(NAMES.origins)
      .default([])
      .openapi({ description: 'The origins whose pages may use the token, like `https://app.example.com`; none named: any.' }),
    label: text(NAMES.label, 0).default('').openapi({ description: 'For people.' }),
  })
  .openapi('NewTokenSettings') satisfies z.ZodType<TokenSettings>;
