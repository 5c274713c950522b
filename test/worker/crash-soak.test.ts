/**
 * Ten thousand messages through the change feed while the Mailbox object is aborted every few hundred milliseconds and half of
 * its connections fail: who acknowledges by checkpoint has each message exactly once. In workerd, with real aborts.
 * `POPGATE_SEED` repeats a run's chance, `POPGATE_SOAK_MESSAGES` makes it longer.
 */
/// <reference types="@cloudflare/vitest-plugin/types" />
import { abortAllDurableObjects } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import type { Caller, Failure, ListItem, MailboxRpc, Result } from '../../src/mailbox/rpc.ts';
import { CheckpointConsumer, type FeedCalls } from '../support/checkpoint-consumer.ts';
import { ALL, callerOf, OPERATOR, settingsFor, SINCE, valueOf } from '../support/rpc-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { expectOnce } from '../support/soak-verdict.ts';
import type { Soak, SoakReport } from './soak-control.ts';

const { port, control, seed, messages } = JSON.parse((env as unknown as { SOAK: string }).SOAK) as Soak;
/** What the mail server's side may do to a call here. */
const EXPECTED: ReadonlySet<Failure['kind']> = new Set([
  'upstream_unreachable',
  'upstream_protocol',
  'upstream_timeout',
  'mailbox_in_use',
  'overloaded',
  'rate_limited',
]);
/** Milliseconds that an object lives: at least, and at most so many more. */
const LIFE = 150;
const LIFE_MORE = 450;
/** Messages that come at once, at most. */
const BURST = 250;
/** A hang guard, far above what it takes. */
const LONGEST = 600_000 + messages * 60;
const NAME = 'phone';

const account = newAccountId((count) => crypto.getRandomValues(new Uint8Array(count)), null);
/** A stub is broken with the object that it led to, so each call has its own. */
const mailbox = (): MailboxRpc => env.MAILBOX.getByName(account) as unknown as MailboxRpc;
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
let aborted = 0;

/** A call's result, or null where the object died under it or the mail server's side failed. */
async function attempt<T>(call: (box: MailboxRpc) => Promise<Result<T>>): Promise<Result<T> | null> {
  try {
    const result = await call(mailbox());
    if (result.ok || !EXPECTED.has(result.failure.kind)) return result;
  } catch (error) {
    if (!isAbort(error)) throw error;
    aborted += 1;
  }
  await pause(10);
  return null;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && /abort/i.test(error.message);
}

async function soak<T>(method: string, path: string): Promise<T> {
  return (await (await fetch(`http://127.0.0.1:${control}/${path}`, { method })).json()) as T;
}

/** An account with a token that may read and keep checkpoints. */
async function create(): Promise<Caller> {
  const settings = settingsFor(port, {
    server: { host: 'localhost', port, security: 'none' },
    auth: { username: 'soak', password: 'secret-of-the-soak', accessToken: null, method: 'auto' },
    pollSeconds: 60,
  });
  const token = { scopes: ['read', 'write'] as ('read' | 'write')[], expiresAt: null, origins: [], label: 'soak' };
  const made = valueOf(await mailbox().create(account, settings, false, token));
  return callerOf(made.token?.secret ?? '');
}

function callsOf(caller: Caller): FeedCalls {
  return {
    async changes(checkpoint, ask) {
      const query = { ...SINCE, checkpoint, maxAge: ask ? 0 : 3600 };
      const result = await attempt((box) => box.changes(caller, query));
      return result && valueOf(result);
    },
    async checkpoint(name) {
      const result = await attempt((box) => box.checkpoint(caller, name));
      if (result === null) return null;
      if (!result.ok && result.failure.kind === 'not_found') return 'none';
      const { state, version } = valueOf(result);
      return { state, tag: version };
    },
    async acknowledge(name, state, tag) {
      const conditions = { ifMatch: tag === null ? null : [tag], ifNoneMatch: tag === null ? ('*' as const) : null };
      const result = await attempt((box) => box.setCheckpoint(caller, name, { state, force: false }, conditions));
      if (result === null) return null;
      if (!result.ok && result.failure.kind === 'precondition_failed') return false;
      valueOf(result);
      return true;
    },
  };
}

it(
  'gives each of many messages exactly once, however often it is aborted',
  async () => {
    console.log(`POPGATE_SEED=${seed}: ${messages} messages`);
    const random = new SeededRandom(seed + 1);
    const caller = await create();
    const consumer = new CheckpointConsumer(callsOf(caller), NAME);
    let over = false;
    let aborts = 0;
    const aborting = (async (): Promise<void> => {
      while (!over) {
        await pause(LIFE + random.below(LIFE_MORE));
        await abortAllDurableObjects();
        aborts += 1;
      }
    })();
    for (let delivered = 0; delivered < messages;) {
      const count = Math.min(messages - delivered, 1 + random.below(BURST));
      await soak('POST', String(count));
      delivered += count;
      await consumer.step();
    }
    while ((await consumer.step()) !== true);
    over = true;
    await aborting;
    await soak('POST', 'heal');
    while ((await consumer.step()) !== true);

    const { delivered, connections } = await soak<SoakReport>('GET', '');
    console.log(
      `${aborts} aborts, under ${aborted} calls; ${connections.total} connections, ${connections.cut} cut; ${consumer.pages} pages, ${consumer.doubts} doubtful acknowledgements`,
    );
    expect(aborts).toBeGreaterThan(0);
    expect(aborted).toBeGreaterThan(0);
    expect(connections.cut).toBeGreaterThan(0);
    expect(delivered.length).toBe(messages);
    expectOnce(consumer, delivered, await wholeList());
  },
  LONGEST,
);

async function wholeList(): Promise<ListItem[]> {
  const items: ListItem[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const query = { ...ALL, limit: 200, cursor: cursor ?? null, order: 'oldest' as const, maxAge: 3600 };
    const page = valueOf(await mailbox().messages(OPERATOR, query));
    items.push(...(page.data as ListItem[]));
    cursor = page.nextCursor;
  }
  return items;
}
