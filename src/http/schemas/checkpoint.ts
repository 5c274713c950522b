/** Checkpoints: states of the feed that are kept by name. */
import { z } from '../zod.ts';
import { NAMES } from '../../limits.ts';
import type { Checkpoint as CheckpointResult } from '../../mailbox/rpc.ts';
import { AccountPath } from './input.ts';

/** What is said of a name that can't be one. */
export const CHECKPOINT_NAME = `Must have at most ${NAMES.checkpoint} characters: letters, digits, ".", "_" and "-".`;

const name = z.string().openapi({
  param: { name: 'name', in: 'path' },
  description: `The name of a checkpoint: \`[A-Za-z0-9._-]{1,${NAMES.checkpoint}}\`.`,
  example: 'phone',
});

export const CheckpointPath = AccountPath.extend({ name });

export const NewCheckpoint = z.strictObject({
  state: z.string().openapi({ description: '`newState` of a page of changes, or any other state that this account gave.' }),
  force: z.boolean().default(false).openapi({ description: 'Set it even if that is backwards.' }),
});

export const Checkpoint = z
  .object({
    name: z.string(),
    state: z.string(),
    updatedAt: z.string().openapi({ format: 'date-time' }),
    behind: z.int().openapi({ description: 'Entries that `changes` from here would return.' }),
  })
  .openapi('Checkpoint') satisfies z.ZodType<Omit<CheckpointResult, 'version'>>;

export const CheckpointList = z.object({ data: z.array(Checkpoint) }).openapi('CheckpointList');

/** Conditions of a change (RFC 9110 §13.1.1, §13.1.2). */
export const CheckpointConditions = z.object({
  'If-Match': z
    .string()
    .optional()
    .openapi({ description: 'Only if the checkpoint is still the one with this ETag; `*`: only if there is one.' }),
  'If-None-Match': z.string().optional().openapi({ description: '`*`: only if there is none yet.' }),
});
