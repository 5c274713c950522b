/**
 * Commands to messages whose numbers this session has not confirmed yet, in one flight with the UIDL that confirms them: a
 * number is assumed from the message's rank in the ledger, its command goes out behind the UIDL, and what the server sends for a
 * number that turns out to be another message's is passed over. So an assumption saves a round trip and decides nothing.
 */
import type { Capabilities } from '../pop3/capabilities.ts';
import { type Command, stat, uidl } from '../pop3/command.ts';
import type { Reply } from '../pop3/session.ts';
import type { Context } from './context.ts';
import type { OpenSession } from './line.ts';
import { hashUidl, ListingReader } from './listing.ts';
import { isWorthGuessing, locate, noteListing } from './numbering.ts';
import { sameOctets } from './same-octets.ts';
import type { MessageRow } from './store/message-store.ts';

/** The command to a message under a number, or null where none is wanted any more. May be asked twice for one message. */
export type CommandFor = (row: MessageRow, number: number) => Command | null;

/** Whose commands are sent: `rows`, and then what `more` gives, if the session knows its numbers by then. */
export interface Wanted {
  readonly rows: readonly MessageRow[];
  readonly more: () => MessageRow | null;
}

/** The reply to one message's command; null where this session doesn't list the message. */
export interface Answered {
  readonly row: MessageRow;
  readonly reply: Reply | null;
}

/**
 * Sends each row's command, in order but for those whose number was assumed wrongly or isn't known, which come last. A reply is
 * yielded only for the number that this session has confirmed by UIDL. Throws what ends the session.
 */
export async function* askByNumber(
  open: OpenSession,
  wanted: Wanted,
  commandFor: CommandFor,
  context: Context,
): AsyncGenerator<Answered, void, void> {
  for (let { rows } = wanted; rows.length > 0;) {
    const left = yield* new Flight(open, { rows, more: wanted.more }, commandFor, context).run();
    const numbers = left.length > 0 ? await locate(open, left, context) : new Map<number, number>();
    for (const row of left) if (!numbers.has(row.created)) yield { row, reply: null };
    rows = left.filter((row) => numbers.has(row.created));
  }
}

/** One flight of commands, under confirmed and assumed numbers. */
class Flight {
  readonly #open: OpenSession;
  readonly #wanted: Wanted;
  readonly #commandFor: CommandFor;
  readonly #context: Context;
  /** Place of creation → assumed number, of rows that have no confirmed one. */
  readonly #assumed: ReadonlyMap<number, number>;
  /** How assumptions are confirmed: a few one by one, more of them by a listing of all. */
  readonly #confirmation: 'each' | 'listing' | 'none';
  readonly #confirming: MessageRow[] = [];
  readonly #asked: MessageRow[] = [];
  readonly #left: MessageRow[] = [];
  /** Whether an assumption was wrong: no other is made then. */
  #refuted = false;

  constructor(open: OpenSession, wanted: Wanted, commandFor: CommandFor, context: Context) {
    this.#open = open;
    this.#wanted = wanted;
    this.#commandFor = commandFor;
    this.#context = context;
    this.#assumed = assume(open, wanted.rows, context);
    const { size } = this.#assumed;
    this.#confirmation = size === 0 ? 'none' : isWorthGuessing(open, size, context) ? 'each' : 'listing';
  }

  /** Returns the rows that are still to be asked for. */
  async *run(): AsyncGenerator<Answered, readonly MessageRow[], void> {
    const { rows } = this.#wanted;
    if (this.#confirmation === 'none' && !rows.some((row) => this.#open.numbers.has(row.created))) return rows;
    const listing = new ListingReader(this.#context);
    for await (const reply of this.#open.session.run(this.#commands())) {
      const { verb, number } = reply.command;
      if (verb === 'STAT') await listing.take(reply);
      else if (verb === 'UIDL' && number === null) await this.#list(reply, listing);
      else if (verb === 'UIDL') this.#confirm(reply);
      else {
        const row = this.#asked.shift();
        if (!row) break;
        if (this.#open.numbers.get(row.created) === number) yield { row, reply };
        else this.#left.push(row);
      }
    }
    return this.#left;
  }

  *#commands(): Generator<Command> {
    if (this.#confirmation === 'listing') yield* [stat(), uidl()];
    for (const row of this.#rows()) {
      const known = this.#open.numbers.get(row.created);
      const number = known ?? (this.#refuted ? undefined : this.#assumed.get(row.created));
      if (number === undefined) {
        this.#left.push(row);
        continue;
      }
      const command = this.#commandFor(row, number);
      if (command === null) continue;
      if (known === undefined && this.#confirmation === 'each') {
        this.#confirming.push(row);
        yield uidl(number);
      }
      this.#asked.push(row);
      yield command;
    }
  }

  *#rows(): Generator<MessageRow> {
    yield* this.#wanted.rows;
    for (let row = this.#wanted.more(); row; row = this.#wanted.more()) yield row;
  }

  #confirm(reply: Reply): void {
    const row = this.#confirming.shift();
    const number = reply.command.number;
    if (row && number !== null && reply.ok && sameOctets(hashUidl(reply, this.#context), row.uidl_hash)) {
      this.#open.numbers.set(row.created, number);
    } else this.#refuted = true;
  }

  /** A refused or odd listing is left to those who know what to make of it. */
  async #list(reply: Reply, listing: ListingReader): Promise<void> {
    if (!reply.ok) {
      this.#refuted = true;
      return;
    }
    await listing.take(reply);
    noteListing(this.#open, listing.end(), this.#context);
    for (const [created, number] of this.#assumed) this.#refuted ||= this.#open.numbers.get(created) !== number;
  }
}

/**
 * Numbers by rank for the rows that have none in this session, if the server takes several commands at once, keeps what it was
 * asked for by mistake (RFC 2449 §6.7), and each of these UIDLs names one message alone; else none at all.
 */
function assume(open: OpenSession, rows: readonly MessageRow[], { store }: Context): Map<number, number> {
  const unknown = rows.filter((row) => !open.numbers.has(row.created));
  const { pipelining, capabilities } = open.session.remembered;
  if (unknown.length === 0 || open.listed || pipelining !== 'yes' || expiresAtOnce(capabilities)) return new Map();
  // Headers that stand in for a UIDL confirm no number in one flight.
  if (unknown.some((row) => (row.uidl === null && row.pack === null) || store.messages.isDuplicate(row.uidl_hash))) return new Map();
  return new Map(store.messages.ranks(unknown.map((row) => row.created)).map(({ created, rank }) => [created, rank]));
}

/** Whether the server removes what was retrieved, so that nothing may be asked for that isn't wanted. */
function expiresAtOnce(capabilities: Capabilities | null): boolean {
  return /^0+$/.test(capabilities?.expire ?? '');
}
