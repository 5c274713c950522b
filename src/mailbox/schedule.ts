/**
 * When the object's one alarm must ring next. Pure: facts in, a time or null out.
 * Null means that nothing is due until somebody acts: the account is paused, is not to be polled, or its credentials are refused.
 */
import { MAILBOX, POLL } from '../limits.ts';
import type { HealthRow } from './store/account-store.ts';

export interface Due {
  readonly createdAt: number;
  /** The last time the server was asked; null: never. */
  readonly attemptedAt: number | null;
  readonly health: HealthRow;
  /** Milliseconds from one poll to the next; null: no polls. */
  readonly interval: number | null;
  readonly paused: boolean;
  /** Nothing of this logs in before it; 0: it may. */
  readonly loginNotBefore: number;
  /** When the next message is to be indexed; 0: at once; null: none is left. */
  readonly indexAt: number | null;
  /** When the oldest scratch copy goes; null: there is none. */
  readonly scratchAt: number | null;
}

/**
 * An account's own interval, milliseconds. `seconds`: on average; 0: no polls. `hash`: the account's, the same for ever: it
 * spreads accounts that were made together, or were all late together. `suspect`: the last listing was not believed, so a
 * second look is due soon.
 */
export function pollInterval(seconds: number, hash: Uint8Array, suspect: boolean): number | null {
  if (seconds === 0) return null;
  const share = new DataView(hash.buffer, hash.byteOffset).getUint32(0) / 0xffff_ffff;
  const interval = Math.round(seconds * 1000 * (1 + POLL.jitter * (2 * share - 1)));
  return suspect ? Math.min(MAILBOX.suspectTime + POLL.suspectSlack, interval) : interval;
}

/** When the server is to be asked again, or null. Times in milliseconds since the epoch. */
export function nextCheck(due: Due): number | null {
  if (due.paused || due.interval === null || due.health.state === 'auth_failed') return null;
  const regular = due.attemptedAt === null ? due.createdAt : due.attemptedAt + due.interval;
  return Math.max(regular, loginTime(due));
}

/** When the alarm must ring, or null. Never in the past: an alarm that rings at once for ever would be a loop. */
export function nextAlarm(due: Due, now: number): number | null {
  const times = [nextCheck(due), indexTime(due), due.scratchAt].filter((time) => time !== null);
  return times.length === 0 ? null : Math.max(Math.min(...times), now + MAILBOX.alarmLeast);
}

/** Background indexing needs a login too, so it waits as logins wait. */
export function indexTime(due: Due): number | null {
  if (due.indexAt === null || due.paused || due.health.state === 'auth_failed') return null;
  return Math.max(due.indexAt, loginTime(due));
}

function loginTime({ health, loginNotBefore }: Due): number {
  return Math.max(health.retry_at ?? 0, health.login_after ?? 0, loginNotBefore);
}
