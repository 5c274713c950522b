/**
 * A gateway that goes and comes back: in order, without its secrets, and killed in the middle of its work. What it has said
 * stays true: ids, states, cursors and tokens (RFC 8620 §5.1, §5.2), and nothing comes twice or is lost.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChangesPage, ListItem, MessagePage, MessageView } from '../../src/mailbox/rpc.ts';
import { Maildrop } from '../support/maildrop.ts';
import { startPop3Server } from '../support/pop3-server.ts';
import type { Client, Created } from './client.ts';
import { World } from './world.ts';

const drop = new Maildrop();
let world: World;
let created: Created;
let path: string;
/** Done when the mail server is asked this, once. */
let ambush: { verb: string; act: () => void } | null = null;

let before: { list: ListItem[]; firstPage: MessagePage; state: string; message: MessageView; account: unknown };

function deliver(name: string, octets = 0): void {
  drop.add(Buffer.from(`Subject: ${name}\r\nMessage-ID: <${name}@example.com>\r\n\r\nText of ${name}.\r\n${'x'.repeat(octets)}\r\n`), name);
}

function app(): Client {
  return world.as(created.token?.secret ?? null);
}

async function list(query = ''): Promise<MessagePage> {
  return app().get<MessagePage>(`${path}/messages?limit=200${query}`);
}

function names(items: readonly { uidl?: string | null }[]): (string | null | undefined)[] {
  return items.map(({ uidl }) => uidl);
}

/** Everything since a state, each entry in the order in which it came. */
async function since(state: string): Promise<{ created: string[]; destroyed: string[]; state: string }> {
  const all = { created: [] as string[], destroyed: [] as string[], state };
  for (let more = true; more;) {
    const page = await app().get<ChangesPage>(`${path}/changes?limit=2&maxAge=0&since=${all.state}`);
    all.created.push(...page.created.map((item) => String((item as ListItem).uidl)));
    all.destroyed.push(...page.destroyed.map(({ id }) => id));
    all.state = page.newState;
    more = page.hasMore;
  }
  return all;
}

beforeAll(async () => {
  world = await World.make();
  for (const name of ['one', 'two', 'three', 'four', 'five', 'six', 'seven']) deliver(name);
  const answer = ({ verb }: { verb: string }): 'close' | null => {
    if (verb !== ambush?.verb) return null;
    ambush.act();
    ambush = null;
    return 'close';
  };
  const users = new Map([['ann', { password: 'secret-over-restarts', maildrop: drop }]]);
  const { port } = await world.add(startPop3Server({ users, tls: world.certificate, answer }));
  world.secrets.add('secret-over-restarts');
  await world.start();
  const server = { host: 'localhost', port };
  created = await world.operator.create({ server, auth: { username: 'ann', password: 'secret-over-restarts' }, externalId: 'x' });
  path = `/v1/accounts/${created.account.id}`;
  const { data, sync } = await list();
  const four = data.find(({ uidl }) => uidl === 'four')?.id;
  before = {
    list: data as ListItem[],
    firstPage: await app().get<MessagePage>(`${path}/messages?limit=3`),
    message: await app().get<MessageView>(`${path}/messages/${four}`),
    state: sync.state ?? '',
    account: (await world.operator.get<{ data: unknown }>('/v1/accounts')).data,
  };
});

afterAll(() => world?.end());

test('before anything happens there are seven messages', () => {
  expect(names(before.list)).toEqual(['seven', 'six', 'five', 'four', 'three', 'two', 'one']);
});

test('without its secrets it says what to set, on every route but one', async () => {
  await world.gateway.stop();
  await world.start({ OPERATOR_KEY: '', MASTER_KEY: '' });
  expect(await world.as(null).get('/healthz')).toMatchObject({ ok: true, configured: false });
  const asked: [string, string][] = [
    ['GET', '/openapi.json'],
    ['GET', '/v1/accounts'],
    ['POST', '/v1/accounts'],
    ['GET', path],
    ['DELETE', path],
    ['GET', `${path}/messages`],
    ['GET', `${path}/messages/${before.list[0]?.id}/raw`],
    ['POST', `${path}/sync`],
    ['GET', '/nothing'],
  ];
  for (const [method, asking] of asked)
    for (const client of [world.operator, app(), world.as(null)]) {
      const { detail, retryable } = await client.refused(503, 'misconfigured', method, asking);
      expect(detail).toMatch(/OPERATOR_KEY.*\..*MASTER_KEY.*\./s);
      expect(retryable).toBe(false);
    }
  await world.gateway.stop();
});

test('all that it knew it knows when it comes back', async () => {
  deliver('eight');
  drop.remove('two');
  await world.start();
  expect((await world.operator.get<{ data: unknown }>('/v1/accounts')).data).toEqual(before.account);
  expect(await app().get(path)).toMatchObject({ id: created.account.id, state: 'ready', lastError: null });

  const second = await app().get<MessagePage>(`${path}/messages?limit=3&cursor=${before.firstPage.nextCursor}`);
  expect(second.data.map(({ id }) => id)).toEqual(before.list.slice(3, 6).map(({ id }) => id));

  const { firstSeenAt, id } = before.message;
  expect(await app().get<MessageView>(`${path}/messages/${id}`)).toEqual({ ...before.message, firstSeenAt });

  const two = before.list.find(({ uidl }) => uidl === 'two');
  expect(await since(before.state)).toMatchObject({ created: ['eight'], destroyed: [two?.id] });
  const { data } = await list();
  expect(names(data)).toEqual(['eight', 'seven', 'six', 'five', 'four', 'three', 'one']);
  expect(data.slice(1).map((item) => item.id)).toEqual(before.list.filter(({ uidl }) => uidl !== 'two').map((item) => item.id));
});

test('killed when it has listed new messages and not read their headers, it neither loses nor repeats one', async () => {
  const { sync } = await list('&maxAge=0');
  for (const name of ['nine', 'ten', 'eleven']) deliver(name);
  deliver('twelve', 2_000_000);
  const one = before.list.find(({ uidl }) => uidl === 'one');
  expect((await app().call('DELETE', `${path}/messages/${one?.id}`)).status).toBe(204);

  // Listed, and not yet indexed: this is when it dies.
  const dead = new Promise<void>((resolve) => {
    ambush = { verb: 'TOP', act: () => void world.gateway.kill().then(resolve) };
  });
  await expect(app().call('POST', `${path}/sync`)).rejects.toThrow();
  await dead;

  await world.start();
  expect(drop.locked).toBe(false);
  const all = await since(sync.state ?? '');
  expect(all.created).toEqual(['nine', 'ten', 'eleven', 'twelve']);
  expect(all.destroyed).toEqual([one?.id]);
  const { data, total } = await list();
  expect(total).toBe(10);
  expect(names(data)).toEqual(['twelve', 'eleven', 'ten', 'nine', 'eight', 'seven', 'six', 'five', 'four', 'three']);
  expect(data.map(({ subject }) => subject)).toEqual(names(data));

  const twelve = `${path}/messages/${data[0]?.id}`;
  const raw = await app().call('GET', `${twelve}/raw`);
  expect(raw.octets.equals(drop.list().find(({ uidl }) => uidl === 'twelve')?.octets ?? Buffer.of())).toBe(true);
  expect(await since(all.state)).toMatchObject({ created: [], destroyed: [] });
});

test('nothing that was secret or read has been printed, in no life', () => {
  expect(world.lines.filter((line) => line.includes('Ready on')).length).toBe(4);
  expect(world.printed('Text of', 'eleven@example.com')).toEqual([]);
});
