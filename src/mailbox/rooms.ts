/** The rooms of one open account, wired together. */
import type { Account } from './account.ts';
import { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { Copies } from './copies.ts';
import type { Deps } from './deps.ts';
import { Fetcher } from './fetcher.ts';
import { Indexer } from './indexer.ts';
import { Line } from './line.ts';
import { Reading } from './reading.ts';
import { Rounds } from './rounds.ts';
import type { Store } from './store.ts';
import { Synchronizer } from './sync.ts';

export interface Rooms extends Context {
  readonly connection: Connection;
  readonly sync: Synchronizer;
  readonly indexer: Indexer;
  readonly reading: Reading;
  readonly rounds: Rounds;
}

/** Wires the rooms of `account`; opens no connection and stores nothing. */
export function furnish(account: Account, store: Store, deps: Deps, sessionLingerMs: number): Rooms {
  const connection = new Connection(deps, store, account);
  const line = new Line(connection, sessionLingerMs);
  const copies = new Copies(store, account, deps.now);
  const context: Context = { deps, store, account, line, copies };
  const fetcher = new Fetcher(context);
  const indexer = new Indexer(context, fetcher);
  const sync = new Synchronizer(context, indexer);
  return { ...context, connection, sync, indexer, reading: new Reading(context, fetcher), rounds: new Rounds(context, sync, indexer) };
}
