/**
 * `Deps` for one life of an object, with a fault at one point: each dial, channel operation, statement, transaction and
 * setting of the alarm is a point. What the statements do is done by the `Deps` underneath, for real.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Alarm, Deps, Sql, SqlValue } from '../../../src/mailbox/deps.ts';
import { NetError } from '../../../src/net/error.ts';
import type { Channel } from '../../../src/pop3/channel.ts';
import { FaultyChannel, type Listener, type Pass, STALL_TIME } from './faulty-channel.ts';
import { type Life, LifeOver } from './life.ts';
import type { Fault, Points, PointKind } from './points.ts';

/** What SQL throws where it is made to. */
export class SqlFault extends Error {
  constructor() {
    super('disk I/O error: SQLITE_IOERR');
    this.name = 'SqlFault';
  }
}

/** `deps` as `life` has them. `listen` is asked for a listener for each connection. */
export function faultyDeps(deps: Deps, life: Life, points: Points, listen: () => Listener): Deps {
  const pass: Pass = (kind, what) => {
    const fault = points.pass(kind, what);
    if (fault === 'abort') life.abort();
    return fault;
  };
  return {
    ...deps,
    dial: async (target) => {
      if (life.ended) return life.never();
      const fault = pass('dial', target.security);
      const channel = await dialled(fault, life, () => deps.dial(target));
      if (!life.ended) return new FaultyChannel(channel, life, followed(pass, fault), listen());
      channel.close();
      return life.never();
    },
    sql: faultySql(deps.sql, life, pass),
    alarm: faultyAlarm(deps.alarm, life, pass),
  };
}

/** A connection, or what `fault` makes of it. */
async function dialled(fault: Fault | null, life: Life, dial: () => Promise<Channel>): Promise<Channel> {
  if (fault === 'abort') return life.never();
  if (fault === 'stall') await sleep(STALL_TIME);
  if (fault === 'reset' || fault === 'stall') throw new NetError({ kind: 'unreachable' });
  return dial();
}

/** A connection that is closed, or speaks another protocol, does so at its first octet. */
function followed(pass: Pass, fault: Fault | null): Pass {
  if (fault !== 'close' && fault !== 'garbage') return pass;
  let due: Fault | null = fault;
  return (kind, what) => {
    const now = due;
    due = null;
    return now ?? pass(kind, what);
  };
}

function faultySql(sql: Sql, life: Life, pass: Pass): Sql {
  const at = (kind: PointKind, what: string): void => {
    life.check();
    const fault = pass(kind, what);
    if (fault === 'abort') throw new LifeOver();
    if (fault === 'throw') throw new SqlFault();
  };
  return {
    exec<Row extends Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): Row[] {
      at('exec', statement.replaceAll(/\s+/g, ' ').trim().slice(0, 120));
      return sql.exec<Row>(statement, ...bindings);
    },
    transaction<T>(body: () => T): T {
      at('begin', 'transaction');
      return sql.transaction(() => {
        const result = body();
        at('commit', 'transaction');
        return result;
      });
    },
  };
}

function faultyAlarm(alarm: Alarm, life: Life, pass: Pass): Alarm {
  const set = (work: () => void): void => {
    life.check();
    if (pass('alarm', 'set') === 'abort') throw new LifeOver();
    work();
  };
  const get = async (): Promise<number | null> => {
    if (life.ended || pass('alarm', 'get') === 'abort') return life.never();
    return alarm.get();
  };
  return { get, set: (at) => set(() => alarm.set(at)), clear: () => set(() => alarm.clear()) };
}
