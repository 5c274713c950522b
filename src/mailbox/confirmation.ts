/**
 * For which numbers DELE may be sent. A wrong one destroys mail, so the session must have named the message by its UIDL, and
 * that UIDL must stand for no other message of the session: of two, the server's numbering would decide which one goes.
 * `UIDL n` alone doesn't tell that. A listing does, whoever needed it. So does, in the one flight that asks `UIDL n`, a
 * maildrop whose count, octets and last UIDL are what the last listing left behind: then it is the one whose every UIDL the
 * ledger knows. That is how a sync knows it too (see `depth.ts`). Anything else costs a full UIDL, and no DELE is written before.
 */
import type { Context } from './context.ts';
import { depthOf } from './depth.ts';
import { hex } from './hex.ts';
import { suspicion } from './ledger.ts';
import type { OpenSession } from './line.ts';
import { askHint, isWorthGuessing, listAll } from './listing.ts';
import type { MessageRow } from './store/message-store.ts';

const NOTHING = new Uint8Array();

/** What a session says of messages, by place of creation. Of those that are in none of these, it has none. */
export interface Confirmed {
  readonly numbers: Map<number, number>;
  /** Their UIDLs stand for several messages. */
  readonly shared: Set<number>;
  /** They are not listed, by a listing that isn't to be believed. */
  readonly doubtful: Set<number>;
}

/** Confirms the numbers of live `rows`. Throws what a failed listing throws. */
export async function confirm(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<Confirmed> {
  const known = open.listed ? !open.doubled && rows.every((row) => open.numbers.has(row.created)) : await unchanged(open, rows, context);
  const confirmed = known ? nothing() : await listed(open, rows, context);
  for (const row of rows) {
    const number = open.numbers.get(row.created);
    if (context.store.messages.isDuplicate(row.uidl_hash)) confirmed.shared.add(row.created);
    if (number !== undefined && !confirmed.shared.has(row.created)) confirmed.numbers.set(row.created, number);
  }
  return confirmed;
}

/** Whether the maildrop is as the last listing left it, and each row stands at its rank; notes the numbers then. */
async function unchanged(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<boolean> {
  const { messages, account } = context.store;
  const hint = account.hint();
  if (hint === null || hint.suspect_at !== null || hint.number === 0 || hint.number !== hint.messages) return false;
  if (messages.totals().messages !== hint.messages || !isWorthGuessing(open, rows.length, context)) return false;
  const ranks = new Map(messages.ranks(rows.map((row) => row.created)).map(({ created, rank }) => [created, rank]));
  const found = new Map<number, Uint8Array>();
  const answer = await askHint(open.session, hint, context, [...ranks.values()], found);
  const fits = ({ created, uidl_hash: hash }: MessageRow): boolean => hex(found.get(ranks.get(created) ?? 0) ?? NOTHING) === hex(hash);
  if (depthOf(hint, answer, 0).depth !== 'unchanged' || !rows.every(fits)) return false;
  for (const [created, rank] of ranks) open.numbers.set(created, rank);
  return true;
}

async function listed(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<Confirmed> {
  const { table, drop, judgement } = await listAll(open, context);
  const confirmed = nothing();
  // What an earlier session may have deleted is missing by our doing.
  const asked = new Set(context.store.deletions.all().flatMap(({ message, written }) => (written ? [message] : [])));
  const vanished = judgement.vanished.filter(({ created }) => !asked.has(created));
  // But a listing that is cut short says nothing of them either.
  const whole = table.count >= drop.messages;
  const believed = whole && suspicion({ live: judgement.live, vanished }, table.count, drop.messages) === null;
  for (const row of rows) {
    if (table.find(row.uidl_hash, 1) !== -1) confirmed.shared.add(row.created);
    else if (!believed && !open.numbers.has(row.created)) confirmed.doubtful.add(row.created);
  }
  return confirmed;
}

function nothing(): Confirmed {
  return { numbers: new Map(), shared: new Set(), doubtful: new Set() };
}
