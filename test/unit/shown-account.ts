/** What tests of syncs do with an account on a server whose maildrop shows what they want: sync it, list it, read from it. */
import { expect } from 'vitest';
import type * as rpc from '../../src/mailbox/rpc.ts';
import { ALL, type NodeMailbox, OPERATOR, settingsFor, SINCE, valueOf } from '../support/node-mailbox.ts';
import type { Server, Shown } from './shown-server.ts';

/** Nobody asks the server: an age that no ledger has. */
const KNOWN = 1e6;

/** The ids of messages by their subjects, in the order of the list. */
export type Ids = Map<string | null | undefined, string>;

/** An account on a server that shows these messages, which were not asked for yet. */
export async function unasked(
  box: NodeMailbox,
  server: Server,
  shown: readonly Shown[],
  change: Partial<rpc.AccountSettings> = {},
): Promise<void> {
  server.show(shown);
  valueOf(await box.service.create(box.id, settingsFor(server.port, change), false, null));
}

/** What the list holds, the oldest first, as it is known. */
export async function items(box: NodeMailbox, fields: rpc.ListQuery['fields'] = null): Promise<Partial<rpc.ListItem>[]> {
  const found: Partial<rpc.ListItem>[] = [];
  for (let cursor: string | null = null; ;) {
    const query: rpc.ListQuery = { ...ALL, limit: 200, order: 'oldest', fields, maxAge: KNOWN, cursor };
    const page: rpc.MessagePage = valueOf(await box.service.messages(OPERATOR, query));
    found.push(...page.data);
    if (page.nextCursor === null) return found;
    cursor = page.nextCursor;
  }
}

/** Subject → id of the live messages, in their order. */
export async function ids(box: NodeMailbox): Promise<Ids> {
  return new Map((await items(box)).map(({ subject, id }) => [subject, id ?? '']));
}

/** One page of the feed, as it is known. */
export async function feed(box: NodeMailbox, since: string | null): Promise<rpc.ChangesPage> {
  return valueOf(await box.service.changes(OPERATOR, { ...SINCE, since, maxAge: KNOWN }));
}

/** A message's octets, as text. */
export async function raw(box: NodeMailbox, id: string): Promise<string> {
  const answer = valueOf(await box.service.raw(OPERATOR, id, null));
  if (answer.notModified || answer.body === null) throw new Error('There are no octets.');
  return new Response(answer.body).text();
}

/** Every id reads the message that its subject says. */
export async function expectTrue(box: NodeMailbox): Promise<void> {
  for (const [subject, id] of await ids(box)) expect(await raw(box, id)).toContain(`Subject: ${subject}\r\n`);
}
