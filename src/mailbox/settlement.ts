/**
 * What a judged listing does to the ledger, apart from arrivals: what went, what came back, what is only missed, and what the
 * next sync goes by. One transaction, and the last of a sync: until it is done the next one looks at everything again.
 */
import { MAILBOX } from '../limits.ts';
import { log } from '../log.ts';
import { chunks } from './batches.ts';
import type { Context } from './context.ts';
import { type Judgement, settleMissing, type Suspicion, suspicion, type Vanished } from './ledger.ts';
import type { Drop, Listing } from './listing.ts';
import type { ListingTable } from './listing-table.ts';
import { sameOctets } from './same-octets.ts';
import type { HintRow } from './store/account-store.ts';

/**
 * Settles a full listing of `at` (milliseconds). Returns how many messages were destroyed. `settled`: whether all that it lists
 * is known for what it is; else the next sync looks at everything again, and until it is, for a day at most, nothing is gone.
 */
export function settleFull(
  listing: Listing,
  judgement: Judgement,
  { at, settled }: { readonly at: number; readonly settled: boolean },
  context: Context,
): number {
  const { store, account } = context;
  const { gone, deleted, missed, reason } = absencesOf(listing, judgement, { at, settled }, context);
  const hint = store.account.hint();
  store.transaction(() => {
    eachWithPlace(judgement.returned, (rows) => store.messages.revive(rows, at), context);
    const lastSeen = context.checks.checkedAt ?? at;
    const destroyer = (why: 'server' | 'api') => (rows: Placed[]) => {
      const destroyed = rows.map((row) => ({ ...row, why }));
      store.messages.destroy(destroyed, at, lastSeen);
    };
    eachWithPlace(gone, destroyer('server'), context);
    eachWithPlace(deleted, destroyer('api'), context);
    for (const batch of chunks(deleted)) store.deletions.withdraw(batch);
    for (const batch of chunks(missed)) store.absences.miss(batch, at);
    for (const batch of chunks(judgement.reappeared)) store.absences.unmiss(batch);
    store.account.setHint({
      ...hintOf(listing),
      full_at: settled && (listing.table.count >= listing.drop.messages || agrees(hint, listing, at - lastSeen)) ? at : null,
      suspect_at: missed.length === 0 ? null : (hint?.suspect_at ?? at),
    });
    prune(at, context);
    context.checks.listed(at);
  });
  if (reason !== null) log('listing_suspect', { account: account.id, code: reason, counts: { missed: missed.length, gone: gone.length } });
  return gone.length + deleted.length;
}

/** What is missing from a listing: gone by itself, gone because we were asked to delete it, or only missed; and why it is suspect. */
function absencesOf(
  listing: Listing,
  { live, vanished }: Judgement,
  { at, settled }: { readonly at: number; readonly settled: boolean },
  { store }: Context,
): { gone: number[]; deleted: number[]; missed: number[]; reason: Suspicion | null } {
  const intended = new Set(store.deletions.all().map((deletion) => deletion.message));
  const unexpected = vanished.filter(({ created }) => !intended.has(created));
  const expected = vanished.filter(({ created }) => intended.has(created));
  const reason = suspicion({ live, vanished: unexpected }, listing.table.count, listing.drop.messages) ?? cutShort(vanished, listing);
  // While not all that is listed is known for what it is, what is missing may be among it.
  const time = settled ? MAILBOX.suspectTime : MAILBOX.fullListingEvery;
  const { gone, missed } = reason === null && settled ? believed(unexpected) : settleMissing(unexpected, at, time);
  // Of those that are to be gone only a listing that is cut short says nothing.
  const asked = reason === 'fewer_than_claimed' || !settled ? settleMissing(expected, at, time) : believed(expected);
  return { gone, deleted: asked.gone, missed: [...missed, ...asked.missed], reason };
}

function believed(vanished: readonly Vanished[]): { gone: number[]; missed: number[] } {
  return { gone: vanished.map(({ created }) => created), missed: [] };
}

/** Whether a listing has fewer entries than STAT counts. `suspicion` says so too, but is told only of what nobody asked to delete. */
function cutShort(vanished: readonly Vanished[], { table, drop }: Listing): Suspicion | null {
  return vanished.length > 0 && table.count < drop.messages ? 'fewer_than_claimed' : null;
}

/**
 * Whether the sync before, `elapsed` milliseconds ago, found the same. A listing with fewer entries than STAT counts may lack new
 * messages too, and those are not missed by anybody: it is gone by only once a second one says the same.
 */
function agrees(hint: HintRow | null, listing: Listing, elapsed: number): boolean {
  if (hint === null || elapsed < MAILBOX.suspectTime) return false;
  const { messages, octets, number, uidl_hash: hash } = hintOf(listing);
  const sameLast = hash === null ? hint.uidl_hash === null : sameOctets(hint.uidl_hash, hash);
  return hint.messages === messages && hint.octets === octets && hint.number === number && sameLast;
}

/** Settles a sync of `at` that has found nothing but the new messages of `table` behind what `hint` says. */
export function settleGrown(hint: HintRow, table: ListingTable, drop: Drop, at: number, context: Context): void {
  const { store } = context;
  store.transaction(() => {
    store.account.setHint({ ...hint, ...hintOf({ table, drop, named: true }) });
    context.checks.listed(at);
  });
}

/** What STAT said and, if it has a UIDL, the last message of the listing. */
function hintOf({ table, drop, named }: Listing): Omit<HintRow, 'full_at' | 'suspect_at'> {
  const last = table.count - 1;
  if (last < 0 || !named) return { ...drop, number: 0, uidl_hash: null };
  return { ...drop, number: table.numberAt(last), uidl_hash: table.hashAt(last) };
}

/** A row, by its place of creation, and the place of what happens to it now. */
interface Placed {
  readonly created: number;
  readonly place: number;
}

/** Gives each of the rows `created` the next place of the sequence, and does `work` with them, in batches. */
function eachWithPlace(created: readonly number[], work: (rows: Placed[]) => void, { store }: Context): void {
  for (const batch of chunks(created)) {
    let place = store.account.takePlaces(batch.length);
    work(batch.map((row) => ({ created: row, place: place++ })));
  }
}

/** Tombstones go once they are old and many; whoever holds a state from before is told that the feed has forgotten some. */
function prune(now: number, { store, copies }: Context): void {
  const upTo = store.absences.prunable(now - MAILBOX.tombstoneTime, MAILBOX.tombstones);
  if (upTo === 0) return;
  const pruned = store.absences.prune(upTo, MAILBOX.pruneBatch);
  store.account.setPruned(pruned.place);
  for (const created of pruned.created) copies.drop(created);
  store.keys.prunePacks();
}
