/** The state of an account, alone: what each failure and each success makes of it, and when it is tried again. */
import { describe, expect, it } from 'vitest';
import { afterFailure, afterListing, afterLogin, backoff, mayLogIn, type UpstreamFailure } from '../../src/mailbox/health.ts';
import { indexTime, nextCheck } from '../../src/mailbox/schedule.ts';
import type { HealthRow } from '../../src/mailbox/store/account-store.ts';
import { BACKOFF } from '../../src/limits.ts';

const NEW: HealthRow = {
  state: 'new',
  state_since: 0,
  failures: 0,
  refusals: 0,
  refused_at: null,
  error_code: null,
  error_at: null,
  attempted_at: null,
  checked_at: null,
  retry_at: null,
  login_after: null,
  alarm_interval: null,
};

function failure(
  kind: UpstreamFailure['kind'],
  definite = false,
  retryAfterSeconds: number | null = null,
  responseCode: UpstreamFailure['upstream']['responseCode'] = null,
): UpstreamFailure {
  return { kind, definite, retryAfterSeconds, upstream: { phase: 'login', responseCode, text: null } };
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('the state of an account', () => {
  it('is unreachable while the policy forbids its server, and it is seldom tried, by polls and by indexing', () => {
    const forbidden = { kind: 'target_not_allowed', retryAfterSeconds: null, definite: false } as const;
    const first = afterFailure(NEW, forbidden, 5);
    expect(first).toMatchObject({ state: 'unreachable', state_since: 5, failures: 1, error_code: 'target_not_allowed' });
    expect(first.retry_at).toBe(5 + HOUR);
    const second = afterFailure(first, forbidden, 10);
    expect(second).toMatchObject({ failures: 2, retry_at: 10 + 2 * HOUR });
    const due = {
      createdAt: 0,
      attemptedAt: 10,
      health: second,
      interval: 60_000,
      paused: false,
      loginNotBefore: 0,
      indexAt: 0,
      scratchAt: null,
    };
    expect(indexTime(due)).toBe(10 + 2 * HOUR);
  });

  it('is auth_failed at once when the server says so by code, and then nobody logs in', () => {
    const row = afterFailure(NEW, failure('upstream_auth_failed', true), 5);
    expect(row).toMatchObject({ state: 'auth_failed', state_since: 5, failures: 1, error_code: 'upstream_auth_failed' });
    expect(mayLogIn(row, Number.MAX_SAFE_INTEGER)).toMatchObject({ kind: 'upstream_auth_failed' });
  });

  it('takes three bare refusals, each a minute apart, before it is auth_failed', () => {
    let row = afterFailure(NEW, failure('upstream_auth_failed'), 0);
    row = afterFailure(row, failure('upstream_auth_failed'), 1);
    row = afterFailure(row, failure('upstream_auth_failed'), 2);
    row = afterFailure(row, failure('upstream_auth_failed'), MINUTE);
    expect(row.state).toBe('new');
    row = afterFailure(row, failure('upstream_auth_failed'), 2 * MINUTE);
    expect(row.state).toBe('auth_failed');
  });

  it('forgets refusals when a login is accepted', () => {
    let row = afterFailure(NEW, failure('upstream_auth_failed'), 0);
    row = afterFailure(row, failure('upstream_auth_failed'), MINUTE);
    row = afterLogin(row, MINUTE + 1);
    row = afterFailure(row, failure('upstream_auth_failed'), 2 * MINUTE);
    expect(row).toMatchObject({ state: 'ready', refusals: 1 });
  });

  it('is unreachable after a broken connection and ready again after a listing', () => {
    const down = afterFailure(afterListing(NEW, 1), failure('upstream_unreachable'), 2);
    expect(down).toMatchObject({ state: 'unreachable', state_since: 2, checked_at: 1 });
    expect(afterListing(down, 3)).toMatchObject({ state: 'ready', state_since: 3, failures: 0, error_code: null, retry_at: null });
  });

  it('stays as it is while the mailbox is in use elsewhere', () => {
    expect(afterFailure(afterListing(NEW, 1), failure('mailbox_in_use', false, 60), 2)).toMatchObject({ state: 'ready', failures: 1 });
  });

  it('keeps a login delay even for those who ask by hand', () => {
    const row = afterFailure(NEW, failure('login_delay', false, 900), 0);
    expect(mayLogIn(row, 899_000)).toMatchObject({ kind: 'login_delay', retryAfterSeconds: 1 });
    expect(mayLogIn(row, 900_000)).toBeNull();
  });

  it('keeps the login delay that a server announces, from each login on', () => {
    const row = afterLogin(NEW, 1_000, 60);
    expect(mayLogIn(row, 60_999)).toMatchObject({ kind: 'login_delay', retryAfterSeconds: 1 });
    expect(mayLogIn(row, 61_000)).toBeNull();
    expect(mayLogIn(afterListing(row, 2_000), 60_999)).toMatchObject({ kind: 'login_delay' });
  });

  it.each<[string, UpstreamFailure, number[]]>([
    ['[IN-USE]', failure('mailbox_in_use', false, 60, 'IN-USE'), [60, 90, 135, 202.5, 300, 300]],
    ['[LOGIN-DELAY] alone', failure('login_delay', false, 60, 'LOGIN-DELAY'), [60, 120, 240, 480, 900, 900]],
    ['[LOGIN-DELAY 600]', failure('login_delay', false, 600, 'LOGIN-DELAY'), [600, 600, 600, 600, 900, 900]],
    ['[LOGIN-DELAY] of 30 years', failure('login_delay', false, 999_999_999, 'LOGIN-DELAY'), [86_400, 86_400]],
    ['[SYS/TEMP]', failure('upstream_temporary', false, 60, 'SYS/TEMP'), [120, 240, 480, 960, 1_800, 1_800]],
    ['[SYS/PERM]', failure('upstream_refused', false, null, 'SYS/PERM'), [3_600, 7_200, 14_400, 28_800, 43_200, 43_200]],
    ['a refusal without a code', failure('upstream_refused'), [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]],
    ['a server that can’t be reached', failure('upstream_unreachable'), [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]],
    ['a server that doesn’t answer', failure('upstream_timeout'), [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]],
  ])('is not polled for longer and longer after %s', (_, what, seconds) => {
    let row = afterListing(NEW, 0);
    for (const wait of seconds) {
      row = afterFailure(row, what, 1_000);
      expect((row.retry_at ?? 0) - 1_000).toBe(wait * 1_000);
    }
    expect(afterListing(row, 2_000)).toMatchObject({ failures: 0, retry_at: null });
  });

  it('is never polled again after [AUTH]', () => {
    const row = afterFailure(afterListing(NEW, 0), failure('upstream_auth_failed', true, null, 'AUTH'), 1_000);
    const due = {
      createdAt: 0,
      attemptedAt: 0,
      health: row,
      interval: 60_000,
      paused: false,
      loginNotBefore: 0,
      indexAt: null,
      scratchAt: null,
    };
    expect(nextCheck(due)).toBeNull();
  });

  it('waits longer after each failure, up to a bound', () => {
    expect([1, 2, 3].map(backoff)).toEqual([MINUTE, 2 * MINUTE, 4 * MINUTE]);
    expect(backoff(1_000_000)).toBe(BACKOFF.unreachable.most);
  });
});
