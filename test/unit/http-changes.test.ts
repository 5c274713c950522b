/** Following the feed over HTTP: what may be asked for, and waiting for what has not happened yet. */
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { ChangesPage } from '../../src/mailbox/rpc.ts';
import { Maildrop } from '../support/maildrop.ts';
import { type MadeAccount, NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import { OPERATOR, valueOf } from '../support/node-mailbox.ts';
import { type Pop3Server, startPop3Server } from '../support/pop3-server.ts';

/** A mailbox with one message, on a mail server of its own, and its account. Tests that wait run side by side. */
class World {
  readonly drop: Maildrop;
  readonly server: Pop3Server;
  readonly gateway: NodeGateway;
  readonly account: MadeAccount;

  private constructor(drop: Maildrop, server: Pop3Server, gateway: NodeGateway, account: MadeAccount) {
    this.drop = drop;
    this.server = server;
    this.gateway = gateway;
    this.account = account;
  }

  static async make(): Promise<World> {
    const drop = new Maildrop();
    const server = await startPop3Server({ users: new Map([['ann', { password: 'secret', maildrop: drop }]]) });
    servers.push(server);
    const gateway = new NodeGateway({ ports: [server.port] });
    drop.add(mail('first'));
    return new World(drop, server, gateway, await gateway.account(server.port, { scopes: ['read'] }, { pollSeconds: 0 }));
  }

  deliver(subject: string): string {
    return this.drop.add(mail(subject));
  }

  ask(query: Record<string, string | number>, as = OPERATOR_KEY): Promise<Response> {
    const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
    return this.gateway.ask('GET', `${this.account.path}/changes?${text.toString()}`, { as });
  }

  async changes(query: Record<string, string | number>): Promise<ChangesPage> {
    const response = await this.ask(query);
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    return (await response.json()) as ChangesPage;
  }

  async sync(): Promise<void> {
    valueOf(await this.account.box.service.sync(OPERATOR));
  }

  /** Done once a call that asks for changes has been answered by the object, which the Worker behind it may go on to wait for. */
  async answered(): Promise<void> {
    const { service } = this.account.box;
    const changes = service.changes.bind(service);
    const { promise, resolve } = Promise.withResolvers<void>();
    service.changes = async (...query) => {
      const page = await changes(...query);
      resolve();
      return page;
    };
    await promise;
  }

  /** What was written to the account's database so far, in rows. */
  written(): number {
    return this.account.box.sql.exec<{ n: number }>('SELECT total_changes() AS n')[0]!.n;
  }
}

const servers: Pop3Server[] = [];

afterAll(() => Promise.all(servers.map((server) => server.close())));

function mail(subject: string): Uint8Array {
  return Buffer.from(`Subject: ${subject}\r\n\r\nHello\r\n`);
}

function subjects({ created }: ChangesPage): unknown[] {
  return created.map((item) => ('subject' in item ? item.subject : null));
}

describe('what is asked for', () => {
  test('since and checkpoint exclude each other', async () => {
    const world = await World.make();
    const { newState } = await world.changes({});
    const response = await world.ask({ since: newState, checkpoint: 'phone' });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/checkpoint' }] });
  });

  test.each(['a b', 'ä', 'x'.repeat(65), 'a/b', '$'])('%j names no checkpoint', async (checkpoint) => {
    const world = await World.make();
    expect(await problemOf(await world.ask({ checkpoint }))).toMatchObject({ status: 400, errors: [{ pointer: '/checkpoint' }] });
  });

  test.each(['-1', '26', '1.5', 'x', ''])('wait=%s is refused', async (wait) => {
    const world = await World.make();
    expect(await problemOf(await world.ask({ wait }))).toMatchObject({ status: 400, errors: [{ pointer: '/wait' }] });
  });

  test('a state of another account is refused before anything is waited for', async () => {
    const world = await World.make();
    // Both have the same maildrop, which one session locks at a time.
    await world.changes({});
    await expect.poll(() => world.server.connections.open).toBe(0);
    const other = await world.gateway.account(world.server.port);
    const response = await world.gateway.ask('GET', `${other.path}/changes`, { as: other.token });
    const { newState: since } = (await response.json()) as ChangesPage;
    expect(await problemOf(await world.ask({ since, wait: 25 }))).toMatchObject({ status: 400, errors: [{ pointer: '/since' }] });
  });

  test('ids are ids alone', async () => {
    const world = await World.make();
    const { created } = await world.changes({ include: 'ids' });
    expect(created).toEqual([{ id: expect.stringMatching(/^[\w-]{22}$/) }]);
  });

  test('a message that came and went since is not told of, and the state moves on', async () => {
    const world = await World.make();
    const before = await world.changes({});
    const uidl = world.deliver('short-lived');
    await world.changes({ maxAge: 0 });
    world.drop.remove(uidl);
    const after = await world.changes({ since: before.newState, maxAge: 0 });
    expect(after).toMatchObject({ created: [], updated: [], destroyed: [], hasMore: false, oldState: before.newState });
    expect(after.newState).not.toBe(before.newState);
    expect(after.newState).toBe(after.sync.state);
  });

  test('a state from before what has been forgotten still has every creation, and says that destructions may be missing', async () => {
    const world = await World.make();
    const start = await world.changes({ limit: 1 });
    const uidl = world.deliver('gone');
    const second = await world.changes({ maxAge: 0 });
    world.drop.remove(uidl);
    world.deliver('last');
    const end = await world.changes({ maxAge: 0, since: second.newState });
    expect(end.destroyed).toHaveLength(1);
    world.account.box.sql.exec('UPDATE account SET pruned = place');
    world.account.box.sql.exec('DELETE FROM messages WHERE destroyed IS NOT NULL');
    const late = await world.changes({ since: start.newState });
    expect([subjects(late), late.destroyed, late.destroyedComplete]).toEqual([['last'], [], false]);
    expect((await world.changes({ since: end.newState })).destroyedComplete).toBe(true);
    // Who starts from nothing holds nothing that could have been forgotten.
    expect((await world.changes({})).destroyedComplete).toBe(true);
  });

  test('two hundred who see a message before its headers are known have them fetched once', async () => {
    const world = await World.make();
    const { newState: since } = await world.changes({});
    world.deliver('for all');
    await world.sync();
    world.account.box.sql.exec('UPDATE messages SET detail = 0, summary = NULL WHERE created = (SELECT max(created) FROM messages)');
    const tops = (): number => world.server.commands.filter((command) => command.includes('TOP')).length;
    const before = [tops(), world.server.connections.total];
    const pages = await Promise.all(Array.from({ length: 200 }, () => world.changes({ since, maxAge: 3600 })));
    expect(pages.map(subjects)).toEqual(pages.map(() => ['for all']));
    expect(pages.filter(({ sync }) => sync.problem !== null)).toEqual([]);
    expect([tops(), world.server.connections.total]).toEqual(before.map((count) => count + 1));
  });
});

describe.concurrent('waiting', () => {
  test('does not hold a page that has something', async () => {
    const world = await World.make();
    expect(subjects(await world.changes({ wait: 25 }))).toEqual(['first']);
  }, 10_000);

  test('ends where it began when nothing happens', async () => {
    const world = await World.make();
    const { newState } = await world.changes({});
    const page = await world.changes({ since: newState, wait: 1 });
    expect(page).toMatchObject({ oldState: newState, newState, created: [], updated: [], destroyed: [], hasMore: false });
    expect(page.sync).toMatchObject({ stale: false, problem: null });
  });

  test('ends where it began although a message came and went', async () => {
    const world = await World.make();
    const { newState } = await world.changes({});
    const uidl = world.deliver('short-lived');
    await world.changes({ maxAge: 0 });
    world.drop.remove(uidl);
    await world.changes({ maxAge: 0 });
    expect(await world.changes({ since: newState, wait: 1 })).toMatchObject({ oldState: newState, newState, created: [], destroyed: [] });
  });

  test('ends with what others find out', async () => {
    const world = await World.make();
    const { newState } = await world.changes({});
    const waiting = world.changes({ since: newState, wait: 25 });
    world.deliver('second');
    await world.sync();
    expect(subjects(await waiting)).toEqual(['second']);
  });

  test('at a checkpoint ends with what comes after it, and does not move it', async () => {
    const world = await World.make();
    const { newState: state } = await world.changes({});
    const path = `${world.account.path}/checkpoints/phone`;
    await world.gateway.ask('PUT', path, { as: OPERATOR_KEY, json: { state } });
    const waiting = world.changes({ checkpoint: 'phone', wait: 25 });
    world.deliver('second');
    await world.sync();
    expect(await waiting).toMatchObject({ oldState: state, created: [{ subject: 'second' }] });
    const response = await world.gateway.ask('GET', path, { as: OPERATOR_KEY });
    expect(await response.json()).toMatchObject({ state, behind: 1 });
  });

  test('ends when the client goes away', async () => {
    const world = await World.make();
    const { newState } = await world.changes({});
    const client = new AbortController();
    const headers = { Authorization: `Bearer ${OPERATOR_KEY}` };
    const init = { headers, signal: client.signal };
    const answered = world.answered();
    const waiting = world.gateway.app.request(`${world.account.path}/changes?since=${newState}&wait=25`, init, world.gateway.env);
    await answered;
    client.abort();
    // Much sooner than the wait would have ended, or this test fails by its own time.
    expect(await (await waiting).json()).toMatchObject({ created: [], newState });
  }, 10_000);

  test('says what is wrong when the token is revoked meanwhile', async () => {
    const world = await World.make();
    const { newState } = await world.changes({});
    const answered = world.answered();
    const waiting = world.gateway.ask('GET', `${world.account.path}/changes?since=${newState}&wait=25`, { as: world.account.token });
    await answered;
    world.account.box.sql.exec('DELETE FROM tokens');
    expect((await waiting).status).toBe(401);
  });

  test('is one request of its token, however often the object is asked', async () => {
    const world = await World.make();
    const { newState } = await world.changes({});
    const response = await world.gateway.ask('GET', `${world.account.path}/changes?since=${newState}&wait=3`, { as: world.account.token });
    expect(response.headers.get('RateLimit')).toMatch(/r=599;/);
  });

  test('asks the mail server once a minute, keeps no session, and writes nothing between', async () => {
    const world = await World.make();
    const { newState } = await world.changes({});
    const [connections, rows] = [world.server.connections.total, world.written()];
    const poll = async (): Promise<void> => {
      for (let n = 0; n < 20; n++) expect(valueOf(await world.account.box.service.changedSince(OPERATOR, newState))).toBe(false);
    };
    await poll();
    world.gateway.advance(55_000);
    await poll();
    expect([world.server.connections.total, world.written()]).toEqual([connections, rows]);
    world.gateway.advance(10_000);
    await poll();
    await vi.waitFor(() => expect(world.server.connections.total).toBe(connections + 1));
    await vi.waitFor(() => expect(world.server.connections.open).toBe(0));
    await poll();
    expect(world.server.connections.total).toBe(connections + 1);
  });

  test('asks nothing while the mail server wants a pause, or has refused the credentials', async () => {
    const world = await World.make();
    const { newState } = await world.changes({});
    const { sql, service } = world.account.box;
    const connections = world.server.connections.total;
    const poll = async (): Promise<void> => {
      for (let n = 0; n < 5; n++) valueOf(await service.changedSince(OPERATOR, newState));
    };
    world.gateway.advance(120_000);
    sql.exec('UPDATE health SET login_after = ?', Date.now() + 600_000);
    await poll();
    sql.exec(`UPDATE health SET login_after = NULL, state = 'auth_failed'`);
    await poll();
    expect(world.server.connections.total).toBe(connections);
    sql.exec(`UPDATE health SET state = 'ready'`);
    await poll();
    await vi.waitFor(() => expect(world.server.connections.total).toBe(connections + 1));
  });

  test('two hundred are answered together, by one session', async () => {
    const world = await World.make();
    const { newState: since } = await world.changes({});
    const before = world.server.connections.total;
    const waiting = Array.from({ length: 200 }, () => world.changes({ since, wait: 25, maxAge: 3600 }));
    world.deliver('for all');
    // Nobody has asked for a minute: one of those who wait makes the object ask, and the others profit.
    world.gateway.advance(61_000);
    const pages = await Promise.all(waiting);
    expect(pages.map(subjects)).toEqual(pages.map(() => ['for all']));
    expect(pages.filter(({ sync }) => sync.stale || sync.problem !== null)).toEqual([]);
    expect(world.server.connections.total - before).toBe(1);
  }, 30_000);
});
