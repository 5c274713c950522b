/**
 * Figures about a mailbox, of what the ledger knows: how many messages came on each day, which are the largest, who wrote
 * most. Days are counted by places, which are given in order of time, so that a large ledger is not read through.
 */
import { MAILBOX } from '../limits.ts';
import type { Summary } from '../mime/message.ts';
import { listItem } from './item.ts';
import type { Rooms } from './rooms.ts';
import type { AccountStats } from './rpc.ts';
import type { FigureStore } from './store/figure-store.ts';

const DAY = 24 * 60 * 60 * 1000;

/** The figures, from the ledger alone. */
export async function accountStats(rooms: Rooms): Promise<AccountStats> {
  const { store } = rooms;
  const places = store.figures.largest(MAILBOX.statsLargest);
  const rows = new Map(store.messages.byCreated(places).map((row) => [row.created, row]));
  const largest = places.flatMap((place) => rows.get(place) ?? []);
  return {
    messagesPerDay: messagesPerDay(rooms),
    largest: await Promise.all(largest.map((row) => listItem(row, rooms))),
    topSenders: await topSenders(rooms),
  };
}

/** Live messages by the day (UTC) on which they were first seen, the last `MAILBOX.statsDays`, the oldest first. */
function messagesPerDay({ store, deps }: Rooms): AccountStats['messagesPerDay'] {
  const today = Math.floor(deps.now() / DAY);
  const days = Array.from({ length: MAILBOX.statsDays }, (_, index) => today - MAILBOX.statsDays + 1 + index);
  const last = store.account.row()?.place ?? 0;
  const places = [...days, today + 1].map((day) => placeAt(day * DAY, last, store.figures));
  return days.map((day, index) => ({
    date: new Date(day * DAY).toISOString().slice(0, 10),
    count: store.figures.countBetween(places[index] ?? 0, places[index + 1] ?? 0),
  }));
}

/** The first place at which a message was first seen at `time` or later, or behind the last place. Halves the range each time. */
function placeAt(time: number, last: number, figures: FigureStore): number {
  let [low, high] = [1, last + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const next = figures.seenFrom(middle);
    if (next === null || next.first_seen >= time) high = middle;
    else low = next.created + 1;
  }
  return low;
}

/** By the first address of From, of the newest messages whose headers are known. */
async function topSenders({ store, account }: Rooms): Promise<AccountStats['topSenders']> {
  const senders = new Map<string, { address: string; name: string; count: number }>();
  for (const { id, summary } of store.figures.summaries(MAILBOX.indexedMessages)) {
    const { from } = (await account.vault.openJson(summary, id, 'summary')) as Summary;
    const { address, name } = from[0] ?? { address: '', name: '' };
    if (address === '') continue;
    const key = address.toLowerCase();
    const sender = senders.get(key) ?? { address, name, count: 0 };
    senders.set(key, { ...sender, name: sender.name || name, count: sender.count + 1 });
  }
  return [...senders.values()].sort((a, b) => b.count - a.count || (a.address < b.address ? -1 : 1)).slice(0, MAILBOX.statsSenders);
}
