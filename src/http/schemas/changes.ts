/** The feed of changes and the report of a sync. */
import { z } from '../zod.ts';
import { NAMES, WAIT } from '../../limits.ts';
import type { ChangesPage, SyncReport } from '../../mailbox/rpc.ts';
import { CHECKPOINT_NAME } from './checkpoint.ts';
import { maxAge, pageSize, wholeNumber } from './input.ts';
import { Item, Sync } from './message.ts';

export const ChangesQuery = z
  .strictObject({
    since: z
      .string()
      .default('')
      .transform((value) => (value === '' ? null : value))
      .openapi({ type: 'string', description: 'A state that this account gave; absent: from the start of the feed.' }),
    checkpoint: z
      .string()
      .regex(new RegExp(`^[A-Za-z0-9._-]{0,${NAMES.checkpoint}}$`), CHECKPOINT_NAME)
      .default('')
      .transform((value) => (value === '' ? null : value))
      .openapi({ type: 'string', description: 'The name of a checkpoint, in place of `since`; one that was never set is the start.' }),
    limit: pageSize(200),
    wait: wholeNumber(0, WAIT.secondsMost, 0, 'Seconds: how long a page that would be empty is held until it is not.'),
    maxAge,
    include: z.enum(['headers', 'ids']).default('headers').openapi({ description: 'With `ids` each message is its `id` alone.' }),
  })
  .refine(({ since, checkpoint }) => since === null || checkpoint === null, {
    path: ['checkpoint'],
    error: 'Must not be given together with since.',
  });

const entries = z.array(z.union([Item, z.object({ id: z.string() })]));

export const Changes = z
  .object({
    oldState: z.string(),
    newState: z.string(),
    hasMore: z.boolean(),
    created: entries,
    updated: entries,
    destroyed: z.array(z.object({ id: z.string(), reason: z.enum(['server', 'api']) })),
    renumbered: z.boolean().openapi({ description: 'The mail server gave its messages new UIDLs somewhere in this range; ids live on.' }),
    destroyedComplete: z.boolean().openapi({ description: 'False if `since` is older than what is remembered of removed messages.' }),
    sync: Sync,
  })
  .openapi('Changes') satisfies z.ZodType<ChangesPage>;

/** POST …/sync takes nothing; clients that always send JSON may send `{}`. */
export const SyncRequest = z.strictObject({});

export const Report = z
  .object({
    created: z.int(),
    destroyed: z.int(),
    total: z.int(),
    renumbered: z.boolean(),
    sync: Sync,
    upstream: z.object({
      flights: z.int().openapi({ description: 'Commands written together and answered; TCP and TLS are not counted.' }),
      bytesIn: z.int(),
      bytesOut: z.int(),
      milliseconds: z.int(),
      commands: z.record(z.string(), z.int()),
    }),
  })
  .openapi('SyncReport') satisfies z.ZodType<SyncReport>;
