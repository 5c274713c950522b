/** The whole Worker in workerd: accounts over HTTP, their change, and the cron trigger over the real Directory and real alarms. */
/// <reference types="@cloudflare/vitest-plugin/types" />
import { createExecutionContext, createScheduledController, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import worker from '../../src/index.ts';
import type { AccountView, NewToken } from '../../src/mailbox/rpc.ts';
import type { Peers } from './peers.ts';

const peers = JSON.parse((env as unknown as { PEERS: string }).PEERS) as Peers;

async function ask(
  method: string,
  path: string,
  json?: unknown,
  as: string = env.OPERATOR_KEY,
): Promise<{ status: number; body: unknown }> {
  const headers = {
    Authorization: `Bearer ${as}`,
    'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
  };
  const body = json === undefined ? null : JSON.stringify(json);
  const context = createExecutionContext();
  const request = new Request(`https://popgate.example${path}`, { method, headers, body });
  const response = await worker.fetch(request, env, context);
  const text = await response.text();
  await waitOnExecutionContext(context);
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

async function sweep(): Promise<void> {
  const context = createExecutionContext();
  worker.scheduled(createScheduledController({ cron: '*/5 * * * *' }), env, context);
  await waitOnExecutionContext(context);
}

it('changes an account, finds its lost alarm, and brings the figures back', async () => {
  const made = await ask('POST', '/v1/accounts', {
    server: { host: 'localhost', port: peers.tls },
    auth: { username: 'user40', password: 'secret' },
    externalId: 'old',
  });
  expect(made.status).toBe(201);
  const { account, token } = made.body as { account: AccountView; token: NewToken };
  const { id } = account;
  const path = `/v1/accounts/${id}`;
  const { secret } = token;

  const refused = await ask('PATCH', path, { auth: { username: 'user41', password: 'wrong' } }, secret);
  expect(refused).toMatchObject({ status: 424, body: { code: 'upstream_auth_failed' } });
  const auth = { username: 'user41', password: 'secret' };
  const changed = await ask('PATCH', path, { auth, externalId: 'new', server: { port: peers.startTls, security: 'starttls' } }, secret);
  expect(changed).toMatchObject({
    status: 200,
    body: { externalId: 'new', auth: { username: 'user41' }, server: { port: peers.startTls } },
  });
  expect((await ask('GET', '/v1/accounts?externalId=new')).body).toMatchObject({ data: [{ id }] });
  expect((await ask('POST', `${path}/sync`, {}, secret)).status).toBe(200);

  const stub = env.MAILBOX.getByName(id);
  const alarm = () => runInDurableObject(stub, (_, state) => state.storage.getAlarm());
  expect(await alarm()).not.toBeNull();
  await runInDurableObject(stub, (_, state) => state.storage.deleteAlarm());
  await sweep();
  expect(await alarm()).not.toBeNull();
  const { body } = await ask('GET', '/v1/stats');
  expect(body).toMatchObject({
    accounts: { ready: 1 },
    polls: { accounts: 1, perDay: 288 },
    failures: {},
    oldestUnchecked: { account: id },
  });

  expect((await ask('PATCH', path, { paused: true }, secret)).status).toBe(200);
  expect(await alarm()).toBeNull();
  expect((await ask('DELETE', path, undefined, secret)).status).toBe(204);
  expect((await ask('GET', '/v1/token', undefined, secret)).status).toBe(401);
});

it('looks into a mailbox and leaves no object with anything in it', async () => {
  await fetch(`http://127.0.0.1:${peers.control}/drop/user42`, { method: 'PUT', body: 'Subject: peeked\r\n\r\nHello\r\n' });
  const server = { host: 'localhost', port: peers.tls };
  const peeked = await ask('POST', '/v1/peek', { server, auth: { username: 'user42', password: 'secret' } });
  expect(peeked).toMatchObject({ status: 200, body: { data: [{ subject: 'peeked', detail: 'headers' }] } });
});
