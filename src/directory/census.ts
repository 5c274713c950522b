/**
 * What the sweep has to do and what it brings back: entries that have been between two states for long, live accounts to
 * visit, the findings of those visits, and the figures about all accounts that these add up to. Each run takes what is
 * longest due, so the next one goes on where it ended. Where one account's alarm was lost others' may be, by the same mishap: their
 * visits are brought forward.
 */
import { DIRECTORY, SWEEP } from '../limits.ts';
import type { Sql } from '../mailbox/deps.ts';
import { CensusStore } from './census-store.ts';
import type { AccountState, DeploymentStats, Due, Identity, Visited } from './rpc.ts';

const STATES: readonly AccountState[] = ['new', 'ready', 'auth_failed', 'unreachable', 'paused'];

export class Census {
  readonly #store: CensusStore;
  readonly #now: () => number;

  constructor(sql: Sql, now: () => number) {
    this.#store = new CensusStore(sql);
    this.#now = now;
  }

  due(): Due {
    const now = this.#now();
    return {
      unsettled: this.#store.unsettled(now - DIRECTORY.reservationTime, SWEEP.settled),
      visits: this.#store.due(now, SWEEP.visited),
    };
  }

  /** Takes the findings down. Returns those whose entries are in the middle of a change that nobody seems to finish. */
  visited(visits: readonly Visited[]): { id: string; identity: Identity }[] {
    const now = this.#now();
    const changing: { id: string; identity: Identity }[] = [];
    for (const { id, findings } of visits.slice(0, SWEEP.visited)) {
      if (findings === null) this.#store.missed(id, now + SWEEP.visitAgainAfter);
      else {
        if (this.#store.isChangingSince(id, now - DIRECTORY.proposalTime)) changing.push({ id, identity: findings.identity });
        this.#store.visited(id, findings, now, now + SWEEP.visitAfter);
      }
    }
    if (visits.some(({ findings }) => findings?.alarmLost)) this.#store.bringForward(now, now - SWEEP.visitAgainAfter);
    return changing;
  }

  stats(): DeploymentStats {
    const states = this.#store.byState();
    const accounts = Object.fromEntries(STATES.map((state) => [state, states.get(state) ?? 0])) as Record<AccountState, number>;
    const oldest = this.#store.oldestUnchecked();
    const asOf = this.#store.asOf();
    return {
      accounts,
      polls: this.#store.polls(),
      failures: Object.fromEntries(this.#store.byErrorCode()),
      oldestUnchecked: oldest && { account: oldest.id, checkedAt: time(oldest.checked_at) },
      asOf: time(asOf),
    };
  }
}

function time(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
