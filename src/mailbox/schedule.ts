/**
 * When the object's one alarm must ring next. Pure: facts in, a time or null out.
 * Null means that nothing is due until somebody acts: the account is paused, is not to be polled, or its credentials are refused.
 */
import { MAILBOX } from '../limits.ts';
import type { HealthRow } from './store/account-store.ts';

export interface Due {
  readonly createdAt: number;
  /** The last time the server was asked; null: never. */
  readonly attemptedAt: number | null;
  readonly health: HealthRow;
  readonly pollSeconds: number;
  readonly paused: boolean;
  /** Whether the last listing was not believed: a second look is due soon. */
  readonly suspect: boolean;
  /** When the next message is to be indexed; 0: at once; null: none is left. */
  readonly indexAt: number | null;
  /** When the oldest scratch copy goes; null: there is none. */
  readonly scratchAt: number | null;
}

/** When the server is to be asked again, or null. Times in milliseconds since the epoch. */
export function nextCheck(due: Due): number | null {
  const { health } = due;
  if (due.paused || due.pollSeconds === 0 || health.state === 'auth_failed') return null;
  const interval = due.suspect ? Math.min(MAILBOX.suspectTime, due.pollSeconds * 1000) : due.pollSeconds * 1000;
  const regular = due.attemptedAt === null ? due.createdAt : due.attemptedAt + interval;
  return Math.max(regular, health.retry_at ?? 0, health.login_after ?? 0);
}

/** When the alarm must ring, or null. Never in the past: an alarm that rings at once for ever would be a loop. */
export function nextAlarm(due: Due, now: number): number | null {
  const times = [nextCheck(due), indexTime(due), due.scratchAt].filter((time) => time !== null);
  return times.length === 0 ? null : Math.max(Math.min(...times), now + MAILBOX.alarmLeast);
}

/** Background indexing needs a login too, so it waits as logins wait. */
export function indexTime(due: Due): number | null {
  if (due.indexAt === null || due.paused || due.health.state === 'auth_failed') return null;
  return Math.max(due.indexAt, due.health.retry_at ?? 0, due.health.login_after ?? 0);
}
