/** A diagnosis: what it never tells, whatever a server says; what it shows to whom; and who may ask. */
import { once } from 'node:events';
import net from 'node:net';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import { newToken } from '../../src/crypto/token.ts';
import { NodeGateway, problemOf } from '../support/node-gateway.ts';
import { close, on, send, stall } from '../support/scripted-peer.ts';
import { ALL, AUTH, BEFORE_LOGIN, course, DiagnosisWorld, place } from './diagnosis-world.ts';
import { random } from './http-fakes.ts';
import { sent } from './mailbox-world.ts';

let world: DiagnosisWorld;

beforeEach(() => {
  world = new DiagnosisWorld();
});
afterEach(() => world.close());

describe('a server that repeats what it is told', () => {
  /** Says `line` to everything, in its replies and in its data. */
  async function parrot(lines: (heard: string[]) => string): Promise<number> {
    const listener = net.createServer((socket) => {
      const heard: string[] = [];
      let text = '';
      let data = false;
      socket.on('error', () => undefined);
      const say = (status: string): boolean => socket.write(`${status} ${lines(heard)}\r\n`);
      say('+OK');
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
        for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
          const line = text.slice(0, end);
          text = text.slice(end + 2);
          heard.push(line);
          data = /^(?:CAPA|UIDL|LIST|TOP .*)$/.test(line);
          if (/^AUTH \S+$/.test(line)) socket.write('+ \r\n');
          else say('+OK');
          if (data && line === 'CAPA')
            socket.write(`USER\r\nTOP\r\nUIDL\r\nSASL PLAIN LOGIN\r\n${lines(heard)}\r\nX-${lines(heard)}\r\n.\r\n`);
          else if (data) socket.write(`1 ${lines(heard)}\r\n.\r\n`);
        }
      });
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const sockets = new Set<net.Socket>();
    listener.on('connection', (socket) => sockets.add(socket));
    world.peers.push({
      close: async () => {
        for (const socket of sockets) socket.destroy();
        listener.close();
        await once(listener, 'close');
      },
    });
    const { port } = listener.address() as net.AddressInfo;
    world.gateway = new NodeGateway({ ports: [port], mailbox: { deadlines: { reply: 100, greeting: 100, chunk: 100 } } });
    return port;
  }

  const passwords = fc
    .string({ unit: fc.constantFrom(...'abcdefgXYZ0189 !#%*+-ßé日'), minLength: 5, maxLength: 60 })
    .map((text) => `q§${text}§k`);
  const methods = fc.constantFrom('auto', 'plain', 'login', 'user', 'cram-md5');

  test('has no secret of ours in any answer', async () => {
    await fc.assert(
      fc.asyncProperty(passwords, methods, fc.boolean(), async (password, method, refuse) => {
        const base64 = Buffer.from(password).toString('base64');
        // It has heard the password before this session, and knows all that was said in it.
        const port = await parrot((heard) => (refuse ? password : `${heard.at(-1) ?? ''} ${password} ${base64} ${password.toUpperCase()}`));
        const text = await (await world.ask({ server: place(port).server, auth: { username: 'ann', password, method } })).text();
        const seen = text.toLowerCase();
        expect(JSON.parse(text)).toHaveProperty('verdict');
        for (const secret of [password.trim(), password.slice(2, -2), base64, Buffer.from(`\0ann\0${password}`).toString('base64')])
          if (secret.trim().length > 4) expect(seen).not.toContain(JSON.stringify(secret).slice(1, -1).toLowerCase());
        for (const peer of world.peers.splice(0)) await peer.close();
      }),
      { numRuns: 30 },
    );
  });

  test('shows no answer to a SASL challenge that looks like a command', async () => {
    const password = Buffer.from('UTF8', 'base64').toString('latin1');
    const script = [
      send('+OK\r\n'),
      ...on('CAPA', '+OK\r\nSASL LOGIN\r\n.\r\n'),
      ...on('AUTH LOGIN', '+ VXNlcm5hbWU6\r\n'),
      ...on(/^YW5u$/, '+ UGFzc3dvcmQ6\r\n'),
      ...on('UTF8', '-ERR [AUTH] UTF8 is wrong\r\n'),
    ];
    const port = await world.follow(script);
    const { transcript } = await world.diagnose({ server: place(port).server, auth: { username: 'ann', password, method: 'login' } });
    expect(transcript.slice(-6)).toEqual(['C: AUTH LOGIN', 'S: ***', 'C: ***', 'S: ***', 'C: ***', 'S: ***']);
  });
});

describe('an account', () => {
  test('is diagnosed in its own turn, beside its own session and its own sync', async () => {
    world.mail.fill(3);
    await world.serve({}, { lingerMs: 10_000 });
    const { id, token, path } = await world.gateway.account(world.server.port);
    const [synced, diagnosis, other] = await Promise.all([
      world.gateway.ask('POST', `${path}/sync`, { as: token }),
      world.diagnose({ account: id }, token),
      world.diagnose({ account: id }),
    ]);
    expect(synced.status).toBe(200);
    expect([diagnosis.verdict, other.verdict]).toEqual(['ok', 'ok']);
    expect(course(diagnosis)).toEqual(ALL);
    expect((await world.gateway.ask('POST', `${path}/sync`, { as: token })).status).toBe(200);
  });

  test('shows a token nothing of connection and greeting, and the operator all', async () => {
    await world.serve({ greeting: 'A very private banner.' });
    const { id, token } = await world.gateway.account(world.server.port);
    const mine = await world.diagnose({ account: id }, token);
    expect(mine.steps.slice(0, 3)).toEqual([
      { name: 'policy', ok: true },
      { name: 'connect', ok: true },
      { name: 'greeting', ok: true },
    ]);
    expect(mine.transcript[0]).toBe('S: +OK …');
    expect(JSON.stringify(mine)).not.toContain('private banner');
    expect(JSON.stringify(await world.diagnose({ account: id }))).toContain('private banner');
  });

  test('shows a token nothing of what else listens where its server should', async () => {
    for (const [script, code] of [
      [[send('SSH-2.0-banner\r\n'), stall], 'upstream_protocol'],
      [[send('-ERR banner\r\n'), close], 'upstream_refused'],
      // Lines behind the first one are as much of a banner, whole or not.
      [[send('220-mx.example.com\r\n220-banner\r\n220 banner\r\n'), stall], 'upstream_protocol'],
      [[send('SSH-2.0-x\r\n\x00\x05banner'), stall], 'upstream_protocol'],
    ] as const) {
      const port = await world.follow(script, { greeting: 300 });
      const { id, token } = await world.gateway.account(port, {}, { verify: false });
      const diagnosis = await world.diagnose({ account: id }, token);
      expect(diagnosis.steps.at(-1)).toEqual({ name: 'greeting', ok: false, code });
      expect(JSON.stringify(diagnosis)).not.toContain('banner');
    }
  });

  test('shows a token nothing of what comes behind a greeting, and the operator all', async () => {
    const port = await world.follow([send('+OK\r\n* a banner\r\n'), stall]);
    const { id, token } = await world.gateway.account(port, {}, { verify: false });
    const diagnosis = await world.diagnose({ account: id }, token);
    expect(course(diagnosis)).toEqual(['policy', 'connect', 'greeting', 'capabilities: upstream_protocol']);
    expect(diagnosis.transcript).toEqual(['S: +OK …', 'S: …']);
    expect((await world.diagnose({ account: id })).transcript).toEqual(['S: +OK', 'S: * a banner']);
  });

  test('is not connected to a second time for a token', async () => {
    await world.serve();
    const tls = { server: place(world.server.port, 'tls').server };
    const { id, token } = await world.gateway.account(world.server.port, {}, { ...tls, verify: false });
    const before = world.server.connections.total;
    expect(await world.diagnose({ account: id }, token)).toMatchObject({ verdict: 'unreachable', transcript: [] });
    expect(world.server.connections.total).toBe(before + 1);
  });

  test('whose credentials were refused has them tried no more, whoever asks how often', async () => {
    await world.serve({ hide: ['RESP-CODES'] });
    const auth = { username: 'ann', password: 'wrong' };
    const { id, token, path } = await world.gateway.account(world.server.port, {}, { auth, verify: false, pollSeconds: 0 });
    for (let day = 0; day < 6; day++) {
      expect(await world.diagnose({ account: id }, token)).toMatchObject({ verdict: 'auth_failed' });
      expect(await world.diagnose({ account: id })).toMatchObject({ verdict: 'auth_failed' });
      world.gateway.advance(24 * 60 * 60 * 1000);
    }
    expect(sent(world.server, 'AUTH')).toHaveLength(3);
    expect(await (await world.gateway.ask('GET', path, { as: token })).json()).toMatchObject({ state: 'auth_failed' });
    expect(course(await world.diagnose({ account: id }))).toEqual([...BEFORE_LOGIN, 'login: upstream_auth_failed']);
  });

  test.each([
    ['LOGIN-DELAY 300', 'login_delay', 'ready'],
    ['AUTH', 'upstream_auth_failed', 'auth_failed'],
  ])('that is refused with [%s] at STAT, behind its login, is logged in to no more', async (responseCode, code, state) => {
    await world.serve({ answer: ({ verb }) => (verb === 'STAT' ? `-ERR [${responseCode}] Not now.\r\n` : null) });
    const { id, token, path } = await world.gateway.account(world.server.port, {}, { verify: false, pollSeconds: 0 });
    expect(course(await world.diagnose({ account: id }, token)).at(-1)).toBe(`stat: ${code}`);
    expect(course(await world.diagnose({ account: id }, token)).at(-1)).toBe(`login: ${code}`);
    expect(sent(world.server, 'AUTH')).toHaveLength(1);
    expect(await (await world.gateway.ask('GET', path, { as: token })).json()).toMatchObject({ state, lastError: { code } });
  });
});

describe('whoever asks', () => {
  test.each([
    [{}, '/server'],
    [{ auth: AUTH }, '/server'],
    [{ account: 'acc_1', server: { host: 'pop.example.com' } }, '/server'],
    [{ account: 'acc_1', auth: AUTH }, '/auth'],
    [{ server: { host: 'pop.example.com' }, auth: { username: 'ann' } }, '/auth/password'],
    [{ account: 7 }, '/account'],
    [{ account: 'acc_1', host: 'pop.example.com' }, ''],
  ])('for %j is told what is wrong with it', async (json, pointer) => {
    await world.serve();
    expect(await problemOf(await world.ask(json))).toMatchObject({ status: 400, errors: [{ pointer }] });
  });

  test('with a token learns of no other account and reaches no other server', async () => {
    await world.serve();
    const mine = await world.gateway.account(world.server.port, {}, { verify: false });
    const foreign = await world.gateway.account(world.server.port, {}, { verify: false });
    for (const account of [foreign.id, newAccountId(random, null), 'acc_1'])
      expect(await problemOf(await world.ask({ account }, mine.token))).toMatchObject({ status: 404, code: 'not_found' });
    expect(await problemOf(await world.ask(place(world.server.port), mine.token))).toMatchObject({ status: 403, code: 'forbidden' });
    for (const json of [place(world.server.port), { account: mine.id }, { account: foreign.id }])
      expect(await problemOf(await world.ask(json, newToken(random, mine.id)))).toMatchObject({ status: 401 });
    const reader = await world.gateway.account(world.server.port, { scopes: ['read'] }, { verify: false });
    expect(await problemOf(await world.ask({ account: reader.id }, reader.token))).toMatchObject({ status: 403 });
    expect(world.server.connections.total).toBe(0);
  });

  test('as the operator for an account that isn’t there is told so', async () => {
    await world.serve();
    for (const account of [newAccountId(random, null), 'acc_1'])
      expect(await problemOf(await world.ask({ account }))).toMatchObject({ status: 404, code: 'not_found' });
  });
});
