/**
 * The object aborted for real, by workerd, in the middle of whatever it does: a first sync, a poll, a feed, a deletion. What is
 * in its rows must be enough to lose nothing, to repeat nothing and to go on.
 */
/// <reference types="@cloudflare/vitest-plugin/types" />
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import type { ChangesPage, ChangesQuery, ListItem, MailboxRpc, Result } from '../../src/mailbox/rpc.ts';
import { FeedClient } from '../support/feed-client.ts';
import { ALL, OPERATOR, settingsFor } from '../support/rpc-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import type { Peers } from './peers.ts';

const peers = JSON.parse((env as unknown as { PEERS: string }).PEERS) as Peers;
const FEED: ChangesQuery = { since: null, checkpoint: 'app', limit: 5, maxAge: 60, include: 'headers' };
const UNCONDITIONALLY = { ifMatch: null, ifNoneMatch: null };
const SEEDS = 20;
const STEPS = 25;
/** Milliseconds within which a call is cut off; most of them take less. */
const CUT_WITHIN = 20;
/** Tries of one thing. The server gives the lock of a cut session back when it sees the end of the connection. */
const TRIES = 20;

let users = 0;

class Crashing {
  readonly user = `crash${users++}`;
  readonly account = newAccountId((count) => crypto.getRandomValues(new Uint8Array(count)), null);
  readonly client = new FeedClient();
  readonly ids = new Map<string, Set<string>>();
  readonly asked = new Set<string>();
  #arrived = 0;
  #pending: ChangesPage | null = null;

  get stub() {
    return env.MAILBOX.getByName(this.account);
  }

  get rpc(): MailboxRpc {
    return this.stub as unknown as MailboxRpc;
  }

  async arrive(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      this.#arrived += 1;
      await fetch(this.#drop(), { method: 'PUT', body: `Subject: mail ${this.#arrived}\r\n\r\nbody of ${this.#arrived}\r\n` });
    }
  }

  async uidls(): Promise<string[]> {
    return (await (await fetch(this.#drop())).json()) as string[];
  }

  async take(chance: SeededRandom): Promise<void> {
    const uidls = await this.uidls();
    if (uidls.length > 0) await fetch(`${this.#drop()}/${chance.pick(uidls)}`, { method: 'DELETE' });
  }

  /** Only an object that is there can be evicted. */
  async evict(): Promise<void> {
    await this.rpc.account(OPERATOR);
    await evictDurableObject(this.stub);
  }

  create(): Promise<Result<unknown>> {
    const settings = settingsFor(peers.tls, {
      server: { host: 'localhost', port: peers.tls, security: 'tls' },
      auth: { username: this.user, password: 'secret', accessToken: null, method: 'auto' },
    });
    return this.rpc.create(this.account, settings, true, null);
  }

  async page(): Promise<Result<ListItem[]>> {
    const result = await this.rpc.messages(OPERATOR, { ...ALL, limit: 200 });
    if (!result.ok) return result;
    const items = result.value.data as ListItem[];
    for (const item of items) this.#note(item);
    return { ok: true, value: items };
  }

  /** Reads a page behind the checkpoint and sets it; of a page whose setting wasn't heard of, it asks first. Whether it was the last. */
  async feed(): Promise<Result<boolean>> {
    if (this.#pending) {
      const set = await this.rpc.checkpoint(OPERATOR, 'app');
      if (!set.ok && set.failure.kind !== 'not_found') return set;
      if (set.ok && set.value.state === this.#pending.newState) this.client.apply(this.#pending);
      this.#pending = null;
    }
    const read = await this.rpc.changes(OPERATOR, FEED);
    if (!read.ok) return read;
    for (const item of [...read.value.created, ...read.value.updated] as ListItem[]) this.#note(item);
    this.#pending = read.value;
    const set = await this.rpc.setCheckpoint(OPERATOR, 'app', { state: read.value.newState, force: false }, UNCONDITIONALLY);
    if (!set.ok) return set;
    this.client.apply(read.value);
    this.#pending = null;
    return { ok: true, value: !read.value.hasMore };
  }

  async remove(chance: SeededRandom): Promise<Result<unknown> | null> {
    const items = [...this.client.live.values()];
    if (items.length === 0) return null;
    const { id, uidl } = chance.pick(items);
    this.asked.add(uidl ?? '');
    return this.rpc.deleteMessage(OPERATOR, id);
  }

  /** What the two must agree on in the end, once nothing more happens. */
  async judge(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      const report = await eventually(() => this.rpc.sync(OPERATOR));
      quiet = report.created + report.destroyed === 0 ? quiet + 1 : 0;
    }
    while (!(await eventually(() => this.feed())));
    const items = await eventually(() => this.page());
    const uidls = (await this.uidls()).sort();
    expect(items.map(({ uidl }) => String(uidl)).sort()).toEqual(uidls);
    expect([...this.client.live.values()].map(({ uidl }) => String(uidl)).sort()).toEqual(uidls);
    expect(items.filter(({ detail }) => detail === 'uidl')).toEqual([]);
    expect(this.client.violations).toEqual([]);
    expect([...this.ids].filter(([, ids]) => ids.size !== 1)).toEqual([]);
    const alarm = await runInDurableObject(this.stub, (_object, { storage }) => storage.getAlarm());
    expect(alarm).toBeGreaterThan(Date.now());
  }

  #note({ id, uidl }: ListItem): void {
    const ids = this.ids.get(uidl ?? '') ?? new Set();
    this.ids.set(uidl ?? '', ids.add(id));
  }

  #drop(): string {
    return `http://127.0.0.1:${peers.control}/drop/${this.user}`;
  }
}

/** The value of a call that is made until it succeeds. */
async function eventually<T>(call: () => Promise<Result<T>>): Promise<T> {
  let last: unknown = null;
  for (let tries = 0; tries < TRIES; tries++) {
    const result = await call().catch((error: unknown) => ({ ok: false as const, failure: String(error) }));
    if (result.ok) return result.value;
    last = result.failure;
    await scheduler.wait(10);
  }
  throw new Error(`No success in ${TRIES} tries: ${JSON.stringify(last)}`);
}

/** Aborts the object so many milliseconds into a call, if that takes so long. Its outcome, if any, counts for nothing. */
async function cutOff(call: Promise<unknown>, after: number): Promise<void> {
  const over = call.catch(() => undefined);
  await scheduler.wait(after);
  await abortAllDurableObjects();
  await over;
}

describe('an object that is aborted', () => {
  it.each(Array.from({ length: 10 }, (_, n) => 4 * n))('%i milliseconds into its first sync, goes on with what it has', async (after) => {
    const world = new Crashing();
    await world.arrive(5);
    await cutOff(world.create(), after);
    const there = await world.rpc.account(OPERATOR);
    if (!there.ok) await eventually(() => world.create());
    await world.judge();
    expect(world.client.created.size).toBe(5);
  });

  it.each(Array.from({ length: SEEDS }, (_, n) => n + 1))(
    'at random in random sequence %i, shows what the server has, once',
    async (seed) => {
      const chance = new SeededRandom(seed);
      const world = new Crashing();
      await world.arrive(chance.below(6));
      await eventually(() => world.create());
      for (let step = 0; step < STEPS; step++) {
        const happens = chance.pick(['arrive', 'take', 'evict', 'sync', 'page', 'feed', 'feed', 'remove'] as const);
        if (happens === 'arrive') await world.arrive(1 + chance.below(3));
        else if (happens === 'take') await world.take(chance);
        else if (happens === 'evict') await world.evict();
        else {
          const before = await world.uidls();
          const call = happens === 'sync' ? world.rpc.sync(OPERATOR) : happens === 'remove' ? world.remove(chance) : world[happens]();
          await (chance.chance(0.4) ? cutOff(call, chance.below(CUT_WITHIN)) : call);
          const gone = before.filter((uidl) => !world.asked.has(uidl));
          expect(await world.uidls()).toEqual(expect.arrayContaining(gone));
        }
      }
      await world.judge();
    },
  );
});
