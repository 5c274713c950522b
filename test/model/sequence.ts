/**
 * A random sequence of what may happen to a mailbox and its account, against the model. The same seed gives the same
 * sequence. Whatever fails in it is allowed to fail, as long as no invariant is broken; when all is over the faults stop, time goes
 * by, and the gateway must show exactly what the server has.
 */
import { endState, octetsOf, unsealed } from '../support/faults/invariants.ts';
import { Platform } from '../support/faults/platform.ts';
import { Points } from '../support/faults/points.ts';
import { Witness } from '../support/faults/witness.ts';
import { LogCapture } from '../support/log-capture.ts';
import { ALL, OPERATOR, settingsFor } from '../support/node-mailbox.ts';
import { type Pop3Server, startPop3Server } from '../support/pop3-server.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { ShiftingDrop } from '../support/shifting-drop.ts';
import type { ListItem } from '../../src/mailbox/rpc.ts';
import { Consumer } from './consumer.ts';
import { Credentials } from './credentials.ts';
import { Model } from './model.ts';
import { ServerMoods } from './moods.ts';
import { drawFault, drawOperation, type Kind, type Operation } from './operations.ts';

const USER = 'ann-of-the-model';
const PASSWORD = 'Pa55-of-the-model';
const TEXT = 'text-of-the-model';
/** Rounds until everything must have come to rest. */
const ROUNDS = 30;
/** Logins that a server may refuse for each set of credentials. */
const REFUSALS = 3;

/** Runs one sequence and returns what was wrong, each with the step at which it was seen. */
export async function runSequence(seed: number, steps: number, kind: Kind): Promise<string[]> {
  const drop = new ShiftingDrop(kind);
  const moods = new ServerMoods(drop);
  const users = new Map([[USER, { password: PASSWORD, maildrop: drop }]]);
  const server = await startPop3Server({ users, hide: kind.hide, answer: moods.answer });
  const sequence = new Sequence(seed, kind, { drop, moods, server });
  try {
    return await sequence.run(steps);
  } finally {
    sequence.end();
    await server.close();
  }
}

class Sequence {
  readonly #chance: SeededRandom;
  readonly #kind: Kind;
  readonly #drop: ShiftingDrop;
  readonly #moods: ServerMoods;
  readonly #server: Pop3Server;
  readonly #points = new Points();
  readonly #platform: Platform;
  readonly #model: Model;
  readonly #consumer: Consumer;
  readonly #witness: Witness;
  readonly #log = new LogCapture();
  #arrived = 0;
  readonly #credentials = new Credentials(USER, PASSWORD);
  #renumbered = false;

  constructor(seed: number, kind: Kind, { drop, moods, server }: { drop: ShiftingDrop; moods: ServerMoods; server: Pop3Server }) {
    this.#chance = new SeededRandom(seed);
    this.#kind = kind;
    this.#drop = drop;
    this.#moods = moods;
    this.#server = server;
    this.#witness = new Witness((uidl) => this.#model.mayDelete(uidl), !kind.hide.includes('UIDL'));
    this.#platform = new Platform(this.#points, seed, () => this.#witness.listen());
    this.#model = new Model(drop, this.#platform.box);
    this.#consumer = new Consumer(this.#platform, this.#model, this.#chance);
    this.#witness.onListing = (uidls) => {
      this.#model.listed(uidls);
      if (uidls.length > 0) this.#moods.named = true;
    };
  }

  async run(steps: number): Promise<string[]> {
    const [least, most] = this.#kind.messages;
    this.#arrive(least + this.#chance.below(most - least + 1));
    const { box } = this.#platform;
    const { auth } = this.#credentials;
    await this.#platform.call((service) => service.create(box.id, settingsFor(this.#server.port, { auth }), false, null));
    const found: string[] = [];
    for (let step = 1; step <= steps && found.length === 0; step++) {
      const operation = drawOperation(this.#chance, this.#kind.without);
      await this.#do(operation);
      this.#model.check();
      found.push(...this.#wrong().map((text) => `step ${step}, ${operation}: ${text}`));
    }
    if (found.length > 0) return found;
    await this.#end();
    return this.#wrong().map((text) => `at the end: ${text}`);
  }

  end(): void {
    this.#log.end();
    this.#platform.life.abort();
  }

  #wrong(): string[] {
    return [...this.#model.violations, ...this.#witness.violations];
  }

  #do(operation: Operation): unknown {
    const chance = this.#chance;
    switch (operation) {
      case 'arrive':
        return this.#arrive(1 + chance.below(4));
      case 'take':
        return this.#take(1 + chance.below(2));
      case 'hideSome':
        return this.#hide(0.3);
      case 'hideMost':
        return this.#hide(0.8);
      case 'show':
        return this.#drop.showAll();
      case 'renumber':
        return this.#renumber();
      case 'sync':
        return this.#sync();
      case 'wait':
        return this.#platform.wait();
      case 'page':
        return this.#page(chance.pick([0, 60, 3600]));
      case 'feed':
        return this.#consumer.read();
      case 'read':
        return this.#read();
      case 'remove':
        return this.#remove(1);
      case 'removeSome':
        return this.#remove(3);
      case 'crash':
        return this.#platform.crash();
      case 'cut':
        return this.#cut();
      case 'listShort':
        // Two short listings that agree would have to be believed.
        return this.#model.suspects || this.#moods.arm('listShort');
      case 'refuseListing':
      case 'forgetDeletes':
        return this.#moods.arm(operation);
      case 'lockOut':
        return this.#credentials.lockOut(this.#server);
      case 'mend':
        return this.#mend();
    }
  }

  #arrive(count: number): void {
    for (let n = 0; n < count; n++) {
      this.#arrived += 1;
      const key = `${TEXT}-${this.#arrived}`;
      const body = 'x'.repeat(this.#chance.below(200));
      this.#drop.add(Buffer.from(`Subject: ${key}\r\nMessage-ID: <${key}@example.com>\r\n\r\n.\r\n${body}\r\n`), key);
    }
  }

  #take(count: number): void {
    for (let n = 0; n < count && this.#drop.shown.length > 0; n++) this.#drop.take(this.#chance.pick(this.#drop.shown));
  }

  #hide(part: number): void {
    this.#drop.hide(new Set(this.#drop.shown.filter(() => this.#chance.chance(part))));
  }

  /** Messages that the gateway has seen, and their headers too, are known again under any UIDL. */
  async #renumber(): Promise<void> {
    await this.#settle();
    if (this.#drop.shown.length > 0) this.#renumbered = true;
    this.#drop.renumber(this.#chance.chance(0.3));
    if (this.#chance.chance(0.4)) this.#cut();
    await this.#settle();
    // The rows are looked at by an API that shows their UIDLs: each must still have its id.
    await this.#page(3600);
  }

  async #sync(): Promise<void> {
    await this.#platform.call((service) => service.sync(OPERATOR));
  }

  async #page(maxAge: number): Promise<ListItem[]> {
    const query = { ...ALL, order: this.#chance.pick(['newest', 'oldest'] as const), limit: this.#chance.pick([5, 200]), maxAge };
    const outcome = await this.#platform.call((service) => service.messages(OPERATOR, query));
    const items = outcome.ok ? (outcome.value.data as ListItem[]) : [];
    for (const item of items) this.#model.note(item);
    return items;
  }

  async #read(): Promise<void> {
    const { live } = this.#model.client;
    if (live.size === 0) return;
    const id = this.#chance.pick([...live.keys()]);
    const octets = this.#drop.octetsOf(this.#model.keyOf(id) ?? '');
    const outcome = await this.#platform.call((service) => octetsOf(service, id, 10_000));
    if (outcome.ok && octets && !outcome.value.equals(octets)) this.#model.violations.push(`I4: the octets of ${id} are not those sent`);
  }

  async #remove(count: number): Promise<void> {
    const ids = [...this.#model.client.live.keys()];
    const drawn = new Set(Array.from({ length: Math.min(count, ids.length) }, () => this.#chance.pick(ids)));
    // What the ledger holds to be gone counts as deleted, and the server isn't asked.
    const chosen = [...drawn].filter((id) => this.#model.isLive(id));
    const fresh = chosen.map((id) => this.#model.keyOf(id) ?? '').filter((key) => !this.#model.asked.has(key));
    for (const key of fresh) this.#model.asked.add(key);
    const outcome = await this.#platform.call((service) => service.deleteMessages(OPERATOR, chosen, false));
    if (!outcome.ok) return;
    for (const id of outcome.value.deleted) {
      const key = this.#model.keyOf(id) ?? '';
      if (this.#drop.shown.includes(key)) this.#model.violations.push(`${key} was said to be deleted and is still there`);
    }
    // What failed for certain is no longer to be done.
    for (const { id, failure } of outcome.value.failed) {
      const key = this.#model.keyOf(id) ?? '';
      if (failure.kind !== 'delete_unconfirmed' && fresh.includes(key)) this.#model.asked.delete(key);
    }
  }

  #cut(): void {
    const { fault, after } = drawFault(this.#chance);
    this.#points.arm(fault, after);
  }

  /** The account is told of the new password, or the server takes the old one again. */
  #mend(): Promise<void> {
    if (this.#chance.chance(0.3)) this.#credentials.restore(this.#server);
    return this.#credentials.tell(this.#platform);
  }

  /** The faults stop and time goes by, until two listings some time apart have found nothing to do. */
  async #settle(): Promise<void> {
    this.#points.step = 'settle';
    this.#moods.end();
    let quiet = 0;
    for (let round = 0; quiet < 2 && round < ROUNDS; round++) {
      if (round > 2) this.#points.disarm();
      if (!this.#credentials.agree || round > ROUNDS / 2) await this.#mend();
      this.#platform.box.advance(60_000);
      const report = await this.#platform.call((service) => service.sync(OPERATOR));
      const account = await this.#platform.call((service) => service.account(OPERATOR));
      const indexed = account.ok && account.value.indexing.done === account.value.indexing.of;
      const intents = this.#platform.box.sql.exec(`SELECT 1 FROM deletions`).length;
      const still = report.ok && report.value.created + report.value.destroyed === 0 && !report.value.renumbered;
      quiet = still && indexed && intents === 0 ? quiet + 1 : 0;
      if (quiet === 0) await this.#platform.wait();
    }
    if (quiet < 2) this.#model.violations.push('I6: the account did not come to rest');
  }

  async #end(): Promise<void> {
    await this.#settle();
    // One that was armed and has not come by now would come in the middle of what is judged.
    this.#points.disarm();
    for (let pages = 0; pages < ROUNDS * 3 && !(await this.#consumer.read()); pages++);
    // A page holds more messages than there can be.
    const list = await this.#platform.call((service) => service.messages(OPERATOR, { ...ALL, limit: 200, maxAge: 3600 }));
    if (!list.ok || list.value.nextCursor !== null) {
      this.#model.violations.push("I6: the list can't be read");
      return;
    }
    this.#model.judge(list.value.data as ListItem[]);
    const { violations } = this.#model;
    for (let n = 0; n < 3; n++) await this.#read();
    if (this.#renumbered && !this.#model.client.renumbered) violations.push('nobody was told of new UIDLs');
    if (this.#witness.refusedLogins > REFUSALS * this.#credentials.changes)
      violations.push(`${this.#witness.refusedLogins} logins were refused`);
    violations.push(...endState(this.#platform.box, { rows: null, states: ['ready'] }));
    const secrets = [PASSWORD, USER, TEXT];
    violations.push(...unsealed(this.#platform, this.#log.lines, { secrets, unspeakable: [PASSWORD] }));
  }
}
