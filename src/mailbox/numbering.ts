/**
 * The numbers of messages in a session. They are a matter of that session (RFC 1939 §5, §7): one is believed only once the same
 * session named it together with the message's UIDL, be it asked for one by one, where the message's rank says that it
 * should stand, or by a listing of all.
 */
import { MAILBOX } from '../limits.ts';
import { uidl } from '../pop3/command.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import { isConclusive, judge, type Judgement } from './ledger.ts';
import type { OpenSession } from './line.ts';
import { hashUidl, type Listing, readListing } from './listing.ts';
import type { ListingTable } from './listing-table.ts';
import { regroup } from './regrouping.ts';
import type { KnownRow, MessageRow } from './store/message-store.ts';

/**
 * The numbers of `rows` in this session, by place of creation; a row without one is not in the maildrop.
 * A few rows are looked up where they should stand, by their rank in the ledger; if that doesn't fit, all are listed.
 */
export async function locate(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<Map<number, number>> {
  const unknown = rows.filter((row) => !open.numbers.has(row.created));
  if (unknown.length > 0 && !open.listed && !(await guess(open, unknown, context))) await listFor(open, unknown, context);
  const found = new Map<number, number>();
  for (const row of rows) {
    const number = open.numbers.get(row.created);
    if (number !== undefined) found.set(row.created, number);
  }
  return found;
}

/** `UIDL n` at each row's rank. False if any answer isn't that row's UIDL, or the UIDL doesn't name one message alone. */
async function guess(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<boolean> {
  const { messages } = context.store;
  if (!isWorthGuessing(open, rows.length, context) || rows.some((row) => messages.isDuplicate(row.uidl_hash))) return false;
  const hashes = new Map(rows.map((row) => [row.created, hex(row.uidl_hash)]));
  const ranked = messages.ranks([...hashes.keys()]);
  if (ranked.length < rows.length) return false;
  let next = 0;
  for await (const reply of open.session.run(ranked.map(({ rank }) => uidl(rank)))) {
    const { created, rank } = ranked[next++] ?? {};
    if (created === undefined || rank === undefined || !reply.ok) return false;
    if (hex(hashUidl(reply, context)) !== hashes.get(created)) return false;
    open.numbers.set(created, rank);
  }
  return true;
}

/** One by one costs fewer octets than a listing of all, and no more round trips while the server takes many commands at once. */
export function isWorthGuessing({ session, numbers }: OpenSession, count: number, { store }: Context): boolean {
  if (count <= MAILBOX.guessedNumbers) return true;
  if (session.remembered.pipelining !== 'yes' || count > MAILBOX.guessedNumbersMost) return false;
  const messages = store.account.hint()?.messages ?? 0;
  // Who reads on and on has the listing soon paid for.
  return count * MAILBOX.guessedPart <= messages && numbers.size * MAILBOX.guessedSum <= messages;
}

/**
 * Learns all numbers of this session by a full listing. Where UIDLs don't tell which of `wanted` is which, it has sizes too and
 * that is settled first, as a sync does; what came and went is left to the next sync.
 */
async function listFor(open: OpenSession, wanted: readonly MessageRow[], context: Context): Promise<void> {
  const shared = wanted.some((row) => context.store.messages.isDuplicate(row.uidl_hash));
  const listing = await readListing(open.session, context, { sizes: shared, ...(open.drop ? { drop: open.drop } : {}) });
  const judgement = noteListing(open, listing, context);
  if (!shared || !listing.named) return;
  if ((await regroup(open, listing.table, judgement, context)) !== null) judgeAll(open, listing.table, context);
}

/** Notes the numbers that a listing of this session gives the rows of the ledger. Changes nothing in the ledger. */
export function noteListing(open: OpenSession, { table, drop }: Listing, context: Context): Judgement {
  const judgement = judgeAll(open, table, context);
  // A row that a listing lacks which isn't to be believed may be there all the same.
  open.listed = isConclusive(judgement, table.count, drop.messages);
  open.doubled = judgement.arrived.some((rank) => table.occurrenceAt(rank) > 0);
  return judgement;
}

/** What a listing says of each row of the ledger, whose numbers are noted. */
export function judgeAll(open: OpenSession, table: ListingTable, context: Context): Judgement {
  open.numbers.clear();
  return judge(table, knownRows(context), (created, rank) => open.numbers.set(created, table.numberAt(rank)));
}

/** All rows of the ledger, a page at a time. */
function* knownRows(context: Context): Generator<KnownRow> {
  let after = 0;
  for (;;) {
    const rows = context.store.messages.known(after, MAILBOX.batchRows);
    yield* rows;
    const last = rows.at(-1);
    if (!last) return;
    after = last.created;
  }
}
