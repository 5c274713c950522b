/** What a crash soak must have come to: who followed the feed had each message that was delivered exactly once, and the list agrees. */
import { expect } from 'vitest';
import type { ListItem } from '../../src/mailbox/rpc.ts';
import type { CheckpointConsumer } from './checkpoint-consumer.ts';
import type { SoakPeer } from './soak-peer.ts';

/** `listed`: all messages, from the ledger. */
export function expectOnce(consumer: CheckpointConsumer, delivered: SoakPeer['delivered'], listed: readonly ListItem[]): void {
  expect(consumer.violations).toEqual([]);
  expect([...consumer.created.values()].sort()).toEqual(delivered.map(({ uidl }) => uidl).sort());
  const subjects = new Map(delivered.map(({ uidl, subject }) => [uidl, subject]));
  expect(listed.map(({ id }) => id).sort()).toEqual([...consumer.created.keys()].sort());
  expect(listed.filter(({ id, uidl, subject }) => consumer.created.get(id) !== uidl || subject !== subjects.get(uidl ?? ''))).toEqual([]);
}
