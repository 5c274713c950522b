/**
 * How often an account is polled that leaves it to us (`"pollSeconds": "auto"`): by how often mail comes. Where it comes often
 * it is looked for often, and after a long silence seldom; the first message after one brings the pace back.
 */
import { POLL } from '../limits.ts';
import type { Context } from './context.ts';

/**
 * Seconds from one poll to the next, one of a few steps. `seen`: when the newest messages were first listed, the newest first,
 * milliseconds. Those of one listing count once: a poll can't tell when they came, and a first listing brings all there ever was.
 */
export function autoSeconds(seen: readonly number[], now: number): number {
  const listings = [...new Set(seen)].slice(0, POLL.autoListings);
  const oldest = listings.at(-1);
  const [least] = POLL.autoSteps;
  if (oldest === undefined) return POLL.autoSteps.at(-1) ?? least;
  const wanted = (now - oldest) / listings.length / 1000 / POLL.autoPerMessage;
  return POLL.autoSteps.findLast((step) => step <= wanted) ?? least;
}

/** Seconds from one poll of the account to the next, on average; 0: no polls. */
export function pollSeconds({ account, store }: Pick<Context, 'account' | 'store'>, now: number): number {
  const { pollSeconds: asked } = account.settings;
  return asked === 'auto' ? autoSeconds(store.figures.newestSeen(POLL.autoMessages), now) : asked;
}
