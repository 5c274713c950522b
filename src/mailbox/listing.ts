/**
 * Listings of a maildrop (RFC 1939 §5 LIST, §7 UIDL) as the ledger takes them. UIDL is the truth; STAT and LIST are hints, since
 * mail may arrive in between and sizes are often wrong. Where a server has no UIDL at all, headers stand in for it.
 */
import { type Command, list, stat, uidl } from '../pop3/command.ts';
import { Pop3Error, type Pop3Failure, protocolError } from '../pop3/error.ts';
import { parseDropListing, readSizes, readUidls, sizeIn, uidlOf } from '../pop3/listing.ts';
import type { Reply, Session } from '../pop3/session.ts';
import type { Context } from './context.ts';
import type { Answer } from './depth.ts';
import { ListingTable } from './listing-table.ts';
import type { HintRow } from './store/account-store.ts';
import { lacksUidl, readUnnamed } from './unnamed.ts';

/** What STAT said: messages and octets. */
export interface Drop {
  readonly messages: number;
  readonly octets: number;
}

/** A maildrop as one session has listed it. */
export interface Listing {
  readonly drop: Drop;
  readonly table: ListingTable;
  /** False where the server has no UIDLs, and headers stand in for them. */
  readonly named: boolean;
}

/**
 * STAT and the UIDL of the last message that the hint knows, in one flight. Throws the failure where STAT is refused. The UIDLs
 * of the messages `others` are asked for with them and noted, as keyed hashes, in `found`.
 */
export async function askHint(
  session: Session,
  hint: HintRow,
  context: Context,
  others: readonly number[] = [],
  found = new Map<number, Uint8Array>(),
): Promise<Answer> {
  let drop: Drop = { messages: 0, octets: 0 };
  const numbers = new Set([...(hint.number > 0 ? [hint.number] : []), ...others]);
  for await (const reply of session.run([stat(), ...[...numbers].map((number) => uidl(number))])) {
    const { verb, number } = reply.command;
    if (verb === 'STAT') drop = dropOf(reply);
    else if (reply.ok && number !== null) found.set(number, hashUidl(reply, context));
  }
  return { ...drop, uidlHash: found.get(hint.number) ?? null };
}

/** Takes the replies to STAT, UIDL and LIST as they come, in this order, and makes a listing of them. */
export class ListingReader {
  readonly #context: Context;
  readonly #table = new ListingTable();
  #drop: Drop;
  /** Why the server has no UIDL listing. */
  refused: Pop3Failure | null = null;

  constructor(context: Context, drop: Drop = { messages: 0, octets: 0 }) {
    this.#context = context;
    this.#drop = drop;
  }

  /** Reads one of the replies whole. Throws the failure of a refused STAT, and `protocol` for what contradicts itself. */
  async take(reply: Reply): Promise<void> {
    const { verb } = reply.command;
    if (verb === 'STAT') this.#drop = dropOf(reply);
    else if (verb === 'UIDL') {
      this.refused = reply.failure;
      if (reply.ok) for await (const batch of readUidls(reply.body)) for (const entry of batch) this.#table.add(entry.number, entry.uidl);
      seal(this.#table, this.#context);
    } else if (reply.ok)
      for await (const batch of readSizes(reply.body)) for (const { number, size } of batch) this.#table.setSize(number, size);
  }

  /** The listing. Throws `protocol` where there is none of a maildrop that has messages. */
  end(): Listing {
    if (this.#drop.messages > 0 && this.#table.count === 0) throw protocolError('uidl', 'an empty listing of a maildrop that is not');
    return { drop: this.#drop, table: this.#table, named: true };
  }

  /** What STAT said, or is known already. */
  get drop(): Drop {
    return this.#drop;
  }
}

/**
 * STAT (unless it was asked already), UIDL and, unless only numbers are wanted, LIST. Throws the failure of whichever the
 * server refuses, and `protocol` for a listing that contradicts itself.
 */
export async function readListing(session: Session, context: Context, known: { drop?: Drop; sizes?: boolean } = {}): Promise<Listing> {
  const reader = new ListingReader(context, known.drop);
  const commands = [...(known.drop ? [] : [stat()]), uidl(), ...(known.sizes === false ? [] : [list()])];
  for await (const reply of session.run(commands)) await reader.take(reply);
  const { refused, drop } = reader;
  // An empty maildrop is answered with -ERR by some servers, but then without another reason.
  if (refused !== null && (drop.messages > 0 || refused.kind !== 'refused')) {
    if (!lacksUidl(refused, session, context)) throw new Pop3Error(refused);
    return { drop, table: await readUnnamed(session, context), named: false };
  }
  return reader.end();
}

/** UIDL and LIST of messages `from` … `to` alone, or null where the server has no answer for one of them. */
export async function readNew(session: Session, from: number, to: number, context: Context): Promise<ListingTable | null> {
  const table = new ListingTable();
  const sizes = new Map<number, number>();
  function* commands(): Generator<Command> {
    for (let number = from; number <= to; number++) {
      yield uidl(number);
      yield list(number);
    }
  }
  for await (const reply of session.run(commands())) {
    const number = reply.command.number ?? 0;
    if (!reply.ok) return null;
    if (reply.command.verb === 'UIDL') table.add(number, uidlOf(reply));
    else sizes.set(number, sizeIn(reply));
  }
  seal(table, context);
  for (const [number, size] of sizes) table.setSize(number, size);
  return table;
}

/** A refusal of STAT is a refusal of the session (Hotmail-style servers refuse a login there). */
function dropOf(reply: Reply): Drop {
  if (!reply.ok) throw new Pop3Error(reply.failure);
  const { count, octets } = parseDropListing(reply);
  return { messages: count, octets };
}

/** All UIDLs are hashed at once. */
function seal(table: ListingTable, { account }: Context): void {
  table.seal(account.vault.hashes('uidl', table.uidls));
}

/** The keyed hash, as it is stored, of the UIDL that a reply to `UIDL n` gives. Throws `protocol`. */
export function hashUidl(reply: Reply, context: Context): Uint8Array {
  return hashOfUidl(uidlOf(reply), context);
}

/** The keyed hash, as it is stored, of a UIDL. */
export function hashOfUidl(octets: Uint8Array, { account }: Context): Uint8Array {
  return account.vault.hashes('uidl', { octets, ends: Uint32Array.of(octets.length) });
}
