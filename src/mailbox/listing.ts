/**
 * Listings of a maildrop (RFC 1939 §5 LIST, §7 UIDL) as the ledger takes them, and the numbers of messages in a session.
 * UIDL is the truth; STAT and LIST are hints, since mail may arrive in between and sizes are often wrong.
 *
 * A message's number is believed only once the same session named it together with the message's UIDL.
 */
import { list, stat, uidl } from '../pop3/command.ts';
import { Pop3Error, protocolError } from '../pop3/error.ts';
import { parseDropListing, readSizes, readUidls, uidlOf } from '../pop3/listing.ts';
import type { Session } from '../pop3/session.ts';
import type { Context } from './context.ts';
import { hex } from './hex.ts';
import { judge, type Listed } from './ledger.ts';
import type { OpenSession } from './line.ts';
import type { KnownRow, MessageRow } from './store/message-store.ts';
import { MAILBOX } from '../limits.ts';

export interface Listing {
  readonly stat: { messages: number; octets: number };
  readonly listed: Listed[];
}

/**
 * STAT, UIDL and, unless only numbers are wanted, LIST. Throws the failure of whichever the server refuses, and `protocol`
 * for a listing that contradicts itself.
 */
export async function readListing(session: Session, context: Context, sizesToo = true): Promise<Listing> {
  let drop = { messages: 0, octets: 0 };
  let entries: Omit<Listed, 'size'>[] = [];
  const sizes = new Map<number, number>();
  for await (const reply of session.run([stat(), uidl(), ...(sizesToo ? [list()] : [])])) {
    const { verb } = reply.command;
    if (!reply.ok) {
      // An empty maildrop is answered with -ERR by some servers; a refusal of STAT itself is a refusal of the session.
      if (verb === 'STAT' || (verb === 'UIDL' && drop.messages > 0)) throw new Pop3Error(reply.failure);
      continue;
    }
    if (verb === 'STAT') {
      const { count, octets } = parseDropListing(reply);
      drop = { messages: count, octets };
    } else if (verb === 'UIDL') entries = await collectUidls(reply.body, context);
    else for await (const batch of readSizes(reply.body)) for (const { number, size } of batch) sizes.set(number, size);
  }
  if (drop.messages > 0 && entries.length === 0) throw protocolError('uidl', 'an empty listing of a maildrop that is not');
  return { stat: drop, listed: entries.map((entry) => ({ ...entry, size: sizes.get(entry.number) ?? null })) };
}

/**
 * The numbers of `rows` in this session, by place of creation; a row without one is not in the maildrop.
 * A few rows are looked up where they should stand, by their rank in the ledger; if that doesn't fit, all are listed.
 */
export async function locate(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<Map<number, number>> {
  const unknown = rows.filter((row) => !open.numbers.has(row.created));
  if (unknown.length > 0 && !open.listed && !(await guess(open, unknown, context))) await listAll(open, context);
  const found = new Map<number, number>();
  for (const row of rows) {
    const number = open.numbers.get(row.created);
    if (number !== undefined) found.set(row.created, number);
  }
  return found;
}

/** All rows of the ledger, a page at a time. */
export function* knownRows(context: Context): Generator<KnownRow> {
  let after = 0;
  for (;;) {
    const rows = context.store.messages.known(after, MAILBOX.batchRows);
    yield* rows;
    const last = rows.at(-1);
    if (!last) return;
    after = last.created;
  }
}

/** `UIDL n` at each row's rank. False if any answer isn't that row's UIDL, or the UIDL doesn't name one message alone. */
async function guess(open: OpenSession, rows: readonly MessageRow[], context: Context): Promise<boolean> {
  const { messages } = context.store;
  if (rows.length > MAILBOX.guessedNumbers || rows.some((row) => messages.isDuplicate(row.uidl_hash))) return false;
  const ranked = rows.map((row) => ({ row, number: messages.rank(row.created) })).filter(({ number }) => number > 0);
  if (ranked.length < rows.length) return false;
  let next = 0;
  for await (const reply of open.session.run(ranked.map(({ number }) => uidl(number)))) {
    const { row, number } = ranked[next++] ?? {};
    if (!row || !number || !reply.ok) return false;
    if (hex(hashUidl(uidlOf(reply), context)) !== hex(row.uidl_hash)) return false;
    open.numbers.set(row.created, number);
  }
  return true;
}

async function listAll(open: OpenSession, context: Context): Promise<void> {
  const { listed } = await readListing(open.session, context, false);
  const { numbers } = judge(listed, knownRows(context));
  for (const [created, number] of numbers) open.numbers.set(created, number);
  open.listed = true;
}

/** One entry a number: a server that names a number twice means the last. */
async function collectUidls(body: AsyncIterable<Uint8Array>, context: Context): Promise<Omit<Listed, 'size'>[]> {
  const entries = new Map<number, Omit<Listed, 'size'>>();
  for await (const batch of readUidls(body))
    for (const { number, uidl: octets } of batch) entries.set(number, { number, uidl: octets, uidlHash: hex(hashUidl(octets, context)) });
  return [...entries.values()];
}

/** The keyed hash under which a UIDL is stored. */
function hashUidl(octets: Uint8Array, context: Context): Uint8Array {
  return context.account.vault.hash('uidl', octets);
}
