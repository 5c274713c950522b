/**
 * For which numbers DELE may be sent. A wrong one destroys mail, so the session must have named the message by its UIDL, and
 * that UIDL must stand for no other message of the session: of two, the server's numbering would decide which one goes.
 * `UIDL n` alone doesn't tell that. A listing made for it does. So does, in the one flight that asks `UIDL n`, a
 * maildrop whose count, octets and last UIDL are what the last listing left behind: then it is the one whose every UIDL the
 * ledger knows. That is how a sync knows it too (see `depth.ts`). Anything else costs a full listing, with sizes: a server may have
 * handed a UIDL on to another message, and that is settled as a sync does before any DELE is written. What the session said
 * earlier, to another job, isn't enough: some server might move its messages within a session (RFC 1939 §5 forbids it).
 */
import type { Context } from './context.ts';
import { depthOf } from './depth.ts';
import { identify } from './identification.ts';
import { isConclusive } from './ledger.ts';
import type { OpenSession } from './line.ts';
import { askHint, hashOfUidl, readListing } from './listing.ts';
import { isWorthGuessing } from './numbering.ts';
import { sameOctets } from './same-octets.ts';
import type { MessageRow } from './store/message-store.ts';

/** What a session says of messages, by place of creation. Of those that are in none of these, it has none. */
export interface Confirmed {
  readonly numbers: Map<number, number>;
  /** Their UIDLs stand for several messages, or for none. */
  readonly shared: Set<number>;
  /** They are not listed, by a listing that isn't to be believed; or their UIDLs may be another message's now. */
  readonly doubtful: Set<number>;
}

/** Confirms the numbers of live `rows`. Throws what a failed listing throws. */
export async function confirm(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<Confirmed> {
  const mayBeKnown = !open.listed || (open.identified && !open.doubled);
  const known = mayBeKnown && (await unchanged(open, rows, context));
  const confirmed = known ? nothing() : await listed(open, rows, context);
  // They may have other UIDLs now.
  for (const row of current(rows, context)) {
    const number = open.numbers.get(row.created);
    if (!namesOneMessage(row, context)) confirmed.shared.add(row.created);
    const sure = !confirmed.shared.has(row.created) && !confirmed.doubtful.has(row.created);
    if (number !== undefined && sure) confirmed.numbers.set(row.created, number);
  }
  return confirmed;
}

/** Whether the maildrop is as the last listing left it, and each row stands at its rank; notes the numbers then. */
async function unchanged(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<boolean> {
  const { messages, account } = context.store;
  const hint = account.hint();
  if (hint === null || hint.suspect_at !== null || hint.full_at === null) return false;
  if (hint.number === 0 || hint.number !== hint.messages) return false;
  if (messages.totals().messages !== hint.messages || !isWorthGuessing(open, rows.length, context)) return false;
  const ranks = new Map(messages.ranks(rows.map((row) => row.created)).map(({ created, rank }) => [created, rank]));
  const found = new Map<number, Uint8Array>();
  const answer = await askHint(open.session, hint, context, [...ranks.values()], found);
  const fits = ({ created, uidl_hash: hash }: MessageRow): boolean => sameOctets(found.get(ranks.get(created) ?? 0), hash);
  if (depthOf(hint, answer, 0).depth !== 'unchanged' || !rows.every(fits)) return false;
  for (const [created, rank] of ranks) open.numbers.set(created, rank);
  return true;
}

/** By a full listing, once each UIDL is known to name what it named. */
async function listed(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<Confirmed> {
  const listing = await readListing(open.session, context);
  const { table, drop } = listing;
  const { judgement, more } = await identify(open, listing, context);
  const confirmed = nothing();
  // What an earlier session may have deleted is missing by our doing.
  const asked = new Set(context.store.deletions.all().flatMap(({ message, written }) => (written ? [message] : [])));
  const vanished = judgement.vanished.filter(({ created }) => !asked.has(created));
  const moved = new Set(judgement.resized.map(({ created }) => created));
  const believed = !more && isConclusive({ ...judgement, vanished }, table.count, drop.messages);
  for (const row of current(rows, context)) {
    if (table.find(row.uidl_hash, 1) !== -1) confirmed.shared.add(row.created);
    else if (moved.has(row.created) || (!believed && !open.numbers.has(row.created))) confirmed.doubtful.add(row.created);
  }
  return confirmed;
}

/** Whether a row's UIDL stands for one message. Duplicate and empty ones don't: a DELE by them could hit another message. */
export function namesOneMessage(row: MessageRow, context: Context): boolean {
  const { store } = context;
  const empty = hashOfUidl(new Uint8Array(0), context);
  return (row.uidl !== null || row.pack !== null) && !sameOctets(row.uidl_hash, empty) && !store.messages.isDuplicate(row.uidl_hash);
}

function current(rows: readonly MessageRow[], { store }: Context): MessageRow[] {
  return store.messages.byCreated(rows.map((row) => row.created));
}

function nothing(): Confirmed {
  return { numbers: new Map(), shared: new Set(), doubtful: new Set() };
}
