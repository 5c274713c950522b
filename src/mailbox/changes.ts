/** A page of the change feed as its callers read it: the server asked first where it must be, headers fetched where they are shown. */
import { Budget } from './budget.ts';
import { type ChangedRows, changesSince, startOf } from './feed.ts';
import { freshen, indexShown, lastKnown } from './freshness.ts';
import { listItem } from './item.ts';
import { readAhead } from './read-ahead.ts';
import type { Rooms } from './rooms.ts';
import type { ChangesPage, ChangesQuery, ListItem } from './rpc.ts';
import type { MessageRow } from './store/message-store.ts';
import { syncView } from './view.ts';

/** The page that `query` asks for. A state that isn't the account's is `invalid`, before the server is troubled for it. */
export async function readChanges(query: ChangesQuery, rooms: Rooms, given: Budget): Promise<ChangesPage> {
  const budget = query.within === undefined ? given : new Budget(rooms.deps.now, query.within);
  const start = startOf(query, rooms);
  const fresh = query.maxAge === null ? lastKnown(rooms) : await freshen(rooms, query.maxAge, budget);
  const page = (): ChangedRows => changesSince(start, query.limit, rooms);
  if (query.include === 'ids') return shown(page(), fresh, (row) => Promise.resolve({ id: row.id }), rooms);
  const { created, updated, hasMore } = page();
  const problem = await indexShown(rooms, [...created, ...updated], fresh, budget);
  const last = created.at(-1);
  if (start !== null && hasMore && last && problem === null) readAhead('oldest', last.created, query.limit, rooms);
  return shown(page(), { ...fresh, problem }, (row) => listItem(row, rooms), rooms);
}

/** Rows as items. */
async function shown(
  page: ChangedRows,
  fresh: { stale: boolean; problem: string | null },
  item: (row: MessageRow) => Promise<ListItem | { id: string }>,
  rooms: Rooms,
): Promise<ChangesPage> {
  // Before anything is awaited: page and state belong together.
  const sync = syncView(rooms, fresh);
  return { ...page, created: await Promise.all(page.created.map(item)), updated: await Promise.all(page.updated.map(item)), sync };
}
