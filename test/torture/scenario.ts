/**
 * The life of an account in small: it is made and first listed, a poll finds one message more and one gone, pages and the
 * change feed are read, one message is read whole, and one is deleted. Each thing is tried until it succeeds, while
 * time goes by; a fault may come at one point of all that. What the invariants forbid is said in sentences.
 */
import { FeedClient } from '../support/feed-client.ts';
import { type Outcome, Platform, testCertificate } from '../support/faults/platform.ts';
import { type Plan, type Point, Points } from '../support/faults/points.ts';
import { Witness } from '../support/faults/witness.ts';
import { LogCapture } from '../support/log-capture.ts';
import { Maildrop } from '../support/maildrop.ts';
import { ALL, OPERATOR, settingsFor, SINCE } from '../support/node-mailbox.ts';
import { type Pop3Server, startPop3Server } from '../support/pop3-server.ts';
import type { ListItem, Result } from '../../src/mailbox/rpc.ts';
import type { MailboxService } from '../../src/mailbox/service.ts';
import { endState, movedBack, octetsOf, unsealed } from '../support/faults/invariants.ts';

/** Names that appear nowhere by chance, so that a secret in the wrong place is found. */
export const SECRETS = {
  password: 'Pa55-of-the-torture',
  user: 'ann-of-the-torture',
  text: 'text-of-the-torture',
  uidl: 'uidl-of-the-torture',
};

/** Tries of one thing. A single fault must not cost more than a few. */
const TRIES = 12;

/** A run: the points that it passed, whether its fault came, and what was wrong. */
export interface Run {
  readonly points: readonly Point[];
  readonly came: boolean;
  readonly violations: readonly string[];
}

/** Something didn't succeed however often it was tried. */
class Stuck extends Error {}

export async function play(plan: Plan | null): Promise<Run> {
  const drop = new Maildrop();
  const users = new Map([[SECRETS.user, { password: SECRETS.password, maildrop: drop }]]);
  const server = await startPop3Server({ users, tls: { ...(await testCertificate()), mode: 'starttls' } });
  const points = new Points(plan);
  const scenario = new Scenario(drop, server, points);
  try {
    await scenario.play();
  } catch (error) {
    if (!(error instanceof Stuck)) throw error;
    scenario.violations.push(error.message);
  } finally {
    scenario.end();
    await server.close();
  }
  return { points: points.met, came: !points.pending, violations: scenario.violations };
}

function mail(name: string): Uint8Array {
  const body = `${SECRETS.text} ${name}\r\n.\r\n..two dots\r\n`;
  return Buffer.from(
    `Subject: ${SECRETS.text} ${name}\r\nMessage-ID: <${name}@example.com>\r\nDate: Fri, 20 Nov 2026 10:23:45 +0000\r\n\r\n${body}`,
  );
}

class Scenario {
  readonly violations: string[] = [];
  readonly #drop: Maildrop;
  readonly #server: Pop3Server;
  readonly #points: Points;
  readonly #platform: Platform;
  readonly #client = new FeedClient();
  readonly #witness: Witness;
  readonly #log = new LogCapture();
  /** Every id that was ever shown for a UIDL. */
  readonly #ids = new Map<string, Set<string>>();
  /** The UIDL of the message whose deletion was asked for. */
  #deleting: string | null = null;
  #place = 0;

  constructor(drop: Maildrop, server: Pop3Server, points: Points) {
    this.#drop = drop;
    this.#server = server;
    this.#points = points;
    this.#witness = new Witness((uidl) => this.#mayDelete(uidl));
    this.#platform = new Platform(points, 7, () => this.#witness.listen());
  }

  async play(): Promise<void> {
    for (let n = 1; n <= 5; n++) this.#arrive(n);
    await this.#create();
    await this.#page('page', 0);
    await this.#feed('feed');
    this.#arrive(6);
    this.#drop.remove(uidlOf(2));
    this.#points.step = 'poll';
    await this.#platform.wait();
    await this.#page('page again', 30);
    await this.#feed('feed again');
    await this.#read('read', 3);
    await this.#delete(1);
    this.#points.step = 'end';
    await this.#settle();
    await this.#page('end', 3600);
    await this.#feed('end');
    // One is here already, the other isn't.
    for (const n of [3, 6]) await this.#read('end', n);
    this.#judge();
  }

  end(): void {
    this.#log.end();
    this.#platform.life.abort();
  }

  #arrive(n: number): void {
    this.#drop.add(mail(`message-${n}`), uidlOf(n));
  }

  async #create(): Promise<void> {
    this.#points.step = 'create';
    const { box } = this.#platform;
    const server = { host: '127.0.0.1', port: this.#server.port, security: 'starttls' as const };
    const auth = { username: SECRETS.user, password: SECRETS.password, accessToken: null, method: 'auto' as const };
    const settings = settingsFor(this.#server.port, { server, auth });
    await this.#until('create', async (): Promise<Outcome<unknown>> => {
      const outcome = await this.#platform.call((service) => service.create(box.id, settings, true, null));
      // Whoever didn't hear that it was made asks whether it is there.
      return outcome.ok ? outcome : this.#platform.call((service) => service.account(OPERATOR));
    });
  }

  async #page(step: string, maxAge: number): Promise<void> {
    this.#points.step = step;
    const { data } = await this.#ask('page', (service) => service.messages(OPERATOR, { ...ALL, maxAge }));
    for (const item of data as ListItem[]) this.#note(item);
  }

  async #feed(step: string): Promise<void> {
    this.#points.step = step;
    for (let more = true; more;) {
      const page = await this.#ask('feed', (service) =>
        service.changes(OPERATOR, { ...SINCE, since: this.#client.state, limit: 3, maxAge: 3600 }),
      );
      for (const item of [...page.created, ...page.updated] as ListItem[]) this.#note(item);
      this.#client.apply(page);
      more = page.hasMore;
    }
  }

  async #read(step: string, n: number): Promise<void> {
    this.#points.step = step;
    const [id = ''] = this.#ids.get(uidlOf(n)) ?? [];
    const expected = Buffer.from(mail(`message-${n}`));
    await this.#until('read', async () => {
      const outcome = await this.#platform.call((service) => octetsOf(service, id, expected.length));
      if (outcome.ok && !expected.equals(outcome.value))
        this.violations.push(`I4: the octets of message ${n} are not those that were sent`);
      return outcome;
    });
  }

  async #delete(n: number): Promise<void> {
    this.#points.step = 'delete';
    const [id = ''] = this.#ids.get(uidlOf(n)) ?? [];
    this.#deleting = uidlOf(n);
    await this.#ask('delete', (service) => service.deleteMessage(OPERATOR, id));
    if (this.#drop.list().some(({ uidl }) => uidl === uidlOf(n)))
      this.violations.push('a message that was said to be deleted is still there');
  }

  /** Time goes by until nothing is left to be done but the next poll. */
  async #settle(): Promise<void> {
    await this.#until('settle', async () => {
      await this.#platform.wait();
      const account = await this.#platform.call((service) => service.account(OPERATOR));
      if (!account.ok) return account;
      const { indexing, consecutiveFailures } = account.value;
      const quiet = indexing.done === indexing.of && consecutiveFailures === 0;
      return quiet ? account : { ok: false, failure: { kind: 'overloaded', retryAfterSeconds: 0 } };
    });
  }

  #ask<T>(name: string, call: (service: MailboxService) => Promise<Result<T>>): Promise<T> {
    return this.#until(name, () => this.#platform.call(call));
  }

  async #until<T>(name: string, work: () => Promise<Outcome<T>>): Promise<T> {
    let last = '';
    for (let tries = 0; tries < TRIES; tries++) {
      const outcome = await work();
      const moved = movedBack(this.#platform.box, this.#place);
      if (moved.back) this.violations.push('I5: a state moved back');
      this.#place = moved.place;
      if (outcome.ok) return outcome.value;
      last = JSON.stringify(outcome.failure);
      await this.#platform.wait();
    }
    throw new Stuck(`${name} did not succeed in ${TRIES} tries; at last: ${last}`);
  }

  #note({ id, uidl }: ListItem): void {
    if (uidl === null) return;
    const ids = this.#ids.get(uidl) ?? new Set();
    this.#ids.set(uidl, ids.add(id));
  }

  #mayDelete(uidl: string): string | null {
    if (uidl !== this.#deleting) return 'I3: nobody asked for that';
    const [id = ''] = this.#ids.get(uidl) ?? [];
    const intents = this.#platform.box.sql.exec(
      `SELECT 1 FROM deletions JOIN messages ON created = message WHERE id = ? AND written = 1`,
      id,
    );
    return intents.length === 1 ? null : 'I3: no intent was stored';
  }

  #judge(): void {
    const expected = [3, 4, 5, 6].map(uidlOf);
    const { violations } = this;
    if (
      !same(
        this.#drop.list().map(({ uidl }) => uidl),
        expected,
      )
    )
      violations.push('I3: the wrong messages are in the maildrop');
    if (
      !same(
        [...this.#client.live.values()].map(({ uidl }) => uidl ?? ''),
        expected,
      )
    )
      violations.push('I1: the feed did not tell all');
    for (const { id, uidl, subject } of this.#client.live.values()) {
      if (subject !== `${SECRETS.text} message-${uidl?.at(-1)}`) violations.push(`I1: wrong headers: ${uidl} is ${subject}`);
      if (this.#client.created.get(id) !== 1) violations.push(`I2: ${uidl} was created ${this.#client.created.get(id) ?? 0} times`);
    }
    for (const [uidl, ids] of this.#ids) if (ids.size !== 1) violations.push(`I2: ${uidl} has ${ids.size} ids`);
    violations.push(...this.#client.violations.map((text) => `I2: ${text}`), ...this.#witness.violations.map((text) => `I8: ${text}`));
    violations.push(...endState(this.#platform.box, { rows: 6, states: ['ready'] }));
    violations.push(...unsealed(this.#platform, this.#log.lines, { secrets: Object.values(SECRETS), unspeakable: [SECRETS.password] }));
  }
}

function uidlOf(n: number): string {
  return `${SECRETS.uidl}-${n}`;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
