/** Many accounts of one mail host in workerd: their alarms log in a few at a time, by turns of a third object. */
/// <reference types="@cloudflare/vitest-plugin/types" />
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import { LOGINS } from '../../src/limits.ts';
import type { FleetServer } from '../support/fleet-server.ts';
import { OPERATOR, settingsFor } from '../support/rpc-calls.ts';
import type { Peers } from './peers.ts';

const peers = JSON.parse((env as unknown as { PEERS: string }).PEERS) as Peers;

async function logins(): Promise<FleetServer['logins']> {
  const response = await fetch(`http://127.0.0.1:${peers.control}/logins`);
  return response.json();
}

it('logs in to one host for four alarms at a time, and for all of them in the end', async () => {
  const settings = settingsFor(peers.slow, {
    server: { host: 'localhost', port: peers.slow, security: 'none' },
    cache: { maxBytes: 0, maxMessageBytes: 0 },
  });
  const ids = Array.from({ length: 16 }, () => newAccountId(platformRandom, null));
  // Not verified, so that each is asked for by its alarm, all within half a second.
  const made = await Promise.all(ids.map((id) => env.MAILBOX.getByName(id).create(id, settings, false, null)));
  expect(made.filter(({ ok }) => ok).length).toBe(16);
  await expect.poll(async () => (await logins()).accepted, { timeout: 30_000 }).toBe(16);
  await expect.poll(logins).toEqual({ now: 0, most: LOGINS.atOnce, accepted: 16 });
  for (const id of ids) {
    const view = () => env.MAILBOX.getByName(id).account(OPERATOR);
    await expect.poll(view).toMatchObject({ ok: true, value: { state: 'ready', consecutiveFailures: 0 } });
  }
  const tables = await runInDurableObject(env.MAIL_HOST.getByName('localhost'), (_object, { storage }) =>
    storage.sql.exec(`SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`).toArray(),
  );
  expect(tables).toEqual([]);
});
