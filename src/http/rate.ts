/**
 * Limits of use, as callers see them. What an account's Mailbox has counted is noted in one place, where it is called, and
 * becomes `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11 §3, §4) of whatever is answered.
 * Both are lists of RFC 9651 strings with whole numbers as parameters: constants but for two numbers.
 */
import { RATE } from '../limits.ts';
import type { Caller, MailboxRpc, Rate, Result } from '../mailbox/rpc.ts';

/** The long run, and the bucket that enforces it: as many at once, and all of them back in so many seconds. */
export const RATE_POLICY = `"minute";q=${RATE.perMinute};w=60, "burst";q=${RATE.burst};w=${(RATE.burst * 60) / RATE.perMinute}`;

/** The headers that tell what is left. */
export function rateHeaders({ remaining, reset }: Rate): Record<string, string> {
  return { RateLimit: `"burst";r=${remaining};t=${reset}`, 'RateLimit-Policy': RATE_POLICY };
}

/**
 * The same Mailbox, which tells `note` what it has counted. All calls through it belong to one request and are counted as
 * one: the first one. Every method that is called through it takes the caller first.
 */
export function noting(mailbox: MailboxRpc, note: (rate: Rate) => void): MailboxRpc {
  let called = false;
  return new Proxy(mailbox, {
    get: (target, name) => {
      // Not a promise, wherever it is awaited.
      if (name === 'then') return undefined;
      return async (caller: Caller, ...rest: unknown[]): Promise<Result<unknown>> => {
        const by: Caller = caller.kind !== 'operator' && called ? { ...caller, counted: true } : caller;
        called = true;
        // A stub's method has no `apply` of its own: every property of it is one more remote name.
        const method = Reflect.get(target, name) as (...values: unknown[]) => Promise<Result<unknown>>;
        const result = await Reflect.apply(method, target, [by, ...rest]);
        if (result.rate !== undefined) note(result.rate);
        return result;
      };
    },
  });
}
