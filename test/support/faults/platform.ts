/**
 * The platform around one object, under plain Node: it gives the object a life, rings its alarm, tries a ringing again in
 * which the object died, makes a new life over the same rows, sweeps once a day, and lets the clock go on. Whoever calls
 * the object hears of a life that ended under the call, and may call again.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { createAuthority, type ServerCertificate } from '../certificates.ts';
import { nodeMailbox, type NodeMailbox, OPERATOR } from '../node-mailbox.ts';
import { SeededRandom } from '../seeded-random.ts';
import type { Failure, Result } from '../../../src/mailbox/rpc.ts';
import type { MailboxService } from '../../../src/mailbox/service.ts';
import { faultyDeps } from './faulty-deps.ts';
import type { Listener } from './faulty-channel.ts';
import { Life } from './life.ts';
import type { Points } from './points.ts';

/** What became of a call: its value, its failure, what it threw, or that the object's life ended under it. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; failure: Failure | { kind: 'thrown' | 'aborted' } };

/** When the clock of each run begins, milliseconds since the epoch. */
const BEGINNING = Date.UTC(2026, 10, 20);
const DAY = 24 * 60 * 60 * 1000;
/** Turns of the event loop, and then milliseconds, that sessions are given to say goodbye. */
const TURNS = 200;
const GOODBYE = 250;

export class Platform {
  readonly box: NodeMailbox;
  readonly points: Points;
  /** Everything that callers were answered, as JSON. */
  readonly answers: string[] = [];
  life = new Life();

  constructor(points: Points, seed: number, listen: () => Listener) {
    this.points = points;
    const chance = new SeededRandom(seed);
    this.box = nodeMailbox({
      clock: () => BEGINNING,
      random: (count) => chance.octets(count),
      wrap: (deps) => {
        this.life = new Life();
        return faultyDeps(deps, this.life, points, listen);
      },
    });
  }

  /** Calls the object, and gives it a new life where its own has ended by then. */
  async call<T>(work: (service: MailboxService) => Promise<Result<T>>): Promise<Outcome<T>> {
    const outcome = await this.#alive(async () => {
      const result = await work(this.box.service);
      this.answers.push(JSON.stringify(result) ?? '');
      return result;
    });
    await this.#goodbye();
    return outcome;
  }

  /** Moves the clock to the alarm and lets it ring, or sweeps, a day later, where no alarm is set. */
  async wait(): Promise<void> {
    const at = this.box.alarm();
    if (at === null) {
      this.box.advance(DAY);
      await this.call((service) => service.visit(OPERATOR));
      return;
    }
    this.box.advance(Math.max(0, at - this.now));
    await this.#ring(at);
  }

  /** The alarm that was set for `rang` rings. One in which the object dies rings again, as the platform has it. */
  async #ring(rang: number): Promise<void> {
    this.box.loseAlarm();
    const ring = async (): Promise<Outcome<null>> => {
      await this.box.service.alarm(rang);
      return { ok: true, value: null };
    };
    for (let tries = 0; tries < 6; tries++) {
      const outcome = await this.#alive(ring);
      await this.#goodbye();
      if (outcome.ok) return;
    }
  }

  /** The object dies and is made anew. */
  crash(): void {
    this.life.abort();
    this.box.restart();
  }

  get now(): number {
    return this.box.now();
  }

  async #alive<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const { life } = this;
    const aborted = life.over.then((): Outcome<T> => ({ ok: false, failure: { kind: 'aborted' } }));
    const thrown = (): Outcome<T> => ({ ok: false, failure: { kind: life.ended ? 'aborted' : 'thrown' } });
    const outcome = await Promise.race([aborted, work().catch(thrown)]);
    if (!life.ended) return outcome;
    this.box.restart();
    return { ok: false, failure: { kind: 'aborted' } };
  }

  /** Waits until the sessions that were given up are over, so that what follows begins in every run alike. */
  async #goodbye(): Promise<void> {
    for (let turns = 0; this.life.connections > 0 && turns < TURNS; turns++) await turn();
    for (let waited = 0; this.life.connections > 0 && waited < GOODBYE; waited += 5) await sleep(5);
    if (this.life.ended) this.box.restart();
  }
}

let certificate: Promise<ServerCertificate> | null = null;

/** One certificate for all servers of this process. */
export function testCertificate(): Promise<ServerCertificate> {
  certificate ??= createAuthority().then((authority) => authority.issue({}));
  return certificate;
}
