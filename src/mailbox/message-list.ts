/** A page of the live messages for a caller: fresh enough, its headers indexed where they are shown. */
import type { Budget } from './budget.ts';
import { listPage } from './feed.ts';
import { FRESH, freshen, indexShown } from './freshness.ts';
import { needsHeaders, someOf } from './item.ts';
import { readAhead } from './read-ahead.ts';
import type { Rooms } from './rooms.ts';
import type { ListQuery, MessagePage } from './rpc.ts';
import { syncView } from './view.ts';

/** Reads the page that `query` asks for. A cursor that isn't this listing's is `invalid` before the server is troubled. */
export async function readMessages(query: ListQuery, rooms: Rooms, budget: Budget): Promise<MessagePage> {
  const { store } = rooms;
  if (query.cursor !== null) listPage(query, rooms);
  // A page behind a cursor belongs to the listing that its first page began: the server isn't asked again.
  const fresh = query.cursor === null ? await freshen(rooms, query.maxAge, budget) : FRESH;
  const { rows, nextCursor } = listPage(query, rooms);
  const problem = needsHeaders(query.fields) ? await indexShown(rooms, rows, fresh, budget) : fresh.problem;
  const last = rows.at(-1);
  // Who has come to a second page is likely to want a third one.
  const goesOn = query.cursor !== null && nextCursor !== null && needsHeaders(query.fields) && problem === null;
  if (goesOn && last) readAhead(query.order, last.created, query.limit, rooms);
  const indexed = new Map(store.messages.byCreated(rows.map((row) => row.created)).map((row) => [row.created, row]));
  const shown = rows.map((row) => indexed.get(row.created) ?? row);
  return {
    data: await Promise.all(shown.map((row) => someOf(row, rooms, query.fields))),
    nextCursor,
    total: store.messages.totals().messages,
    sync: syncView(rooms, { stale: fresh.stale, problem }),
  };
}
