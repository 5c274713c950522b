/** Figures: about one mailbox, about all accounts, and what a deployment can do. */
import { MAILBOX } from '../../limits.ts';
import { z } from '../zod.ts';
import type { DeploymentStats as DeploymentStatsView } from '../../directory/rpc.ts';
import type { AccountStats as AccountStatsView } from '../../mailbox/rpc.ts';
import { instant } from './account.ts';
import { Item } from './message.ts';

export const AccountStats = z
  .object({
    messagesPerDay: z.array(z.object({ date: z.string().openapi({ format: 'date' }), count: z.int() })).openapi({
      description: `Messages that are still there, by the day (UTC) on which they were first listed; the last ${MAILBOX.statsDays} days, the oldest first.`,
    }),
    largest: z.array(Item).openapi({ description: `The ${MAILBOX.statsLargest} largest messages.` }),
    topSenders: z.array(z.object({ address: z.string(), name: z.string(), count: z.int() })).openapi({
      description: `The ${MAILBOX.statsSenders} most frequent senders of the newest ${MAILBOX.indexedMessages.toLocaleString('en')} messages, as far as their headers are known.`,
    }),
  })
  .openapi('AccountStats') satisfies z.ZodType<AccountStatsView>;

export const DeploymentStats = z
  .object({
    accounts: z
      .object({ new: z.int(), ready: z.int(), auth_failed: z.int(), unreachable: z.int(), paused: z.int() })
      .openapi({ description: 'Accounts by state.' }),
    polls: z
      .object({ accounts: z.int(), perDay: z.int() })
      .openapi({ description: 'Accounts that are checked without being asked, and how many checks that makes in a day.' }),
    failures: z.record(z.string(), z.int()).openapi({ description: 'Accounts whose last check failed, by the code of the problem.' }),
    oldestUnchecked: z
      .union([z.object({ account: z.string(), checkedAt: instant.nullable() }), z.null()])
      .openapi({ description: 'Of the accounts that are checked without being asked, the one whose last check is the longest ago.' }),
    asOf: instant.nullable().openapi({ description: 'No figure is older than this. They are gathered in rounds, at least daily.' }),
  })
  .openapi('DeploymentStats') satisfies z.ZodType<DeploymentStatsView>;

export const Capabilities = z
  .object({
    version: z.string(),
    features: z.array(z.string()).openapi({ description: 'The operations that there are, by their `operationId`.' }),
    scopes: z.array(z.string()),
    loginMethods: z.array(z.string()),
    limits: z.record(z.string(), z.int()).openapi({ description: 'Octets, seconds and numbers of things, by name.' }),
  })
  .openapi('Capabilities');
