/** A look into a maildrop without an account: what it shows, what it leaves behind, and who may take it where. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PEEK } from '../../src/limits.ts';
import type { PeekItem } from '../../src/mailbox/rpc.ts';
import { NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import type { Pop3Server, Pop3ServerOptions } from '../support/pop3-server.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;
let server: Pop3Server;
let gateway: NodeGateway;

beforeEach(() => {
  world = new MailWorld();
});
afterEach(() => world.close());

async function serve(options: Partial<Pop3ServerOptions> = {}): Promise<void> {
  server = await world.serve(options);
  gateway = new NodeGateway({ ports: [server.port] });
}

function ask(more: Record<string, unknown> = {}, as = OPERATOR_KEY): Promise<Response> {
  const json = {
    server: { host: '127.0.0.1', port: server.port, security: 'none' },
    auth: { username: 'ann', password: 'secret' },
    ...more,
  };
  return gateway.ask('POST', '/v1/peek', { as, json });
}

async function peek(more: Record<string, unknown> = {}): Promise<PeekItem[]> {
  const response = await ask(more);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return (JSON.parse(text) as { data: PeekItem[] }).data;
}

/** Nothing that any object of the gateway stored. */
function expectNothingStored(): void {
  expect(gateway.mailboxes.size).toBeGreaterThan(0);
  for (const { sql, alarm } of gateway.mailboxes.values()) {
    expect(sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
    expect(alarm()).toBeNull();
  }
}

describe('a look', () => {
  test('shows the newest messages, the newest first, in one session, and stores nothing', async () => {
    world.fill(15);
    await serve();
    const items = await peek();
    expect(items.map(({ subject }) => subject)).toEqual(Array.from({ length: 10 }, (_, n) => `mail ${15 - n}`));
    expect(items[0]).toMatchObject({
      uidl: 'u15',
      detail: 'headers',
      from: [{ name: 'Ann', address: 'ann@example.com' }],
      preview: 'Hello',
    });
    expect(items[0]).not.toHaveProperty('id');
    expect(items[0]?.size).toBe(world.drop.list()[14]?.octets.length);
    expect(server.connections.total).toBe(1);
    expect(sent(server, 'RETR')).toEqual([]);
    expect(sent(server, 'QUIT')).toHaveLength(1);
    expectNothingStored();
  });

  test('reads the messages whole where that is wanted and they are not too large', async () => {
    world.drop.add(mail('small'), 'small');
    world.drop.add(mail('large', `${'x'.repeat(70)}\r\n`.repeat(PEEK.messageOctets / 72 + 1)), 'large');
    await serve();
    expect(
      (await peek({ detail: 'full', limit: 2 })).map(({ uidl, detail, subject, preview }) => [uidl, detail, subject, preview?.slice(0, 3)]),
    ).toEqual([
      ['large', 'headers', 'large', 'xxx'],
      ['small', 'full', 'small', 'Hel'],
    ]);
    expect(sent(server, 'RETR')).toHaveLength(1);
  });

  test('holds no more than its bound of a message whose size was a lie', async () => {
    world.drop.add(mail('large', `${'x'.repeat(70)}\r\n`.repeat(PEEK.messageOctets / 72 + 1)), 'large');
    world.drop.add(mail('behind'), 'behind');
    await serve({ answer: ({ verb }) => (verb === 'LIST' ? '+OK\r\n1 100\r\n2 100\r\n.\r\n' : null) });
    const [behind, large] = await peek({ detail: 'full' });
    expect([behind?.detail, large?.detail, large?.subject]).toEqual(['full', 'headers', 'large']);
  });

  test.each([['TOP'], ['UIDL'], ['CAPA']] as const)('does without %s', async (hidden) => {
    world.fill(3);
    await serve({ hide: [hidden] });
    const items = await peek({ limit: 2 });
    expect(items.map(({ subject }) => subject)).toEqual(['mail 3', 'mail 2']);
    expect(items.map(({ uidl }) => uidl)).toEqual(hidden === 'UIDL' ? [null, null] : ['u3', 'u2']);
    expect(items.map(({ detail }) => detail)).toEqual(hidden === 'TOP' ? ['full', 'full'] : ['headers', 'headers']);
  });

  test('shows of a message that the server refuses what the listing says', async () => {
    world.fill(2);
    await serve({ answer: ({ verb, argument }) => (verb === 'TOP' && argument.startsWith('2 ') ? '-ERR Not that one.\r\n' : null) });
    expect((await peek()).map(({ uidl, detail, subject }) => [uidl, detail, subject])).toEqual([
      ['u2', 'uidl', null],
      ['u1', 'headers', 'mail 1'],
    ]);
  });

  test('into nothing is nothing', async () => {
    await serve({ answer: ({ verb }) => (verb === 'UIDL' || verb === 'LIST' ? '-ERR No messages.\r\n' : null) });
    expect(await peek()).toEqual([]);
  });

  test('leaves the messages unread and where they are', async () => {
    world.fill(2);
    await serve();
    await peek({ detail: 'full' });
    expect(world.uidls).toEqual(['u1', 'u2']);
    expect(sent(server, 'DELE')).toEqual([]);
  });
});

test('a look that has seen all is none the worse for a server that hangs up at QUIT without a word', async () => {
  world.fill(2);
  await serve({ answer: ({ verb }) => (verb === 'QUIT' ? 'close' : null) });
  expect((await peek()).map(({ subject }) => subject)).toEqual(['mail 2', 'mail 1']);
});

describe('a look into a maildrop whose server breaks at several commands at once', () => {
  const breaks = (more: string) => {
    const capabilities = `+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\n${more}.\r\n`;
    let together = true;
    return serve({
      answer: ({ verb }) => {
        if (verb === 'CAPA') return capabilities;
        if (verb !== 'UIDL' || !together) return null;
        together = false;
        return 'close';
      },
    });
  };

  test('is begun anew, one at a time', async () => {
    world.fill(2);
    await breaks('');
    expect((await peek()).map(({ subject }) => subject)).toEqual(['mail 2', 'mail 1']);
    expect(server.connections.total).toBe(2);
    await expect.poll(() => server.connections.open).toBe(0);
  });

  test('is not begun anew where another login would have to wait', async () => {
    world.fill(2);
    await breaks('LOGIN-DELAY 60\r\n');
    expect(await problemOf(await ask())).toMatchObject({ status: 502, code: 'upstream_protocol' });
    expect(server.connections.total).toBe(1);
  });
});

describe('a look that fails', () => {
  test('says why, without the password, and stores nothing', async () => {
    await serve();
    const response = await ask({ auth: { username: 'ann', password: 'a wrong password' } });
    const text = await response.clone().text();
    expect(await problemOf(response)).toMatchObject({ status: 424, code: 'upstream_auth_failed' });
    expect(text).not.toContain('a wrong password');
    expectNothingStored();
  });

  test('meets the lock of whoever has the mailbox open', async () => {
    await serve();
    world.drop.lock();
    expect(await problemOf(await ask())).toMatchObject({ status: 503, code: 'mailbox_in_use' });
  });

  test('because the target is not allowed opens nothing', async () => {
    await serve();
    for (const target of [{ host: '10.0.0.1' }, { host: '127.0.0.1', port: server.port + 1, security: 'none' }, { host: 'localhost' }])
      expect(await problemOf(await ask({ server: target }))).toMatchObject({ status: 422, code: 'target_not_allowed' });
    expect(server.connections.total).toBe(0);
    expect(gateway.mailboxes.size).toBe(0);
  });

  test.each([
    [{ limit: 0 }, '/limit'],
    [{ limit: 51 }, '/limit'],
    [{ detail: 'uidl' }, '/detail'],
    [{ auth: { username: 'ann' } }, '/auth/password'],
    [{ store: true }, ''],
  ])('because of %j asks nobody', async (more, pointer) => {
    await serve();
    expect(await problemOf(await ask(more))).toMatchObject({ status: 400, errors: [{ pointer }] });
    expect(server.connections.total).toBe(0);
  });

  test('because a token asks is 403', async () => {
    world.fill(1);
    await serve();
    const { token } = await gateway.account(server.port, {}, { verify: false });
    expect((await ask({}, token)).status).toBe(403);
    expect(server.connections.total).toBe(0);
  });
});
