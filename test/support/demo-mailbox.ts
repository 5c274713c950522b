/**
 * The demo's maildrop: the corpus, and new mail now and then. The mail itself is in memory and is made again at every
 * start; a small file keeps what can't be made again: the day the corpus is dated from, what was deleted, and which
 * messages have arrived when. So UIDLs and octets are the same after a restart, and a gateway's ledger stays true.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { arrival, corpus } from './corpus.ts';
import type { CorpusMessage } from './corpus.ts';
import { Maildrop } from './maildrop.ts';

interface Kept {
  /** The corpus is dated from here. */
  since: string;
  /** Names of the corpus's messages that were deleted. */
  deleted: string[];
  /** Arrivals that are still there: their number and when they came. */
  arrived: { n: number; at: string }[];
  /** The number of the next arrival. */
  next: number;
}

export interface DemoMailbox {
  readonly maildrop: Maildrop;
  /** Lets new mail come from now on. */
  start(): void;
  stop(): void;
}

/** Arrivals in the maildrop at a time; at the bound no more come until some are deleted. */
const MOST_ARRIVALS = 200;
const FIRST = 45_000;
const LEAST = 120_000;
const MOST = 180_000;

/** Fills a maildrop from `file`, or anew when there is none. */
export function demoMailbox(file: string): DemoMailbox {
  const kept: Kept = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Kept)
    : { since: new Date().toISOString(), deleted: [], arrived: [], next: 1 };
  const maildrop = new Maildrop();
  const names = new Map<string, string>();
  const add = (message: CorpusMessage): void => {
    const uidl = uidlOf(message);
    names.set(uidl, message.name);
    maildrop.add(message.octets, uidl);
  };
  for (const message of corpus(new Date(kept.since))) if (!kept.deleted.includes(message.name)) add(message);
  for (const { n, at } of kept.arrived) add(arrival(n, new Date(at)));
  save(file, kept);
  maildrop.onChange(({ kind, uidl }) => {
    const name = names.get(uidl);
    if (kind !== 'removed' || name === undefined) return;
    forget(kept, name);
    save(file, kept);
  });
  return {
    maildrop,
    ...nowAndThen(() => {
      if (kept.arrived.length >= MOST_ARRIVALS) return;
      const came = { n: kept.next, at: new Date().toISOString() };
      kept.next += 1;
      kept.arrived.push(came);
      save(file, kept);
      add(arrival(came.n, new Date(came.at)));
    }),
  };
}

function forget(kept: Kept, name: string): void {
  const left = kept.arrived.filter(({ n }) => name !== `arrival-${n}`);
  if (left.length === kept.arrived.length) kept.deleted.push(name);
  kept.arrived = left;
}

/** A UIDL that changes with the octets: after an update of the corpus a changed message is a new one. */
function uidlOf(message: CorpusMessage): string {
  return `${message.name}.${createHash('sha256').update(message.octets).digest('hex').slice(0, 12)}`;
}

function nowAndThen(happens: () => void): { start(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const wait = (milliseconds: number): void => {
    timer = setTimeout(() => {
      happens();
      wait(LEAST + Math.random() * (MOST - LEAST));
    }, milliseconds);
  };
  return { start: () => wait(FIRST), stop: () => clearTimeout(timer) };
}

/** Written beside and moved into place: a Ctrl-C in between leaves the old file whole. */
function save(file: string, kept: Kept): void {
  writeFileSync(`${file}.new`, JSON.stringify(kept, null, 1));
  renameSync(`${file}.new`, file);
}
