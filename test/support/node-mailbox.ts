/**
 * A Mailbox under plain Node: the service over SQLite in memory, real sockets to a test's mail server, and a clock that a
 * test may move. "Restarting" makes a new service over the same rows, as the platform does with an object.
 */
import { randomBytes } from 'node:crypto';
import { parseMasterKeys } from '../../src/crypto/keyring.ts';
import { newAccountId } from '../../src/crypto/ids.ts';
import { type Deadlines, DEADLINES } from '../../src/limits.ts';
import type { Deps, Sql } from '../../src/mailbox/deps.ts';
import { MailboxService } from '../../src/mailbox/service.ts';
import { admitted, type TargetPolicy } from '../../src/net/admission.ts';
import { nodeDial } from './node-dial.ts';
import { nodeSql } from './node-sql.ts';

export { ALL, callerOf, OPERATOR, sent, settingsFor, SINCE, TOKEN, valueOf } from './rpc-calls.ts';

export const DEFAULT_MASTER_KEY = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

export interface NodeMailbox {
  readonly id: string;
  readonly service: MailboxService;
  readonly sql: Sql;
  /** When the alarm is set to ring, or null. */
  readonly alarm: () => number | null;
  /** How often the alarm was set or cleared, each of which writes a row. */
  readonly alarmWrites: () => number;
  /** The clock goes on to when the alarm is set for, at least, and it rings, as the platform has it: it is not set any more then. */
  ring(): Promise<void>;
  /** The platform gives the alarm up, and tells nobody. */
  loseAlarm(): void;
  /** What the object's clock says. */
  now(): number;
  /** Moves the clock by so many milliseconds. */
  advance(milliseconds: number): void;
  /** The object dies and comes back: nothing is left but its rows. */
  restart(masterKey?: string): MailboxService;
}

export interface NodeMailboxOptions {
  readonly deadlines?: Partial<Deadlines>;
  readonly lingerMs?: number;
  readonly masterKey?: string;
  /** Milliseconds since the epoch; default: the true time. */
  readonly clock?: () => number;
  /** What is asked before each connection; default: nothing. */
  readonly policy?: TargetPolicy;
  /** Default: true randomness. */
  readonly random?: Deps['random'];
  /** Called for each life of the object: what its service is given in place of `deps`. */
  readonly wrap?: (deps: Deps) => Deps;
  /** Where turns at a mail host are had; default: everybody has one. */
  readonly turns?: Deps['turns'];
}

/** An object without an account. */
export function nodeMailbox(options: NodeMailboxOptions = {}): NodeMailbox {
  const sql = nodeSql();
  const deadlines: Deadlines = { ...DEADLINES, ...options.deadlines };
  let offset = 0;
  let alarm: number | null = null;
  let alarmWrites = 0;
  const random = options.random ?? ((count: number): Uint8Array<ArrayBuffer> => new Uint8Array(randomBytes(count)));
  const deps: Deps = {
    dial: async (target) =>
      nodeDial(options.policy ? await admitted(target, options.policy) : target, deadlines, { rejectUnauthorized: false }),
    now: () => (options.clock ?? Date.now)() + offset,
    random,
    alarm: {
      get: () => Promise.resolve(alarm),
      set: (at) => {
        alarmWrites += 1;
        alarm = at;
      },
      clear: () => {
        alarmWrites += 1;
        alarm = null;
      },
    },
    turns: options.turns ?? (() => Promise.resolve({ end: () => undefined })),
    deadlines,
    sql,
    erase: async () => {
      for (const { name } of sql.exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`))
        sql.exec(`DROP TABLE ${name}`);
      alarm = null;
    },
  };
  const start = (masterKey: string): MailboxService => {
    const keys = parseMasterKeys(masterKey);
    if (!keys.ok) throw new Error(keys.problems.join(' '));
    return new MailboxService(options.wrap?.(deps) ?? deps, { keyring: keys.keyring, sessionLingerMs: options.lingerMs ?? 0 });
  };
  const box = {
    id: newAccountId(random, null),
    service: start(options.masterKey ?? DEFAULT_MASTER_KEY),
    sql,
    alarm: () => alarm,
    alarmWrites: () => alarmWrites,
    ring: async () => {
      if (alarm === null) throw new Error('The alarm is not set.');
      const rang = alarm;
      offset += Math.max(0, rang - deps.now());
      alarm = null;
      await box.service.alarm(rang);
    },
    loseAlarm: () => {
      alarm = null;
    },
    now: deps.now,
    advance: (milliseconds: number) => {
      offset += milliseconds;
    },
    restart: (masterKey?: string) => {
      box.service = start(masterKey ?? options.masterKey ?? DEFAULT_MASTER_KEY);
      return box.service;
    },
  };
  return box;
}
