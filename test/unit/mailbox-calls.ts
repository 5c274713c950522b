/** The calls of a Mailbox that most of its tests make, as the operator: pages, the feed to its end, octets, deletions; its alarm; and its rows. */
import type { ChangesPage, ChangesQuery, DeleteReport, ListQuery, MessagePage, Octets, SyncReport } from '../../src/mailbox/rpc.ts';
import { ALL, type NodeMailbox, OPERATOR, sent, SINCE, valueOf } from '../support/node-mailbox.ts';

/** A page of the list; the server is asked first unless `query` says otherwise. */
export async function page(box: NodeMailbox, query: Partial<ListQuery> = {}): Promise<MessagePage> {
  return valueOf(await box.service.messages(OPERATOR, { ...ALL, ...query }));
}

/** Subject → id of the newest messages; the server is asked first. */
export async function ids(box: NodeMailbox): Promise<Map<string | null | undefined, string>> {
  const { data } = await page(box, { limit: 200 });
  return new Map(data.map((item) => [item.subject, item.id ?? '']));
}

/** What is known of each message, the oldest first, without asking the server. */
export async function details(box: NodeMailbox): Promise<(string | undefined)[]> {
  const { data } = await page(box, { order: 'oldest', fields: ['detail'], maxAge: 1_000_000 });
  return data.map((item) => item.detail);
}

/** All pages of the feed since a state. */
export async function follow(box: NodeMailbox, since: string | null, query: Partial<ChangesQuery> = {}): Promise<ChangesPage[]> {
  const pages: ChangesPage[] = [];
  for (let state = since; ;) {
    const next = valueOf(await box.service.changes(OPERATOR, { ...SINCE, since: state, ...query }));
    pages.push(next);
    if (!next.hasMore) return pages;
    state = next.newState;
  }
}

export async function sync(box: NodeMailbox): Promise<SyncReport> {
  return valueOf(await box.service.sync(OPERATOR));
}

export async function remove(box: NodeMailbox, chosen: string[], dryRun = false): Promise<DeleteReport> {
  return valueOf(await box.service.deleteMessages(OPERATOR, chosen, dryRun));
}

/** What the ledger holds to be gone, in that order, and why. */
export function destroyed(box: NodeMailbox): ChangesPage['destroyed'] {
  return box.sql.exec(`SELECT id, gone_why AS reason FROM messages WHERE destroyed IS NOT NULL ORDER BY destroyed`);
}

/** The deletions that were asked for and are not settled. */
export function intents(box: NodeMailbox): { message: number; written: number; tries: number }[] {
  return box.sql.exec(`SELECT message, written, tries FROM deletions ORDER BY message`);
}

/** The alarm rings when it is set for. Returns by how many milliseconds the clock went on for that. */
export async function ring(box: NodeMailbox): Promise<number> {
  const wait = Math.max(0, (box.alarm() ?? 0) - box.now());
  await box.ring();
  return wait;
}

/** A message's octets as they come. */
export async function streamOf(box: NodeMailbox, id: string): Promise<ReadableStream<Uint8Array>> {
  const stream = new Response((await rawOf(box, id)).body).body;
  if (stream === null) throw new Error('There are no octets.');
  return stream;
}

export async function rawOf(box: NodeMailbox, id: string): Promise<Octets> {
  return sent(await box.service.raw(OPERATOR, id, null));
}

/** All octets of a body. */
export async function octets(body: Octets['body']): Promise<Buffer> {
  return Buffer.from(await new Response(body).arrayBuffer());
}
