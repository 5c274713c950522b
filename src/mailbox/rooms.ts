/** The rooms of one open account, wired together. */
import type { Account } from './account.ts';
import { Amendments } from './amendment.ts';
import { Checks } from './checks.ts';
import { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { Copies } from './copies.ts';
import { Deletions } from './deletion.ts';
import type { Deps } from './deps.ts';
import { Events } from './events.ts';
import { Fetcher } from './fetcher.ts';
import { HostTurn } from './host-turn.ts';
import { Indexer } from './indexer.ts';
import { Line } from './line.ts';
import { Reading } from './reading.ts';
import { Rounds } from './rounds.ts';
import type { Store } from './store.ts';
import { Synchronizer } from './sync.ts';
import { Uidls } from './uidls.ts';

export interface Rooms extends Context {
  readonly connection: Connection;
  readonly sync: Synchronizer;
  readonly deletions: Deletions;
  readonly fetcher: Fetcher;
  readonly indexer: Indexer;
  readonly reading: Reading;
  readonly rounds: Rounds;
  readonly events: Events;
  readonly amendments: Amendments;
}

/** Wires the rooms of `account`; opens no connection and stores nothing. */
export function furnish(account: Account, store: Store, deps: Deps, sessionLingerMs: number): Rooms {
  const checks = new Checks(store);
  const turn = new HostTurn(deps, account);
  const connection = new Connection(deps, store, account, { checks, turn });
  const line = new Line(connection, sessionLingerMs);
  const copies = new Copies(store, account, deps.now);
  const context: Context = { deps, store, account, checks, line, copies, uidls: new Uidls(account.vault, store.keys, deps.random) };
  const fetcher = new Fetcher(context);
  const indexer = new Indexer(context, fetcher);
  const deletions = new Deletions(context);
  const sync = new Synchronizer(context, indexer, deletions);
  const reading = new Reading(context, fetcher);
  const rounds = new Rounds(context, { sync, indexer, turn });
  const events = new Events(account, store, deps.now);
  const amendments = new Amendments(context, { rounds, events });
  return { ...context, connection, sync, deletions, fetcher, indexer, reading, rounds, events, amendments };
}
