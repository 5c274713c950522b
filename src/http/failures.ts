/**
 * Failed authentications, counted by address at the platform's edge, so that nobody tries keys and tokens at leisure. Only
 * failures are counted and only they are refused: whoever holds a good credential is served, whatever others at the same
 * address do. The platform tells yes or no; where it has no such counter, or the counter fails, a failure stays a 401.
 */
import ipaddr from 'ipaddr.js';
import { RATE } from '../limits.ts';
import { errorName, log } from '../log.ts';
import { problem } from './problem.ts';
import type { ProblemResponse } from './problem.ts';
import type { Bindings } from './stubs.ts';

interface Failed {
  readonly env: Bindings;
  readonly req: { readonly raw: Request };
  readonly var: { readonly requestId: string };
}

/** Counts the failed authentication of a request. Null: it is answered as it is; else the answer in its place. */
export async function failedTooOften(c: Failed): Promise<ProblemResponse | null> {
  const counter = c.env.AUTH_FAILURES;
  if (counter === undefined) return null;
  try {
    const { success } = await counter.limit({ key: networkOf(c.req.raw.headers.get('CF-Connecting-IP')) });
    if (success) return null;
  } catch (error) {
    log('auth_failure_uncounted', { request: c.var.requestId, error: errorName(error) });
    return null;
  }
  const detail = 'Too many requests from this address had no valid key or token. One with a valid one is served at any time.';
  return problem(c, 'rate_limited', { detail, retryAfterSeconds: RATE.failuresPeriod });
}

/** What is counted as one: an IPv4 address, or the /64 that an IPv6 subscriber has at least (RFC 6177 §2). */
function networkOf(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString();
}
