/**
 * A sync: what the mail server lists becomes rows, places and tombstones of the ledger, in an order that loses nothing, and
 * no deeper than it must look. Rows first, headers after. Calls that meet share one sync.
 */
import { MAILBOX } from '../limits.ts';
import { log } from '../log.ts';
import { insertArrivals } from './arrivals.ts';
import type { Context } from './context.ts';
import type { Deletions } from './deletion.ts';
import { depthOf, type FullReason, opening, type OpeningReason } from './depth.ts';
import { hex } from './hex.ts';
import { identify } from './identification.ts';
import type { Indexer } from './indexer.ts';
import type { Job, OpenSession } from './line.ts';
import { askHint, type Drop, readListing, readNew } from './listing.ts';
import type { ListingTable } from './listing-table.ts';
import type { Priority } from './queue.ts';
import type { SyncReport } from './rpc.ts';
import { settleFull, settleGrown } from './settlement.ts';
import type { HintRow } from './store/account-store.ts';

export type SyncOutcome = Omit<SyncReport, 'sync'>;

/** What a sync has found so far. One that broke off and was begun again in another session goes on counting. */
interface Tally {
  created: number;
  destroyed: number;
  renumbered: boolean;
}

export class Synchronizer {
  readonly #context: Context;
  readonly #indexer: Indexer;
  readonly #deletions: Deletions;
  #running: { readonly job: Job<SyncOutcome>; readonly outcome: Promise<SyncOutcome> } | null = null;

  constructor(context: Context, indexer: Indexer, deletions: Deletions) {
    this.#context = context;
    this.#indexer = indexer;
    this.#deletions = deletions;
  }

  /**
   * Asks the server, or joins the sync that is asking, which is interactive from then on if `priority` is. Throws what made it
   * fail; the ledger is then as it was or further.
   */
  run(priority: Priority): Promise<SyncOutcome> {
    this.#running ??= this.#start(priority);
    if (priority === 'interactive') this.#running.job.priority = priority;
    return this.#running.outcome;
  }

  #start(priority: Priority): { job: Job<SyncOutcome>; outcome: Promise<SyncOutcome> } {
    const { line, checks, deps } = this.#context;
    checks.began(deps.now());
    const tally: Tally = { created: 0, destroyed: 0, renumbered: false };
    const work = (open: OpenSession): Promise<SyncOutcome> => this.#sync(open, tally);
    // A poll's session is closed at once: keeping the maildrop locked would keep the owner's own mail program out.
    const job: Job<SyncOutcome> = { fresh: true, linger: priority === 'interactive', priority, work };
    const outcome = line.use(job).finally(() => {
      this.#running = null;
    });
    return { job, outcome };
  }

  async #sync(open: OpenSession, tally: Tally): Promise<SyncOutcome> {
    const startedAt = this.#context.deps.now();
    await this.#look(open, startedAt, tally);
    if (tally.created > 0) await this.#indexer.newest(open, Math.min(tally.created, MAILBOX.indexedAtOnce), MAILBOX.indexedAtOnceTime);
    tally.destroyed += await this.#deletions.askAgain(open);
    const { counters } = open.session;
    return {
      ...tally,
      total: this.#context.store.messages.totals().messages,
      upstream: {
        flights: counters.flights,
        bytesIn: counters.octetsIn,
        bytesOut: counters.octetsOut,
        milliseconds: this.#context.deps.now() - startedAt,
        commands: { ...counters.commands },
      },
    };
  }

  /** Looks as deep as the hint and the server's first answer ask for. */
  async #look(open: OpenSession, startedAt: number, tally: Tally): Promise<void> {
    const { store, checks } = this.#context;
    const hint = store.account.hint();
    const first = opening(hint, startedAt);
    if (hint === null || first.ask === 'full')
      return this.#full(open, startedAt, tally, first.ask === 'full' ? first.reason : 'never_listed');
    const answer = await askHint(open.session, hint, this.#context);
    open.drop = answer;
    const depth = depthOf(hint, answer, grownMost(open));
    if (depth.depth === 'unchanged') return checks.unchanged(startedAt);
    if (depth.depth === 'full') return this.#full(open, startedAt, tally, depth.reason, answer);
    const table = await readNew(open.session, depth.from, depth.to, this.#context);
    if (table === null || !this.#isPlain(table, depth.octets)) return this.#full(open, startedAt, tally, 'odd_news', answer);
    await this.#grown(open, startedAt, tally, { hint, table, drop: answer });
  }

  async #grown(open: OpenSession, at: number, tally: Tally, news: { hint: HintRow; table: ListingTable; drop: Drop }): Promise<void> {
    const { table } = news;
    const ranks = Array.from({ length: table.count }, (_, rank) => rank);
    await insertArrivals({ table, named: true }, ranks, open, this.#context);
    settleGrown(news.hint, table, news.drop, at, this.#context);
    tally.created += ranks.length;
  }

  async #full(open: OpenSession, at: number, tally: Tally, reason: OpeningReason | FullReason, drop?: Drop): Promise<void> {
    const listing = await readListing(open.session, this.#context, drop ? { drop } : {});
    const { judgement, renumbered, more } = await identify(open, listing, this.#context);
    tally.renumbered ||= renumbered;
    await insertArrivals(listing, judgement.arrived, open, this.#context);
    tally.created += judgement.arrived.length;
    tally.destroyed += settleFull(listing, judgement, { at, settled: !more }, this.#context);
    open.identified = !more;
    log('listed_in_full', { account: this.#context.account.id, code: reason, counts: { messages: listing.table.count } });
  }

  /** Whether new messages are just that: each under a UIDL of its own that was never seen, and together as large as STAT says. */
  #isPlain(table: ListingTable, octets: number): boolean {
    let sum = 0;
    const hashes: string[] = [];
    for (let rank = 0; rank < table.count; rank++) {
      if (table.occurrenceAt(rank) > 0 || table.uidlAt(rank).length === 0) return false;
      sum += table.sizeAt(rank) ?? 0;
      hashes.push(hex(table.hashAt(rank)));
    }
    return sum === octets && this.#context.store.keys.countUnder(hashes) === 0;
  }
}

/** How many new messages are asked for one by one: without pipelining each costs two round trips. */
function grownMost({ session }: OpenSession): number {
  return session.remembered.pipelining === 'yes' ? MAILBOX.grownMost : MAILBOX.grownMostAlone;
}
