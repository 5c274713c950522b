/**
 * Pages of the ledger: the list of live messages, and the change feed with JMAP's semantics (RFC 8620 §5.2).
 * Both read places only, so what they answer depends on nothing that a server may renumber.
 */
import { issueCursor, readCursor } from '../crypto/page-cursor.ts';
import type { Context } from './context.ts';
import { MailboxError } from './failure.ts';
import type { ChangesPage, ChangesQuery, ListQuery } from './rpc.ts';
import type { AccountRow } from './store/account-store.ts';
import type { MessageRow } from './store/message-store.ts';
import type { Store } from './store.ts';

const LISTING = 'messages';

/** Live rows of one page and the cursor behind it. A cursor of another account, or for another order, is `invalid`. */
export function listPage(query: ListQuery, { store, account }: Context): { rows: MessageRow[]; nextCursor: string | null } {
  const scope = `${account.id}/${LISTING}`;
  let from: number | null = null;
  if (query.cursor !== null) {
    const cursor = readCursor(account.vault, scope, query.cursor);
    if (!cursor || cursor.order !== query.order) throw foreignCursor();
    from = cursor.place;
  }
  const rows = store.messages.page(query.order, from, query.limit + 1);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    rows: shown,
    nextCursor: last && rows.length > query.limit ? issueCursor(account.vault, scope, query.order, last.created) : null,
  };
}

/** One page of changes, its rows not yet made into items. */
export interface ChangedRows extends Pick<
  ChangesPage,
  'oldState' | 'newState' | 'hasMore' | 'destroyed' | 'renumbered' | 'destroyedComplete'
> {
  readonly created: MessageRow[];
  readonly updated: MessageRow[];
}

type Entry =
  | { place: number; kind: 'created' | 'updated'; row: MessageRow }
  | { place: number; kind: 'destroyed'; gone: { id: string; gone_why: 'server' | 'api' } };

/**
 * The place that a query starts from, or null for the feed's start. A state that this account didn't issue is `invalid`;
 * a checkpoint that was never set is the start.
 */
export function startOf({ since, checkpoint }: Pick<ChangesQuery, 'since' | 'checkpoint'>, { store, account }: Context): number | null {
  if (since !== null) return account.place(since, '/since');
  return checkpoint === null ? null : (store.checkpoints.byName(checkpoint)?.place ?? null);
}

/**
 * What happened after a place (null: since the feed's start), oldest place first, at most `limit` entries in all.
 * A message created after it is in `created` alone: a later update of it lies behind its creation, in the same or a later
 * page, and if it is gone again the client never needs to hear of it.
 */
export function changesSince(start: number | null, limit: number, { store, account }: Context): ChangedRows {
  const row = accountRow(store);
  const asked = start ?? row.feed_start;
  const from = Math.max(asked, row.feed_start);
  const entries: Entry[] = [];
  for (const created of store.messages.createdAfter(from, limit + 1))
    entries.push({ place: created.created, kind: 'created', row: created });
  for (const updated of store.messages.updatedAfter(from, limit + 1))
    entries.push({ place: updated.updated ?? 0, kind: 'updated', row: updated });
  for (const gone of store.messages.destroyedAfter(from, limit + 1)) entries.push({ place: gone.destroyed, kind: 'destroyed', gone });
  entries.sort((a, b) => a.place - b.place);
  const page = entries.slice(0, limit);
  const hasMore = entries.length > limit;
  const to = hasMore ? (page.at(-1)?.place ?? from) : Math.max(row.place, from);
  return {
    oldState: account.state(asked),
    newState: account.state(to),
    hasMore,
    created: page.flatMap((entry) => (entry.kind === 'created' ? [entry.row] : [])),
    updated: page.flatMap((entry) => (entry.kind === 'updated' ? [entry.row] : [])),
    destroyed: page.flatMap((entry) => (entry.kind === 'destroyed' ? [{ id: entry.gone.id, reason: entry.gone.gone_why }] : [])),
    renumbered: row.renumbered > from && row.renumbered <= to,
    // Nothing was created at place 0, so nobody who starts there holds what has been forgotten.
    destroyedComplete: from === 0 || from >= row.pruned,
  };
}

/** Whether anything that the feed tells happened after a place. */
export function changedSince(place: number, { store }: Context): boolean {
  const from = Math.max(place, accountRow(store).feed_start);
  const { messages } = store;
  return [messages.createdAfter(from, 1), messages.updatedAfter(from, 1), messages.destroyedAfter(from, 1)].some((rows) => rows.length > 0);
}

/** How many entries the feed has after a place. */
export function behind(place: number, { store }: Context): number {
  return store.messages.countChanges(Math.max(place, accountRow(store).feed_start));
}

function accountRow(store: Store): AccountRow {
  const row = store.account.row();
  if (!row) throw new MailboxError({ kind: 'not_found' });
  return row;
}

/** A cursor of another account or another listing. */
export function foreignCursor(): MailboxError {
  return new MailboxError({ kind: 'invalid', pointer: '/cursor', detail: 'This cursor does not belong to this listing.' });
}
