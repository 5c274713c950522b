/**
 * Headers of messages: `TOP n k` (RFC 1939 §7), or RETR where a server has no TOP, become the list members of a row.
 * A batch is one transaction, so indexing can stop and go on anywhere, and in the background it stops for those who are waited
 * for. A message that can't be read is marked and tried again later; it never blocks its neighbours.
 */
import { MAILBOX, PIPELINE } from '../limits.ts';
import { summarize, type Summary } from '../mime/message.ts';
import { type Command, top } from '../pop3/command.ts';
import { Pop3Error } from '../pop3/error.ts';
import { bounded } from './batches.ts';
import type { Context } from './context.ts';
import { disbelieve } from './disbelief.ts';
import { MailboxError, refusal } from './failure.ts';
import type { Fetcher } from './fetcher.ts';
import { backoff } from './health.ts';
import { hex } from './hex.ts';
import type { Job, OpenSession } from './line.ts';
import { locate } from './numbering.ts';
import { collect, outlined } from './octets.ts';
import type { Priority } from './queue.ts';
import type { MessageRow } from './store/message-store.ts';
import { fingerprint } from './summary.ts';

/** A row, by its place. */
type Placed = Pick<MessageRow, 'created'>;

/** How long work may go on and, as long as it is background work, how many replies it leaves outstanding and whether it may log in. */
interface Pace {
  readonly until: number;
  readonly window: number;
  readonly logsIn: boolean;
}

/** Rows that are being indexed, until `done`. */
interface Work {
  readonly rows: readonly Placed[];
  /** Whether it steps aside for those who are waited for. */
  background: boolean;
  /** The job that does this and nothing else, or null. */
  readonly job: Job<void> | null;
  readonly done: Promise<void>;
}

/** What was read of a message and isn't stored yet. */
interface Headers {
  readonly row: MessageRow;
  readonly summary: Summary;
  readonly print: Uint8Array;
}

interface Located {
  readonly row: MessageRow;
  readonly number: number;
}

export class Indexer {
  readonly #context: Context;
  readonly #fetcher: Fetcher;
  /** What is being indexed: place of creation → the work that does it. */
  readonly #running = new Map<number, Work>();

  constructor(context: Context, fetcher: Fetcher) {
    this.#context = context;
    this.#fetcher = fetcher;
  }

  /** Indexes `rows` in a session of their own turn. Calls that meet share the work. */
  async index(rows: readonly Placed[], priority: Priority): Promise<void> {
    await this.#indexAll(rows, priority, { until: Number.POSITIVE_INFINITY, window: MAILBOX.backgroundWindow, logsIn: true });
  }

  /** The same for a caller who may ask for them soon: as long as none has, it costs no login. */
  async indexAhead(rows: readonly Placed[]): Promise<void> {
    await this.#indexAll(rows, 'background', { until: Number.POSITIVE_INFINITY, window: MAILBOX.readAheadWindow, logsIn: false });
  }

  async #indexAll(rows: readonly Placed[], priority: Priority, pace: Pace): Promise<void> {
    const { store, deps } = this.#context;
    if (!(await this.#indexOrJoin(rows, priority, pace))) return;
    // What others had begun may have been cut off, so what they left is asked for again, once.
    const places = rows.map(({ created }) => created);
    await this.#indexOrJoin(store.details.unindexedOf(places, deps.now()), priority, pace);
  }

  /** Indexes up to `count` of the newest messages within a job that holds the session, for `time` milliseconds at most. */
  async newest(open: OpenSession, count: number, time: number): Promise<void> {
    const { store, deps, line } = this.#context;
    const rows = store.details.unindexed(MAILBOX.indexedMessages, deps.now(), count);
    const pace = { until: deps.now() + time, window: MAILBOX.backgroundWindow, logsIn: true };
    await this.#share({ rows, background: line.background, job: null, done: this.#index(open, rows, pace) });
  }

  /** Whether any of `rows` was being indexed by somebody else. */
  async #indexOrJoin(rows: readonly Placed[], priority: Priority, pace: Pace): Promise<boolean> {
    const running = new Set(rows.flatMap(({ created }) => this.#running.get(created) ?? []));
    const joined = new Set([...running].filter((work) => priority === 'background' || this.#isJoined(work, rows)));
    const left = rows.filter(({ created }) => {
      const work = this.#running.get(created);
      return !work || !joined.has(work);
    });
    const work = [...joined].map(({ done }) => done);
    if (left.length > 0) {
      const background = priority === 'background';
      const job: Job<void> = {
        fresh: false,
        linger: !background,
        priority,
        work: (open) => this.#index(open, left, pace),
        // Whoever shows what it left asks for it again.
        ...(pace.logsIn ? {} : { spared: () => undefined }),
      };
      work.push(this.#share({ rows: left, background, job, done: this.#context.line.use(job) }));
    }
    await Promise.all(work);
    return joined.size > 0;
  }

  /**
   * Whether a caller who waits for `rows` waits for `work`, which has begun. Background work is not waited for, since it steps aside;
   * but if the caller wants all that it does, it is the caller's from then on, and background work no more.
   */
  #isJoined(work: Work, rows: readonly Placed[]): boolean {
    if (!work.background) return true;
    const wanted = new Set(rows.map(({ created }) => created));
    if (work.job === null || !work.rows.every(({ created }) => wanted.has(created))) return false;
    work.job.priority = 'interactive';
    work.background = false;
    return true;
  }

  async #share(work: Work): Promise<void> {
    for (const { created } of work.rows) this.#running.set(created, work);
    try {
      await work.done;
    } finally {
      for (const { created } of work.rows) if (this.#running.get(created) === work) this.#running.delete(created);
    }
  }

  /** Background work lets whoever waits go first, between two messages, and then goes on with what is left. */
  async #index(open: OpenSession, rows: readonly Placed[], pace: Pace): Promise<void> {
    const { line, deps } = this.#context;
    let left: readonly Placed[] = await this.#pass(open, rows, pace);
    while (left.length > 0 && deps.now() <= pace.until) {
      const session = await line.stepAside();
      // What is left is found by the next alarm, or by whoever shows it.
      if (session === null) return;
      left = await this.#pass(session, left, pace);
    }
  }

  /** Indexes `rows` until all are done, the time is up or somebody is to go first. Returns those it didn't come to. */
  async #pass(open: OpenSession, rows: readonly Placed[], pace: Pace): Promise<MessageRow[]> {
    const { store } = this.#context;
    // While others had the turn, a message may have been read whole, or be gone.
    const current = new Map(store.messages.byCreated(rows.map((row) => row.created)).map((row) => [row.created, row]));
    const wanted = rows.flatMap((row) => current.get(row.created) ?? []).filter((row) => row.detail === 0 && row.destroyed === null);
    const numbers = await locate(open, wanted, this.#context);
    const present: Located[] = [];
    for (const row of wanted) {
      const number = numbers.get(row.created);
      if (number !== undefined) present.push({ row, number });
      // The next listing will say that it is gone; until then nobody asks for it again and again.
      else this.#failed(row);
    }
    const { capabilities } = open.session;
    const byTop = capabilities && !capabilities.top ? [] : present;
    const { reached, refused } = await this.#byTop(open, byTop, pace);
    const byRetr = capabilities && !capabilities.top ? present : refused;
    const retrieved = await this.#byRetr(open, byRetr, pace);
    return [...byTop.slice(reached), ...byRetr.slice(retrieved)].map(({ row }) => row);
  }

  /** How many it came to, and those that a server which doesn't tell its capabilities refused to TOP: it may know RETR alone. */
  async #byTop(open: OpenSession, present: readonly Located[], pace: Pace): Promise<{ reached: number; refused: Located[] }> {
    const { line } = this.#context;
    const refused: Located[] = [];
    const asked: Located[] = [];
    const batch: Headers[] = [];
    const known: number[] = [];
    let held = 0;
    let next = 0;
    const commands = function* (due: Iterable<Located>): Generator<Command> {
      for (const located of due) {
        asked.push(located);
        yield top(located.number, MAILBOX.previewLines);
      }
    };
    const due = this.#due(present, pace.window, pace.until);
    try {
      for await (const reply of open.session.run(commands(due), () => (line.background ? pace.window : PIPELINE.commands))) {
        const located = asked[next];
        if (!located) break;
        const octets = reply.ok ? await collect(reply.body) : null;
        held += octets?.length ?? 0;
        if (octets) batch.push(await this.#read(located.row, octets));
        else if (open.session.capabilities === null) refused.push(located);
        else this.#failed(located.row);
        next += 1;
        if (batch.length < MAILBOX.indexBatch && held < MAILBOX.indexBatchOctets) continue;
        known.push(...(await this.#commit(batch)));
        held = 0;
      }
    } catch (error) {
      if (open.session.mixedUp) {
        batch.length = 0;
        disbelieve(known, this.#context);
      }
      const current = asked[next];
      if (current) this.#broke(current.row, error);
      // One monstrous message is that message's fault, not the account's.
      throw isProtocol(error) ? refusal(error.failure) : error;
    } finally {
      await this.#commit(batch);
    }
    return { reached: asked.length, refused };
  }

  /** Returns how many it came to. */
  async #byRetr(open: OpenSession, present: readonly Located[], { until }: Pace): Promise<number> {
    let reached = 0;
    for (const { row, number } of this.#due(present, 1, until)) {
      reached += 1;
      try {
        await this.#fetcher.retrieve(open, row, number);
      } catch (error) {
        if (error instanceof MailboxError && open.session.usable) continue;
        this.#broke(row, error);
        throw error;
      }
    }
    return reached;
  }

  /** Those of `present` that are to be asked for now: until the time is up or, behind the first `least`, somebody is to go first. */
  *#due(present: readonly Located[], least: number, until: number): Generator<Located> {
    const { line, deps } = this.#context;
    for (const [index, located] of present.entries()) {
      if (deps.now() > until || (index >= least && line.wanted)) return;
      yield located;
    }
  }

  async #read(row: MessageRow, octets: Uint8Array): Promise<Headers> {
    const { outline, read } = outlined(octets);
    const summary = await summarize(outline, read, { whole: false });
    return { row, summary, print: await fingerprint(outline, read, row.size, this.#context.account.vault) };
  }

  /** Seals a batch, all at once, and stores it in one transaction. Returns the places of what it held. */
  async #commit(batch: Headers[]): Promise<number[]> {
    if (batch.length === 0) return [];
    const { store, account } = this.#context;
    const rows = await Promise.all(
      batch.splice(0).map(async ({ row: { created, id }, summary, print }) => {
        return { created, summary: hex(await account.vault.sealJson(summary, id, 'summary')), fingerprint: hex(print) };
      }),
    );
    store.transaction(() => {
      const first = store.account.takePlaces(rows.length);
      const indexed = rows.map((row, index) => ({ ...row, place: first + index }));
      for (const some of bounded(indexed, ({ summary }) => summary.length)) store.details.index(some);
    });
    return rows.map(({ created }) => created);
  }

  /**
   * The session ended at this message, or its parsing failed: it must not be the first one again for ever. A line may
   * break by chance, so the first time it only comes behind its neighbours.
   */
  #broke(row: MessageRow, error: unknown): void {
    const { store, deps } = this.#context;
    const byChance = row.tries === 0 && !isProtocol(error);
    store.details.readFailed(row.created, deps.now() + (byChance ? 0 : backoff(row.tries + 1)));
  }

  #failed(row: MessageRow): void {
    const { store, deps } = this.#context;
    store.details.readFailed(row.created, deps.now() + backoff(row.tries + 1));
  }
}

/** Whether a message's headers are still unknown, and may be asked for. */
export function needsIndexing(row: MessageRow, now: number): boolean {
  return row.detail === 0 && (row.retry_at ?? 0) <= now;
}

function isProtocol(error: unknown): error is Pop3Error {
  return error instanceof Pop3Error && error.failure.kind === 'protocol';
}
