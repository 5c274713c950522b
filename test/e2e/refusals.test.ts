/** Accounts that must not come to be: each refusal by the contract's code, nothing opened that is forbidden, nothing stored. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Maildrop } from '../support/maildrop.ts';
import { type Pop3Server, startPop3Server } from '../support/pop3-server.ts';
import { createAuthority } from '../support/certificates.ts';
import { freePort } from '../support/ports.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';
import { BAD_ACCOUNTS, BAD_BODIES, FORBIDDEN_HOSTS } from './bad-input.ts';
import { MARK, type Problem } from './client.ts';
import { gossip, greeter, GREETINGS, hesitant, refuser, REFUSALS, silent, webServer } from './peers.ts';
import { World } from './world.ts';

const PASSWORD = 'hunter2-of-the-refusals';

type Server = { host: string; port?: number; security?: 'tls' | 'starttls' | 'none' };
type Refusal = { problem: Problem; headers: Headers };

let world: World;
let tls: Pop3Server;
let clear: Pop3Server;
let startTls: Pop3Server;
let refusing: Pop3Server;
let gossips: Pop3Server[];
let greeters: ScriptedPeer[];
let strangers: Pop3Server[];
let closedPort: number;
/** Not on the list. */
let canary: ScriptedPeer;
let slow: Promise<PromiseSettledResult<Refusal>[]>;

function refused(status: number, code: string, server: Server, username = 'ann', password = PASSWORD): Promise<Refusal> {
  return world.operator.refusal(status, code, 'POST', '/v1/accounts', { json: { server, auth: { username, password } } });
}

beforeAll(async () => {
  world = await World.make();
  world.secrets.add(PASSWORD);
  const users = new Map([['ann', { password: 'another one', maildrop: new Maildrop() }]]);
  tls = await world.add(startPop3Server({ users, tls: world.certificate }));
  clear = await world.add(startPop3Server({ users }));
  startTls = await world.add(startPop3Server({ users, tls: { ...world.certificate, mode: 'starttls' } }));
  refusing = await refuser(world);
  gossips = [await gossip(world, PASSWORD, 'SASL'), await gossip(world, PASSWORD, 'USER')];
  greeters = [];
  for (const [, octets] of GREETINGS) greeters.push(await greeter(world, octets));
  const foreign = [await (await createAuthority()).issue(), await world.authority.issue({ names: ['pop.example.com'], onlyNames: true })];
  foreign.push(await world.authority.issue({ notAfter: new Date(Date.now() - 1000) }));
  strangers = [];
  for (const certificate of foreign) strangers.push(await world.add(startPop3Server({ users, tls: certificate })));
  closedPort = await freePort();
  canary = await ScriptedPeer.listen([[]]);
  const waiting = [await silent(world), await webServer(world)];
  const slowToTls = await hesitant(world);
  for (const target of [`localhost:${closedPort}`, '169.254.169.254:995', '[::ffff:7f00:1]:995', 'metadata.google.internal:995'])
    world.allow(target);
  await world.start();
  // These wait for the deadlines of production; everything else goes on meanwhile.
  slow = Promise.allSettled([
    ...waiting.map(({ port }) => refused(504, 'upstream_timeout', { host: 'localhost', port })),
    refused(504, 'upstream_timeout', { host: 'localhost', port: tls.port, security: 'none' }),
    refused(504, 'upstream_timeout', { host: 'localhost', port: slowToTls.port, security: 'starttls' }),
  ]);
});

afterEach(async () => {
  expect(await world.operator.get('/v1/accounts')).toEqual({ data: [], nextCursor: null });
});

afterAll(async () => {
  await canary?.close();
  await world?.end();
});

describe('a body that is not a new account', () => {
  test.each(BAD_ACCOUNTS)('%s', async (_, json, pointer) => {
    const { errors } = await world.operator.refused(400, 'invalid_request', 'POST', '/v1/accounts', { json });
    expect(errors?.map((error) => error.pointer)).toContain(pointer);
  });

  test.each(BAD_BODIES)('%s', async (_, body, pointer) => {
    const asking = { body, headers: { 'Content-Type': 'application/json' } };
    const { errors } = await world.operator.refused(400, 'invalid_request', 'POST', '/v1/accounts', asking);
    expect(errors?.map((error) => error.pointer)).toContain(pointer);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', 'application/jsonp', 'text/json'])(
    'one of type %s',
    async (type) => {
      const asking = { body: '{}', headers: { 'Content-Type': type } };
      await world.operator.refused(415, 'unsupported_media_type', 'POST', '/v1/accounts', asking);
    },
  );

  test('one for a jurisdiction that this platform does not have', async () => {
    const json = { server: { host: 'localhost', port: tls.port }, auth: { username: 'ann', password: PASSWORD }, jurisdiction: 'eu' };
    const { errors } = await world.operator.refused(400, 'invalid_request', 'POST', '/v1/accounts', { json });
    expect(errors?.map((error) => error.pointer)).toEqual(['/jurisdiction']);
  });

  test('one of more than 256 KiB, with its length and without', async () => {
    const body = Buffer.from(JSON.stringify({ [MARK]: 'x'.repeat(256 * 1024) }));
    const headers = { 'Content-Type': 'application/json' };
    await world.operator.refused(413, 'request_too_large', 'POST', '/v1/accounts', { body, headers });
    const stream = new Blob([body]).stream();
    await world.operator.refused(413, 'request_too_large', 'POST', '/v1/accounts', { body: stream, headers });
  });
});

describe('a mail server that is not allowed', () => {
  test.each(FORBIDDEN_HOSTS)('%s', async (host) => {
    const { problem } = await refused(422, 'target_not_allowed', { host });
    expect(problem.retryable).toBe(false);
  });

  test.each([25, 80, 143, 443, 587, 1, 65_535])('port %i', async (port) => {
    await refused(422, 'target_not_allowed', { host: 'pop.example.com', port });
  });

  test('one without TLS that is not listed', async () => {
    await refused(422, 'target_not_allowed', { host: 'pop.example.com', security: 'none' });
    await refused(422, 'target_not_allowed', { host: 'pop.example.com', port: 995, security: 'none' });
  });

  test('one that listens, but is not listed: nothing is opened', async () => {
    for (const host of ['localhost', '127.0.0.1', '127.1', '2130706433', '[::ffff:127.0.0.1]'])
      for (const security of ['tls', 'starttls', 'none'] as const)
        await refused(422, 'target_not_allowed', { host, port: canary.port, security });
    expect(canary.connections).toBe(0);
  });

  test('a listed one under another spelling', async () => {
    for (const host of ['127.0.0.1', '127.1', '[::1]', 'ⓛocalhost']) await refused(422, 'target_not_allowed', { host, port: tls.port });
  });

  test('not even verifying is needed to refuse it', async () => {
    const json = { server: { host: '10.0.0.1' }, auth: { username: 'ann', password: PASSWORD }, verify: false };
    await world.operator.refused(422, 'target_not_allowed', 'POST', '/v1/accounts', { json });
  });
});

describe('a mail server that is no POP3 server', () => {
  test.each(GREETINGS.map(([name, , code], at): [string, string, number] => [name, code, at]))('%s: %s', async (_, code, at) => {
    const peer = greeters[at]!;
    const { problem } = await refused(502, code, { host: 'localhost', port: peer.port });
    for (const text of [problem.upstream?.text ?? '']) {
      expect(text.length).toBeLessThanOrEqual(200);
      expect(text).not.toMatch(/\p{Cc}/u);
    }
    expect(peer.connections).toBe(1);
    expect(peer.received.flat().filter((line) => /^(USER|PASS|AUTH|APOP)/i.test(line))).toEqual([]);
  });

  test('one that does not speak TLS, or not with a certificate for its name', async () => {
    await refused(502, 'upstream_unreachable', { host: 'localhost', port: clear.port });
    for (const { port } of strangers) await refused(502, 'upstream_unreachable', { host: 'localhost', port });
    expect([clear, ...strangers].flatMap(({ commands }) => commands).filter((line) => !/^[^A-Z]/.test(line))).toEqual([]);
  });

  test('one that has no STLS is sent no credentials', async () => {
    const { problem } = await refused(502, 'upstream_refused', { host: 'localhost', port: clear.port, security: 'starttls' });
    expect(problem.retryable).toBe(false);
    expect(clear.commands.join('\n')).not.toMatch(/^(USER|PASS|AUTH|APOP)/im);
  });

  test('one where nobody listens', async () => {
    const { problem } = await refused(502, 'upstream_unreachable', { host: 'localhost', port: closedPort });
    expect(problem).toMatchObject({ retryable: true, upstream: { phase: 'connect', responseCode: null, text: null } });
  });
});

describe('a login that is refused', () => {
  test.each([
    ['over TLS', () => tls.port, 'tls' as const],
    ['after STLS', () => startTls.port, 'starttls' as const],
    ['in clear, where that is listed', () => clear.port, 'none' as const],
  ])('for a wrong password, %s', async (_, port, security) => {
    const { problem } = await refused(424, 'upstream_auth_failed', { host: 'localhost', port: port(), security });
    expect(problem).toMatchObject({ retryable: false, upstream: { phase: 'login', responseCode: 'AUTH' } });
  });

  test.each(REFUSALS)('%s: %s', async (user, words, status, code) => {
    const { problem, headers } = await refused(status, code, { host: 'localhost', port: refusing.port }, user);
    expect(problem.upstream?.phase).toBe('login');
    if (words.startsWith('-ERR')) expect(words).toContain(problem.upstream?.text);
    const waits = status === 503 || status === 429;
    expect(problem.retryable).toBe(waits || code === 'upstream_protocol');
    expect(headers.has('Retry-After')).toBe(waits);
  });

  test.each([0, 1])('by a server that repeats the password (%i)', async (at) => {
    const { problem } = await refused(424, 'upstream_auth_failed', { host: 'localhost', port: gossips[at]!.port });
    expect(problem.upstream?.text ?? '').not.toContain(PASSWORD);
  });
});

test('who is silent is waited for, but not for ever', async () => {
  const phases = (await slow).map((result) =>
    result.status === 'fulfilled' ? result.value.problem.upstream?.phase : String(result.reason),
  );
  expect(phases).toEqual(['greeting', 'greeting', 'greeting', 'tls']);
});

test('nothing of what was refused has been printed', () => {
  expect(world.lines.join('\n')).toMatch(/POST \/v1\/accounts 424/);
  expect(world.printed(MARK, 'Not with these', 'pop.example.com')).toEqual([]);
});
