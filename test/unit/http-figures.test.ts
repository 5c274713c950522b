/** Figures about one mailbox, and what a deployment says it can do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AccountStats, ListItem } from '../../src/mailbox/rpc.ts';
import { type MadeAccount, NodeGateway, OPERATOR_KEY } from '../support/node-gateway.ts';
import type { Pop3Server } from '../support/pop3-server.ts';
import { MailWorld } from './mailbox-world.ts';

const DAY = 24 * 60 * 60 * 1000;

let world: MailWorld;
let server: Pop3Server;
let gateway: NodeGateway;
let mine: MadeAccount;

beforeEach(async () => {
  world = new MailWorld();
  server = await world.serve();
  gateway = new NodeGateway({ ports: [server.port] });
  mine = await gateway.account(server.port, { scopes: ['read'] }, { verify: false });
});
afterEach(() => world.close());

function letter(from: string, subject: string, octets = 10): Uint8Array {
  return Buffer.from(`From: ${from}\r\nSubject: ${subject}\r\n\r\n${'x'.repeat(octets)}\r\n`);
}

async function sync(): Promise<void> {
  expect((await gateway.ask('POST', `${mine.path}/sync`, { as: mine.token })).status).toBe(200);
}

async function stats(): Promise<AccountStats> {
  const response = await gateway.ask('GET', `${mine.path}/stats`, { as: mine.token });
  expect(response.status).toBe(200);
  return (await response.json()) as AccountStats;
}

/** The day so many days after today, UTC. */
const day = (after: number) => new Date(Date.now() + after * DAY).toISOString().slice(0, 10);

describe('the figures about a mailbox', () => {
  test('are of nothing where there is nothing', async () => {
    const { messagesPerDay, ...rest } = await stats();
    expect(messagesPerDay.map(({ date }) => date)).toEqual(Array.from({ length: 30 }, (_, n) => day(n - 29)));
    expect(messagesPerDay.every(({ count }) => count === 0)).toBe(true);
    expect(rest).toEqual({ largest: [], topSenders: [] });
    expect(server.connections.total).toBe(0);
  });

  test('count the days on which messages came, as long as they are there', async () => {
    world.fill(3);
    await sync();
    gateway.advance(2 * DAY);
    world.drop.add(letter('bob@example.com', 'later'), 'later');
    world.drop.add(letter('bob@example.com', 'gone'), 'gone');
    await sync();
    world.drop.remove('gone');
    world.drop.remove('u1');
    gateway.advance(DAY);
    world.drop.add(letter('bob@example.com', 'latest'), 'latest');
    await sync();
    const { messagesPerDay } = await stats();
    expect(messagesPerDay).toHaveLength(30);
    expect(messagesPerDay.filter(({ count }) => count > 0)).toEqual([
      { date: day(0), count: 2 },
      { date: day(2), count: 1 },
      { date: day(3), count: 1 },
    ]);
    gateway.advance(28 * DAY);
    expect((await stats()).messagesPerDay.filter(({ count }) => count > 0)).toEqual([
      { date: day(2), count: 1 },
      { date: day(3), count: 1 },
    ]);
  });

  test('show the ten largest messages, the largest first', async () => {
    for (let n = 1; n <= 12; n++) world.drop.add(letter('ann@example.com', `${n}`, 100 * ((n * 5) % 13)));
    await sync();
    const { largest } = await stats();
    const sizes = largest.map(({ size }) => size);
    expect(largest).toHaveLength(10);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    const { data } = (await (await gateway.ask('GET', `${mine.path}/messages`, { as: mine.token })).json()) as { data: ListItem[] };
    expect(sizes).toEqual(
      data
        .map(({ size }) => size)
        .sort((a, b) => b - a)
        .slice(0, 10),
    );
    expect(data).toEqual(expect.arrayContaining(largest));
  });

  test('name those who wrote most, however they spell their address', async () => {
    const froms = [
      'Ann <ann@example.com>',
      'ANN@EXAMPLE.COM',
      '"Ann A." <Ann@example.com>',
      'bob@example.com',
      'bob@example.com',
      '',
      'carol@example.com',
    ];
    for (const [n, from] of froms.entries()) world.drop.add(letter(from, `${n}`));
    await sync();
    expect((await stats()).topSenders).toEqual([
      { address: 'Ann@example.com', name: 'Ann A.', count: 3 },
      { address: 'bob@example.com', name: '', count: 2 },
      { address: 'carol@example.com', name: '', count: 1 },
    ]);
    expect(mine.box.sql.exec(`SELECT 1 FROM messages WHERE detail > 0`)).toHaveLength(froms.length);
  });
});

test('a deployment tells anybody what it can do', async () => {
  const response = await gateway.ask('GET', '/v1/capabilities');
  expect(response.status).toBe(200);
  const known = (await response.json()) as { features: string[]; limits: Record<string, number>; version: string };
  const document = (await (await gateway.ask('GET', '/openapi.json')).json()) as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  expect(known.features).toEqual(operations.sort());
  expect(known.limits).toMatchObject({ pageSize: 200, messagesReadAtOnce: 100, requestBody: 262_144 });
  expect((await gateway.ask('GET', '/v1/capabilities', { as: OPERATOR_KEY })).status).toBe(200);
});
