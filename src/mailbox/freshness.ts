/**
 * How old an answer may be. The server is asked when the ledger is older than the caller accepts; when it can't be asked,
 * the ledger answers all the same and says that it is stale, unless the caller insists.
 */
import { EnvelopeError } from '../crypto/envelope.ts';
import { WAIT } from '../limits.ts';
import type { Budget } from './budget.ts';
import { failureOf, MailboxError } from './failure.ts';
import { needsIndexing } from './indexer.ts';
import type { Priority } from './queue.ts';
import type { Rooms } from './rooms.ts';
import type { MessageRow } from './store/message-store.ts';
import type { SyncOutcome } from './sync.ts';
import { announced, isSuspect } from './view.ts';

/** Whether what is shown is older than what was asked for, and the code of what went wrong. */
export interface Freshness {
  readonly stale: boolean;
  readonly problem: string | null;
}

export const FRESH: Freshness = { stale: false, problem: null };

/** How fresh an answer is whose listing is young enough: one that isn't believed leaves the ledger stale. */
export function afterCheck(rooms: Pick<Rooms, 'store'>): Freshness {
  return isSuspect(rooms) ? { stale: true, problem: null } : FRESH;
}

/** Asks the server, or joins who is asking; sets the alarm by what came of it. An account that is paused is `paused`. */
export async function syncNow(rooms: Rooms, priority: Priority = 'interactive'): Promise<SyncOutcome> {
  if (rooms.account.settings.paused) throw new MailboxError({ kind: 'paused' });
  try {
    return await rooms.sync.run(priority);
  } finally {
    rooms.rounds.arm();
  }
}

/**
 * Sees to it that the ledger is at most `maxAge` seconds old, or says why it isn't. Throws the failure itself with
 * `maxAge` 0, and where there is no ledger yet to answer from.
 */
export async function freshen(rooms: Rooms, maxAge: number, budget: Budget): Promise<Freshness> {
  const health = rooms.store.account.health();
  const now = rooms.deps.now();
  const recent = (at: number | null): boolean => at !== null && maxAge > 0 && now - at <= maxAge * 1000;
  // Where nothing was listed since the server or the credentials were changed, the ledger is of another maildrop.
  if (recent(rooms.checks.checkedAt) && rooms.store.account.hint() !== null) return afterCheck(rooms);
  // Somebody has asked in vain just now: the next one need not wait for the same answer.
  if (rooms.checks.checkedAt !== null && health.error_code !== null && recent(health.error_at))
    return { stale: true, problem: health.error_code };
  try {
    await budget.wait(syncNow(rooms));
    return afterCheck(rooms);
  } catch (error) {
    const failure = failureOf(error);
    if (!failure || maxAge === 0 || rooms.checks.checkedAt === null) throw error;
    return { stale: true, problem: failure.kind };
  }
}

/** What is known without asking, for those who wait: stale where it is old because the server can't be asked. */
export function lastKnown({ account, store, checks, deps }: Rooms): Freshness {
  if (checks.checkedAt !== null && deps.now() - checks.checkedAt <= WAIT.askEvery) return afterCheck({ store });
  const problem = account.settings.paused ? 'paused' : store.account.health().error_code;
  return { stale: problem !== null, problem };
}

/**
 * Asks the server for those who wait for changes, unless it was asked a short while ago, or can't be. Like a poll, it keeps
 * no session afterwards. Returns when it is done, which nobody who waits should wait for; what fails is in the account's health.
 */
export async function askForWaiters(rooms: Rooms): Promise<void> {
  if (!mayAsk(rooms, WAIT.askEvery)) return;
  const { loginDelaySeconds } = await announced(rooms);
  // Others have come here meanwhile.
  if (!mayAsk(rooms, Math.max(WAIT.askEvery, loginDelaySeconds * 1000))) return;
  try {
    await syncNow(rooms, 'background');
  } catch (error) {
    if (failureOf(error) === null) throw error;
  }
}

/** Whether the server was last asked `distance` milliseconds ago or more, and may be asked again. */
function mayAsk({ account, store, checks, deps }: Rooms, distance: number): boolean {
  const { state, login_after: notBefore } = store.account.health();
  const now = deps.now();
  if (account.settings.paused || state === 'auth_failed' || (notBefore ?? 0) > now) return false;
  return checks.attemptedAt === null || now - checks.attemptedAt >= distance;
}

/** Indexes those of `rows` that need it; returns the code of what hindered it, or of what was wrong before. */
export async function indexShown(rooms: Rooms, rows: readonly MessageRow[], fresh: Freshness, budget: Budget): Promise<string | null> {
  const now = rooms.deps.now();
  const missing = rows.filter((row) => needsIndexing(row, now));
  if (missing.length === 0 || fresh.problem !== null) return fresh.problem;
  try {
    await budget.wait(rooms.indexer.index(missing, 'interactive'));
    return null;
  } catch (error) {
    const failure = failureOf(error);
    if (!failure || error instanceof EnvelopeError) throw error;
    return failure.kind;
  }
}
