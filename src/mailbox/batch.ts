/**
 * Several messages in one answer, in the caller's order. What isn't held is fetched in one session; each message is made
 * into JSON and counted as soon as it is here, so that beside the answer itself, which is bounded, one message at most is
 * in memory. One that can't be read has its failure in its place; what the bounds cut off is `overloaded`.
 */
import { Buffer } from 'node:buffer';
import { MAILBOX } from '../limits.ts';
import { errorName, log } from '../log.ts';
import { Budget } from './budget.ts';
import { failureOf, overloaded } from './failure.ts';
import { needsIndexing } from './indexer.ts';
import { needsHeaders, needsWhole, someOf } from './item.ts';
import type { Rooms } from './rooms.ts';
import type { BatchEntry, BatchQuery, Failure, MessageView } from './rpc.ts';
import type { MessageRow } from './store/message-store.ts';

/** Reads the messages of `query.ids`, each once. A message gone upstream is read from its copy or is `message_gone`. */
export async function readBatch(query: BatchQuery, rooms: Rooms): Promise<BatchEntry[]> {
  const ids = [...new Set(query.ids)];
  const answer = new Answer(ids, rooms);
  const rows = new Map(rooms.store.messages.byIds(ids).map((row) => [row.id, row]));
  const readable: MessageRow[] = [];
  for (const id of ids) {
    const row = rows.get(id);
    if (!row) answer.fail(id, { kind: 'not_found' });
    else if (row.destroyed !== null && !rooms.copies.isComplete(row.created)) answer.fail(id, { kind: 'message_gone' });
    else readable.push(row);
  }
  await (needsWhole(query.fields) ? readWhole(readable, query, rooms, answer) : readItems(readable, query, rooms, answer));
  return answer.entries();
}

/** What is held goes first: it needs no server and may fill the answer. */
async function readWhole(rows: readonly MessageRow[], query: BatchQuery, rooms: Rooms, answer: Answer): Promise<void> {
  const { copies, fetcher, reading } = rooms;
  const pins = new Map(rows.map((row) => [row, copies.pin(row.created)]));
  const show = async (row: MessageRow): Promise<void> => {
    await answer.add(row.id, () => reading.members(row, query, answer.budget));
    pins.get(row)?.();
    pins.delete(row);
  };
  try {
    const held = copies.complete(rows.map((row) => row.created));
    for (const row of rows) if (held.has(row.created)) await show(row);
    const missing = rows.filter((row) => !held.has(row.created));
    for (const transfer of fetcher.fetchAll(missing, () => answer.open)) {
      const { id } = transfer.row;
      if (await answer.waitFor(id, transfer.done)) await show(transfer.row);
    }
  } finally {
    for (const unpin of pins.values()) unpin();
  }
}

/** List members alone: from the ledger, after the headers that are wanted and not known yet were asked for. */
async function readItems(rows: readonly MessageRow[], query: BatchQuery, rooms: Rooms, answer: Answer): Promise<void> {
  const { indexer, store, deps } = rooms;
  const now = deps.now();
  const missing = needsHeaders(query.fields) ? rows.filter((row) => needsIndexing(row, now)) : [];
  const indexed = indexer.index(missing, 'interactive');
  const unknown = new Set<string>();
  for (const { id } of missing) if (!(await answer.waitFor(id, indexed))) unknown.add(id);
  const known = new Map(store.messages.byCreated(rows.map((row) => row.created)).map((row) => [row.id, row]));
  for (const row of rows) {
    const current = known.get(row.id) ?? row;
    // Those that were indexed before it broke off are known all the same.
    if (unknown.has(row.id) && current.detail === 0) continue;
    await answer.add(row.id, () => someOf(current, rooms, query.fields));
  }
}

/** The entries so far, within the bounds of one answer. */
class Answer {
  readonly budget: Budget;
  readonly #ids: readonly string[];
  readonly #account: string;
  readonly #entries = new Map<string, BatchEntry>();
  /** Octets of JSON that messages may still take; for each id the room of a problem is set aside. */
  #room: number;
  #full = false;

  constructor(ids: readonly string[], { account, deps }: Rooms) {
    this.#ids = ids;
    this.#account = account.id;
    this.#room = MAILBOX.batchOctetsMost - ids.length * MAILBOX.batchProblemOctets;
    this.budget = new Budget(deps.now, MAILBOX.batchTime);
  }

  /** Whether there is time and room for another message. */
  get open(): boolean {
    return !this.#full && !this.budget.over;
  }

  fail(id: string, failure: Failure): void {
    this.#entries.set(id, { id, failure });
  }

  /** Whether `work` succeeded in time; if not, that is the entry of `id`. */
  async waitFor(id: string, work: Promise<void>): Promise<boolean> {
    try {
      await this.budget.wait(work, overloaded);
      return true;
    } catch (error) {
      this.fail(id, this.#failureOf(error));
      return false;
    }
  }

  /** Adds what `read` gives, its failure, or `overloaded` where there is no time or no room. */
  async add(id: string, read: () => Promise<Partial<MessageView>>): Promise<void> {
    try {
      if (!this.open) throw overloaded();
      const entry: BatchEntry = { id, message: await read() };
      const octets = Buffer.byteLength(JSON.stringify(entry));
      this.#full = octets > this.#room;
      if (this.#full) throw overloaded();
      this.#room -= octets;
      this.#entries.set(id, entry);
    } catch (error) {
      this.fail(id, this.#failureOf(error));
    }
  }

  /** One entry an id, in the caller's order. */
  entries(): BatchEntry[] {
    return this.#ids.map((id) => this.#entries.get(id) ?? { id, failure: overloaded().failure });
  }

  /** A bug of ours that one message brings out must not cost the others. */
  #failureOf(error: unknown): Failure {
    const failure = failureOf(error);
    if (!failure) log('message_failed', { account: this.#account, error: errorName(error) });
    return failure ?? { kind: 'internal' };
  }
}
