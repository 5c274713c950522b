/** When the alarm rings next, alone: from intervals, back-off, login delays and what is left to index. */
import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { type Due, indexTime, nextAlarm, nextCheck, pollInterval } from '../../src/mailbox/schedule.ts';
import { MAILBOX, POLL } from '../../src/limits.ts';

const HEALTH: Due['health'] = {
  state: 'ready',
  state_since: 0,
  failures: 0,
  refusals: 0,
  refused_at: null,
  error_code: null,
  error_at: null,
  attempted_at: 1_000,
  checked_at: 1_000,
  retry_at: null,
  login_after: null,
  alarm_interval: null,
};
const HASH = new Uint8Array(16);
const DUE: Due = {
  createdAt: 0,
  attemptedAt: 1_000,
  health: HEALTH,
  interval: 300_000,
  paused: false,
  loginNotBefore: 0,
  indexAt: null,
  scratchAt: null,
};

describe('the next alarm', () => {
  it('is one interval after the last attempt', () => {
    expect(nextCheck(DUE)).toBe(301_000);
  });

  it('is soon after a listing that was not believed, and no later than without it', () => {
    expect(pollInterval(300, HASH, true)).toBe(MAILBOX.suspectTime + POLL.suspectSlack);
    expect(pollInterval(1, HASH, true)).toBe(pollInterval(1, HASH, false));
  });

  it('is spread by the account’s own share of the jitter, and no further', () => {
    const hash = (share: number): Uint8Array => Uint8Array.from([share, share, share, share]);
    expect([0, 255].map((share) => pollInterval(300, hash(share), false))).toEqual([270_000, 330_000]);
    expect(pollInterval(0, HASH, false)).toBeNull();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const interval = pollInterval(60, bytes, false) ?? 0;
        expect(Math.abs(interval - 60_000)).toBeLessThanOrEqual(6_000);
      }),
    );
  });

  it('is at once for an account that was never asked', () => {
    expect(nextCheck({ ...DUE, attemptedAt: null })).toBe(0);
  });

  it.each([
    ['paused', { paused: true }],
    ['without polling', { interval: null }],
    ['with refused credentials', { health: { ...HEALTH, state: 'auth_failed' as const } }],
  ])('does not poll an account %s', (_, change) => {
    expect(nextAlarm({ ...DUE, ...change }, 0)).toBeNull();
  });

  it('waits for the back-off and for the login delay', () => {
    expect(nextCheck({ ...DUE, health: { ...HEALTH, retry_at: 900_000 } })).toBe(900_000);
    expect(nextCheck({ ...DUE, health: { ...HEALTH, retry_at: 900_000, login_after: 950_000 } })).toBe(950_000);
  });

  it('rings early for messages to index, but not before a login is allowed', () => {
    expect(indexTime({ ...DUE, indexAt: 0 })).toBe(0);
    expect(indexTime({ ...DUE, indexAt: 0, health: { ...HEALTH, retry_at: 7_000 } })).toBe(7_000);
  });

  it('is never in the past and never sooner than the least wait', () => {
    const time = fc.option(fc.nat(10_000_000));
    fc.assert(
      fc.property(fc.nat(10_000_000), time, time, time, (now, indexAt, scratchAt, attempted) => {
        const at = nextAlarm({ ...DUE, indexAt, scratchAt, attemptedAt: attempted }, now);
        expect(at).toBeGreaterThanOrEqual(now + MAILBOX.alarmLeast);
      }),
    );
  });
});
