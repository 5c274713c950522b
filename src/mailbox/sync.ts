/**
 * A sync: the mail server's listing becomes rows, places and tombstones of the ledger, in an order that loses nothing.
 * Rows first, headers after. Each batch of arrivals gets its ids and places in one transaction; a sync that dies
 * between two batches is completed by the next one, which finds the first batch known.
 *
 * Calls that meet share one sync.
 */
import { Buffer } from 'node:buffer';
import { newMessageId } from '../crypto/ids.ts';
import { MAILBOX } from '../limits.ts';
import type { Context } from './context.ts';
import type { Deletions } from './deletion.ts';
import { hex } from './hex.ts';
import type { Indexer } from './indexer.ts';
import { type Arrival, judge, type Judgement } from './ledger.ts';
import type { Job, OpenSession } from './line.ts';
import { knownRows, type Listing, readListing } from './listing.ts';
import type { SyncReport } from './rpc.ts';

export type SyncOutcome = Omit<SyncReport, 'sync'>;

export class Synchronizer {
  readonly #context: Context;
  readonly #indexer: Indexer;
  readonly #deletions: Deletions;
  #running: Promise<SyncOutcome> | null = null;

  constructor(context: Context, indexer: Indexer, deletions: Deletions) {
    this.#context = context;
    this.#indexer = indexer;
    this.#deletions = deletions;
  }

  /** Asks the server, or joins the sync that is asking. Throws what made it fail; the ledger is then as it was or further. */
  run(priority: Job<unknown>['priority']): Promise<SyncOutcome> {
    this.#running ??= this.#start(priority).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  #start(priority: Job<unknown>['priority']): Promise<SyncOutcome> {
    const { line, checks, deps } = this.#context;
    checks.began(deps.now());
    // A poll's session is closed at once: keeping the maildrop locked would keep the owner's own mail program out.
    // A session that breaks may be followed by another one; what came and went in both belongs to this sync.
    const tally = { created: 0, destroyed: 0 };
    return line.use({ fresh: true, linger: priority === 'interactive', priority, work: (open) => this.#sync(open, tally) });
  }

  async #sync(open: OpenSession, tally: { created: number; destroyed: number }): Promise<SyncOutcome> {
    const startedAt = this.#context.deps.now();
    const listing = await readListing(open.session, this.#context);
    const judgement = judge(listing.listed, knownRows(this.#context));
    await this.#insert(judgement.arrived, open);
    this.#settle(listing, judgement, open, startedAt);
    tally.created += judgement.arrived.length;
    tally.destroyed += judgement.vanished.length;
    if (tally.created > 0) await this.#indexer.newest(open, Math.min(tally.created, MAILBOX.indexedAtOnce), MAILBOX.indexedAtOnceTime);
    tally.destroyed += await this.#deletions.askAgain(open);
    const { counters } = open.session;
    return {
      ...tally,
      total: this.#context.store.messages.totals().messages,
      renumbered: false,
      upstream: {
        flights: counters.flights,
        bytesIn: counters.octetsIn,
        bytesOut: counters.octetsOut,
        milliseconds: this.#context.deps.now() - startedAt,
        commands: { ...counters.commands },
      },
    };
  }

  async #insert(arrived: readonly Arrival[], open: OpenSession): Promise<void> {
    const { store, account, checks, deps } = this.#context;
    const outsideFeed = account.settings.initial === 'none' && checks.checkedAt === null;
    for (const batch of batches(arrived)) {
      const rows = await Promise.all(
        batch.map(async (arrival) => {
          const id = newMessageId(deps.random);
          const uidl = hex(await account.vault.seal(arrival.uidl, id, 'uidl'));
          return { created: 0, id, uidl, uidlHash: arrival.uidlHash, occurrence: arrival.occurrence, size: arrival.size ?? 0 };
        }),
      );
      store.transaction(() => {
        const first = store.account.takePlaces(rows.length);
        for (const [index, row] of rows.entries()) row.created = first + index;
        store.messages.insert(rows, deps.now());
        if (outsideFeed) store.account.startFeedHere();
      });
      for (const [index, row] of rows.entries()) {
        const arrival = batch[index];
        if (arrival) open.numbers.set(row.created, arrival.number);
      }
    }
  }

  /** What went and what came back, the hint and the time of the check: one transaction. */
  #settle(listing: Listing, judgement: Judgement, open: OpenSession, startedAt: number): void {
    const { store, checks } = this.#context;
    const { returned, vanished } = judgement;
    for (const [created, number] of judgement.numbers) open.numbers.set(created, number);
    open.listed = true;
    const last = listing.listed.reduce<Listing['listed'][number] | null>((a, b) => (a && a.number > b.number ? a : b), null);
    store.transaction(() => {
      if (returned.length + vanished.length > 0) {
        const intended = new Set(store.deletions.all().map((deletion) => deletion.message));
        let place = store.account.takePlaces(returned.length + vanished.length);
        store.messages.revive(
          returned.map((created) => ({ created, place: place++ })),
          startedAt,
        );
        store.messages.destroy(
          vanished.map((created) => ({ created, place: place++, why: intended.has(created) ? 'api' : 'server' })),
          startedAt,
          checks.checkedAt ?? startedAt,
        );
        store.deletions.withdraw(vanished.filter((created) => intended.has(created)));
      }
      const { messages, octets } = listing.stat;
      store.account.setHint({ messages, octets, number: last?.number ?? 0, uidl_hash: last ? Buffer.from(last.uidlHash, 'hex') : null });
      checks.listed(startedAt);
    });
  }
}

/** Cuts arrivals so that a batch's rows fit one statement, however long their UIDLs are. */
function* batches(arrived: readonly Arrival[]): Generator<Arrival[]> {
  let batch: Arrival[] = [];
  let octets = 0;
  for (const arrival of arrived) {
    const size = 2 * arrival.uidl.length + 256;
    if (batch.length > 0 && (batch.length === MAILBOX.batchRows || octets + size > MAILBOX.batchOctets)) {
      yield batch;
      batch = [];
      octets = 0;
    }
    batch.push(arrival);
    octets += size;
  }
  if (batch.length > 0) yield batch;
}
