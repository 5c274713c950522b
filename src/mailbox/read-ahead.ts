/**
 * Reading ahead: while a caller who goes from page to page of messages that aren't indexed yet is still at work on one page, the
 * headers of the next are under way. It takes a session that is open and that nobody waits for, never a login, and steps aside like
 * all background work.
 */
import { errorName, log } from '../log.ts';
import { failureOf } from './failure.ts';
import type { Rooms } from './rooms.ts';

/** Begins to index what needs it among the `limit` live messages next to the place `from`. Throws nothing, and nobody waits for it. */
export function readAhead(order: 'newest' | 'oldest', from: number, limit: number, rooms: Rooms): void {
  const { store, deps, line, indexer, account } = rooms;
  if (!line.spare) return;
  const rows = store.details.unindexedNext(order, from, limit, deps.now());
  if (rows.length === 0) return;
  indexer.indexAhead(rows).catch((error: unknown) => {
    // What the server or the line did is in the account's health, or with the rows.
    if (failureOf(error) === null) log('read_ahead_failed', { account: account.id, error: errorName(error) });
  });
}
