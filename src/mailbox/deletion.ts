/**
 * Deleting on the mail server. DELE only marks; the server removes in the UPDATE state, after QUIT (RFC 1939 §6), and an
 * error or a lost line there means "some or none". So: durable intents, the numbers confirmed (see `confirmation.ts`), DELE for
 * each, QUIT, `+OK`, and only then are they gone. Anything else is `delete_unconfirmed`: the intent lives on, every listing
 * looks whether the message is gone, and it is asked again, a few times at most. All intents are made and dropped by the
 * job that holds the session, so no two of them meet.
 */
import { MAILBOX } from '../limits.ts';
import { log } from '../log.ts';
import { type Command, dele, quit } from '../pop3/command.ts';
import type { Context } from './context.ts';
import { type Confirmed, confirm, namesOneMessage } from './confirmation.ts';
import { failureOf, MailboxError, refusal, unbelieved, upstreamFailureOf } from './failure.ts';
import { hintWithout, type Live } from './hint.ts';
import type { OpenSession } from './line.ts';
import type { DeleteReport, Failure, UpstreamSaid } from './rpc.ts';
import type { MessageRow } from './store/message-store.ts';

/** What became of each message in one session, by place of creation. */
interface Round {
  /** Their intents are of this session: nobody was told before that the deletion goes on. */
  readonly fresh: Set<number>;
  /** DELE was written, or is about to be. */
  readonly sent: Set<number>;
  /** The server answered DELE with -ERR, which marks nothing. */
  readonly refused: Map<number, Failure>;
  readonly gone: Set<number>;
}

export class Deletions {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Withdraws what an earlier life of the object intended and never wrote: nobody was told that it would be done. */
  recover(): void {
    this.#context.store.deletions.withdrawUnwritten();
  }

  /**
   * Deletes messages on the server, all in one session. What is gone already counts as deleted; an id never given is not
   * found. With `dryRun` says what would be, as far as the ledger knows, and changes nothing.
   */
  async remove(ids: readonly string[], dryRun = false): Promise<DeleteReport> {
    const asked = [...new Set(ids)];
    const rows = new Map(this.#context.store.messages.byIds(asked).map((row) => [row.id, row]));
    const failures = new Map<string, Failure>();
    const named: MessageRow[] = [];
    for (const row of rows.values()) {
      if (row.destroyed !== null) continue;
      if (namesOneMessage(row, this.#context)) named.push(row);
      else failures.set(row.id, unnamed());
    }
    if (!dryRun && named.length > 0) for (const [id, failure] of await this.#remove(named)) failures.set(id, failure);
    return {
      deleted: asked.filter((id) => rows.has(id) && !failures.has(id)),
      notFound: asked.filter((id) => !rows.has(id)),
      failed: asked.flatMap((id) => {
        const failure = failures.get(id);
        return failure ? [{ id, failure }] : [];
      }),
    };
  }

  /**
   * Asks again for what was never confirmed, within a job whose session has listed, and ends that session if it does.
   * What has been asked for too often is given up. Returns how many messages are gone by it. Throws no failure of the
   * server's: the intents that are left wait for the next listing.
   */
  async askAgain(open: OpenSession): Promise<number> {
    const { store, account } = this.#context;
    const due = store.deletions.all().slice(0, MAILBOX.deletionsAskedAgain);
    // Whoever went ahead of this job may have ended its session.
    if (due.length === 0 || !open.session.usable) return 0;
    const round = emptyRound();
    try {
      const rows = store.messages.byCreated(due.map(({ message }) => message));
      const confirmed = await confirm(open, rows, this.#context);
      const { numbers, shared } = confirmed;
      const spent = due.filter(({ message, tries }) => shared.has(message) || (tries >= MAILBOX.deleteTries && numbers.has(message)));
      store.deletions.withdraw(spent.map(({ message }) => message));
      if (spent.length > 0) log('deletion_given_up', { account: account.id, counts: { messages: spent.length } });
      const left = new Set(spent.map(({ message }) => message));
      for (const message of left) numbers.delete(message);
      await this.#delete(
        open,
        rows.filter((row) => !left.has(row.created)),
        round,
        confirmed,
      );
    } catch (error) {
      const failure = failureOf(error);
      if (!failure) throw error;
      log('deletion_unconfirmed', { account: account.id, code: failure.kind, phase: upstreamFailureOf(error)?.upstream.phase ?? null });
    }
    return round.gone.size;
  }

  /** Deletes live messages in a session of their turn. Returns what failed, by id. */
  async #remove(rows: readonly MessageRow[]): Promise<Map<string, Failure>> {
    let round = emptyRound();
    const work = (open: OpenSession): Promise<void> => {
      round = emptyRound();
      // While this job waited for its turn, another one may have deleted some of them.
      const now = this.#context.store.messages.byCreated(rows.map((row) => row.created));
      return this.#delete(
        open,
        now.filter((row) => row.destroyed === null),
        round,
      );
    };
    let broken: Failure | null = null;
    try {
      const job = { fresh: false, linger: true, priority: 'interactive' as const };
      await this.#context.line.use({ ...job, work, repeatable: () => round.sent.size === 0 });
    } catch (error) {
      broken = failureOf(error);
      if (!broken) throw error;
    }
    const failures = new Map<string, Failure>();
    for (const { id, created } of rows) {
      const failure = round.refused.get(created) ?? (broken && round.sent.has(created) ? unconfirmed(broken) : broken);
      if (failure && !round.gone.has(created)) failures.set(id, failure);
    }
    return failures;
  }

  /** Intent, UIDL, DELE, QUIT. Throws what broke the session; `round` then says how far each message came. */
  async #delete(open: OpenSession, rows: readonly MessageRow[], round: Round, known: Confirmed | null = null): Promise<void> {
    const { store, deps } = this.#context;
    const places = rows.map((row) => row.created);
    try {
      for (const created of store.deletions.intend(places, deps.now())) round.fresh.add(created);
      const { numbers, shared, doubtful } = known ?? (await confirm(open, rows, this.#context));
      for (const created of shared) round.refused.set(created, unnamed());
      for (const created of doubtful) round.refused.set(created, unbelieved().failure);
      this.#settle(
        places.filter((created) => !numbers.has(created) && !round.refused.has(created)),
        round,
      );
      if (numbers.size === 0) return;
      // The output gate holds the commands back until these rows are durable.
      store.deletions.written([...numbers.keys()]);
      this.#settle(await this.#mark(open, numbers, round), round);
    } finally {
      // What was not written, or refused, is withdrawn, unless somebody was told earlier that it would be tried again.
      const certain = [...round.fresh].filter((created) => !round.sent.has(created) || round.refused.has(created));
      store.deletions.withdraw(certain);
    }
  }

  /** DELE for each number, and QUIT with them. Returns the places of what the server marked, once it has confirmed QUIT. */
  async #mark(open: OpenSession, numbers: ReadonlyMap<number, number>, round: Round): Promise<number[]> {
    const marked: number[] = [];
    const places = [...numbers.keys()];
    function* commands(): Generator<Command> {
      for (const [created, number] of numbers) {
        round.sent.add(created);
        yield dele(number);
      }
      yield quit();
    }
    let next = 0;
    for await (const reply of open.session.run(commands())) {
      const created = places[next++];
      if (created === undefined) {
        if (reply.ok || marked.length === 0) return marked;
        throw new MailboxError(unconfirmedBy(reply.failure));
      }
      if (reply.ok) marked.push(created);
      else round.refused.set(created, refusal(reply.failure).failure);
    }
    throw new MailboxError(unconfirmedBy(null));
  }

  /** They are gone: by our doing if DELE was ever written for them, else by somebody else's. */
  #settle(places: readonly number[], round: Round): void {
    const { store, deps } = this.#context;
    if (places.length === 0) return;
    const now = deps.now();
    const ours = (created: number): 'api' | 'server' => (round.sent.has(created) || !round.fresh.has(created) ? 'api' : 'server');
    store.transaction(() => {
      const [hint, before] = [store.account.hint(), this.#live()];
      const live = store.messages.byCreated(places).filter((row) => row.destroyed === null);
      let place = store.account.takePlaces(live.length);
      store.messages.destroy(
        live.map(({ created }) => ({ created, place: place++, why: ours(created) })),
        now,
        now,
      );
      store.deletions.withdraw(places);
      const next = hint && hintWithout(hint, before, this.#live());
      if (next) store.account.setHint(next);
    });
    for (const created of places) round.gone.add(created);
  }

  #live(): Live {
    const { messages } = this.#context.store;
    return { ...messages.totals(), last: messages.page('newest', null, 1)[0]?.uidl_hash ?? null };
  }
}

function emptyRound(): Round {
  return { fresh: new Set(), sent: new Set(), refused: new Map(), gone: new Set() };
}

/** DELE was written and then `broken` happened. */
function unconfirmed(broken: Failure): Failure {
  return broken.kind === 'delete_unconfirmed' ? broken : unconfirmedBy('upstream' in broken ? broken.upstream : null);
}

function unconfirmedBy(said: UpstreamSaid | null): Failure {
  const { phase, responseCode, text } = said ?? { phase: 'quit', responseCode: null, text: null };
  return { kind: 'delete_unconfirmed', upstream: { phase, responseCode, text }, retryAfterSeconds: null };
}

function unnamed(): Failure {
  const upstream = { phase: 'uidl', responseCode: null, text: null };
  const reason = 'The mail server gives this message no UIDL of its own, so that deleting it could hit another message. It was not asked.';
  return { kind: 'upstream_refused', upstream, retryAfterSeconds: null, reason };
}
