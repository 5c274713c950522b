/**
 * Ten thousand messages through the change feed while the whole gateway is killed (`kill -9`) again and again and half of its
 * connections to the mail server fail: who acknowledges by checkpoint has each message exactly once.
 * `POPGATE_SEED` repeats a run's chance, `POPGATE_SOAK_KILLS` and `POPGATE_SOAK_MESSAGES` make it longer.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChangesPage, Checkpoint, ListItem, MessagePage } from '../../src/mailbox/rpc.ts';
import { CheckpointConsumer, type FeedCalls } from '../support/checkpoint-consumer.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SOAK_PASSWORD, SOAK_USER, SoakPeer } from '../support/soak-peer.ts';
import { expectOnce } from '../support/soak-verdict.ts';
import type { Answer, Client } from './client.ts';
import { World } from './world.ts';

const SEED = Number(process.env.POPGATE_SEED ?? Math.floor(Math.random() * 2 ** 32));
const MESSAGES = Number(process.env.POPGATE_SOAK_MESSAGES ?? 10_000);
const KILLS = Number(process.env.POPGATE_SOAK_KILLS ?? 6);
/** How much longer than it must a gateway lives at the most, milliseconds. */
const LIFE = 1_000;
/** A hang guard, far above what a life takes. */
const LONGEST = 120_000 + KILLS * 60_000;
const NAME = 'phone';
/** In how many bursts mail comes while a gateway lives. */
const BURSTS = 8;

let world: World;
let peer: SoakPeer;
let path = '';
let app: Client;

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** An answer, or null where none came whole, or where the mail server's side failed: all that may happen here. */
async function attempt(method: string, where: string, json?: unknown, headers: Record<string, string> = {}): Promise<Answer | null> {
  try {
    const answer = await app.call(method, path + where, { ...(json === undefined ? {} : { json }), headers });
    const { code } = (answer.json ?? {}) as { code?: string };
    if (!/^(upstream_(unreachable|protocol|timeout)|mailbox_in_use|overloaded|rate_limited)$/.test(code ?? '')) return answer;
  } catch (error) {
    // What fetch throws when the other side is gone: before, or in the middle of, its answer.
    if (!(error instanceof TypeError && /^(fetch failed|terminated)$/.test(error.message))) throw error;
  }
  await pause(100);
  return null;
}

const calls: FeedCalls = {
  async changes(checkpoint) {
    // Asks the mail server for every page: a gateway lives long enough for few of them.
    const answer = await attempt('GET', `/changes?checkpoint=${checkpoint}&limit=200&maxAge=0`);
    if (answer !== null) expect(answer.status).toBe(200);
    return (answer?.json as ChangesPage | undefined) ?? null;
  },
  async checkpoint(name) {
    const answer = await attempt('GET', `/checkpoints/${name}`);
    if (answer === null) return null;
    if (answer.status === 404) return 'none';
    expect(answer.status).toBe(200);
    return { state: (answer.json as Checkpoint).state, tag: answer.headers.get('ETag') ?? '' };
  },
  async acknowledge(name, state, tag) {
    const condition: Record<string, string> = tag === null ? { 'If-None-Match': '*' } : { 'If-Match': tag };
    const answer = await attempt('PUT', `/checkpoints/${name}`, { state }, condition);
    if (answer === null) return null;
    expect([200, 201, 412]).toContain(answer.status);
    return answer.status !== 412;
  },
};

beforeAll(async () => {
  world = await World.make();
  peer = await world.add(SoakPeer.start(SEED));
  await world.start({ SESSION_LINGER_MS: '1000' });
  const made = await world.operator.create({
    server: { host: 'localhost', port: peer.port, security: 'none' },
    auth: { username: SOAK_USER, password: SOAK_PASSWORD },
    pollSeconds: 60,
    // Its first session may be one of those that fail.
    verify: false,
    token: { scopes: ['read', 'write'] },
  });
  app = world.as(made.token?.secret ?? null);
  path = `/v1/accounts/${made.account.id}`;
});

afterAll(() => world?.end());

test(
  'each of many messages comes exactly once, however often the gateway is killed',
  async () => {
    console.log(`POPGATE_SEED=${SEED}: ${MESSAGES} messages, ${KILLS} kills`);
    const random = new SeededRandom(SEED + 1);
    const consumer = new CheckpointConsumer(calls, NAME);
    let over = false;
    const consuming = (async (): Promise<void> => {
      for (let done: boolean | null = null; !over || done !== true;) done = await consumer.step();
    })();
    for (let kill = 0; kill < KILLS; kill++) {
      for (let burst = 0; burst < BURSTS; burst++) {
        peer.deliver(share(MESSAGES, KILLS * BURSTS, kill * BURSTS + burst));
        await Promise.race([pause(50), consuming]);
      }
      // Killed in the middle of reading what has come, wherever that is.
      while (consumer.created.size < (MESSAGES * (kill + 0.5)) / KILLS) await Promise.race([pause(50), consuming]);
      await pause(random.below(LIFE));
      await world.gateway.kill();
      await world.start({ SESSION_LINGER_MS: '1000' });
    }
    over = true;
    await consuming;
    peer.heal();
    while ((await consumer.step()) !== true);

    const { delivered, connections } = peer;
    console.log(
      `${connections.total} connections, ${connections.cut} cut; ${consumer.pages} pages, ${consumer.doubts} doubtful acknowledgements`,
    );
    expect(connections.cut).toBeGreaterThan(0);
    expect(delivered.length).toBe(MESSAGES);
    expectOnce(consumer, delivered, await wholeList());
  },
  LONGEST,
);

/** How much of `whole` falls to one of `parts`: all of them have it together. */
function share(whole: number, parts: number, part: number): number {
  return Math.floor((whole * (part + 1)) / parts) - Math.floor((whole * part) / parts);
}

async function wholeList(): Promise<ListItem[]> {
  const items: ListItem[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const behind: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: MessagePage = await world.operator.get(`${path}/messages?limit=200&order=oldest&maxAge=3600${behind}`);
    items.push(...(page.data as ListItem[]));
    cursor = page.nextCursor;
  }
  return items;
}
