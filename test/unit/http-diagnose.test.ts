/** A diagnosis: what it finds with real and with odd mail servers, what it advises, what it never tells, and who may ask. */
import { once } from 'node:events';
import net from 'node:net';
import * as fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import { newToken } from '../../src/crypto/token.ts';
import { DIAGNOSIS, HTTP } from '../../src/limits.ts';
import type { Diagnosis, DiagnosisStep } from '../../src/mailbox/rpc.ts';
import { createAuthority, type ServerCertificate } from '../support/certificates.ts';
import { NodeGateway, type NodeGatewayOptions, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import type { Pop3Server, Pop3ServerOptions } from '../support/pop3-server.ts';
import { close, expectLine, on, ScriptedPeer, send, stall, type PeerOptions, type Step } from '../support/scripted-peer.ts';
import { random } from './http-fakes.ts';
import { MailWorld, sent } from './mailbox-world.ts';

const AUTH = { username: 'ann', password: 'secret' };

let certificate: ServerCertificate;
let world: MailWorld;
let server: Pop3Server;
let gateway: NodeGateway;
const peers: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  certificate = await (await createAuthority()).issue();
});
beforeEach(() => {
  world = new MailWorld();
});
afterEach(async () => {
  await world.close();
  for (const peer of peers.splice(0)) await peer.close();
});

async function serve(options: Partial<Pop3ServerOptions> = {}, mailbox: NodeGatewayOptions['mailbox'] = {}): Promise<void> {
  server = await world.serve(options);
  gateway = new NodeGateway({ ports: [server.port], mailbox });
}

/** A scripted peer as the server. */
async function follow(script: readonly Step[], deadlines = {}, options: PeerOptions = {}): Promise<number> {
  const peer = await ScriptedPeer.listen([script], options);
  peers.push(peer);
  gateway = new NodeGateway({ ports: [peer.port], mailbox: { deadlines } });
  return peer.port;
}

type Security = 'tls' | 'starttls' | 'none';

function place(port: number, security: Security = 'none') {
  return { server: { host: '127.0.0.1', port, security }, auth: AUTH };
}

function ask(json: unknown, as = OPERATOR_KEY): Promise<Response> {
  return gateway.ask('POST', '/v1/diagnose', { as, json });
}

async function diagnose(json: unknown, as = OPERATOR_KEY): Promise<Diagnosis> {
  const response = await ask(json, as);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const diagnosis = JSON.parse(text) as Diagnosis;
  expect(diagnosis.verdict).toBe(diagnosis.steps.find(({ code }) => code !== undefined)?.code ?? 'ok');
  expect(diagnosis.advice).toMatch(/^[A-Z].*\.$/);
  expect(diagnosis.transcript.length).toBeLessThanOrEqual(DIAGNOSIS.lines);
  for (const line of diagnosis.transcript) {
    expect(line).toMatch(/^[CS]: ?/);
    expect(line.length).toBeLessThanOrEqual(DIAGNOSIS.lineCharacters);
  }
  return diagnosis;
}

/** The steps as "name" or, where not ok, "name: code". */
function course({ steps }: Diagnosis): string[] {
  return steps.map(({ name, ok, code }) => (ok ? name : `${name}: ${code ?? 'lacking'}`));
}

function step({ steps }: Diagnosis, name: DiagnosisStep['name']): DiagnosisStep | undefined {
  return steps.find((each) => each.name === name);
}

const BEFORE_LOGIN = ['policy', 'connect', 'greeting', 'capabilities'];
const ALL = [...BEFORE_LOGIN, 'login', 'stat', 'uidl', 'top', 'pipelining', 'loginDelay'];

describe('a server that works', () => {
  test('is found to, step by step, and nothing is stored', async () => {
    world.fill(3);
    await serve();
    const diagnosis = await diagnose(place(server.port));
    expect(diagnosis).toMatchObject({ verdict: 'ok', advice: 'Everything works.' });
    expect(course(diagnosis)).toEqual(ALL);
    expect(step(diagnosis, 'connect')?.milliseconds).toEqual(expect.any(Number));
    expect(step(diagnosis, 'greeting')?.detail).toBe('Popgate test server ready.');
    expect(step(diagnosis, 'capabilities')?.detail).toEqual(expect.arrayContaining(['TOP', 'UIDL', 'PIPELINING']));
    expect(step(diagnosis, 'stat')?.detail).toMatch(/^3 messages, \d+ octets\.$/);
    expect(step(diagnosis, 'uidl')?.detail).toBe('3 unique-ids, the longest of 2 octets, 0 duplicates.');
    expect(sent(server, 'QUIT')).toHaveLength(1);
    expect([...sent(server, 'RETR'), ...sent(server, 'DELE')]).toEqual([]);
    for (const { sql, alarm } of gateway.mailboxes.values()) {
      expect(sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
      expect(alarm()).toBeNull();
    }
  });

  test('has a transcript without credentials and without mail', async () => {
    world.fill(9);
    await serve();
    const { transcript } = await diagnose(place(server.port));
    expect(transcript.slice(0, 3)).toEqual(['S: +OK Popgate test server ready.', 'C: CAPA', expect.stringMatching(/^S: \+OK/)]);
    expect(transcript).toContain('C: AUTH PLAIN ***');
    expect(transcript.slice(transcript.indexOf('C: TOP 9 0'))).toEqual([
      'C: TOP 9 0',
      expect.stringMatching(/^S: \+OK/),
      expect.stringMatching(/^S: \(\d+ lines in all\)$/),
      'C: QUIT',
      expect.stringMatching(/^S: \+OK/),
    ]);
    expect(transcript).toEqual(expect.arrayContaining(['S: 1 u1', 'S: 3 u3', 'S: (9 lines in all)']));
    expect(transcript).not.toContain('S: 4 u4');
    expect(JSON.stringify(transcript)).not.toMatch(/secret|Subject|ann@/);
  });

  test('is not logged in to without credentials', async () => {
    await serve();
    const { server: target } = place(server.port);
    const diagnosis = await diagnose({ server: target });
    expect(course(diagnosis)).toEqual(BEFORE_LOGIN);
    expect(diagnosis).toMatchObject({ verdict: 'ok', advice: expect.stringContaining('No login was tried') });
    expect(server.commands).toEqual(['CAPA', 'QUIT']);
  });

  test('by TLS or by STLS is found to', async () => {
    for (const security of ['tls', 'starttls'] as const) {
      await serve({ tls: { ...certificate, mode: security === 'tls' ? 'implicit' : 'starttls' } });
      const diagnosis = await diagnose(place(server.port, security));
      expect(diagnosis.verdict).toBe('ok');
      expect(course(diagnosis).slice(0, 5)).toEqual(
        security === 'tls' ? [...BEFORE_LOGIN, 'login'] : ['policy', 'connect', 'greeting', 'tls', 'capabilities'],
      );
    }
  });

  test.each([
    ['UIDL', 'uidl', 'unique-ids'],
    ['TOP', 'top', 'TOP'],
    ['PIPELINING', 'pipelining', 'one command at a time'],
  ] as const)('without %s works all the same, and that is said', async (hidden, name, words) => {
    world.fill(2);
    await serve({ hide: [hidden] });
    const diagnosis = await diagnose(place(server.port));
    expect(diagnosis).toMatchObject({ verdict: 'ok', advice: expect.stringContaining(words) });
    expect(step(diagnosis, name)).toMatchObject({ ok: false });
  });

  test('that gives two messages one unique-id is told on', async () => {
    world.fill(3);
    await serve({ answer: ({ verb }) => (verb === 'UIDL' ? '+OK\r\n1 a\r\n2 bcd\r\n3 a\r\n.\r\n' : null) });
    const diagnosis = await diagnose(place(server.port));
    expect(step(diagnosis, 'uidl')?.detail).toBe('3 unique-ids, the longest of 3 octets, 1 duplicates.');
  });

  test('that doesn’t know CAPA, or hangs up at it, works all the same', async () => {
    await serve({ hide: ['CAPA'] });
    expect(await diagnose(place(server.port))).toMatchObject({ verdict: 'ok' });
    await serve({ answer: ({ verb }) => (verb === 'CAPA' ? 'close' : null) });
    const diagnosis = await diagnose(place(server.port));
    expect(diagnosis.verdict).toBe('ok');
    expect(step(diagnosis, 'capabilities')?.detail).toContain('broke off');
  });

  test('but for pipelining works all the same', async () => {
    world.fill(2);
    let together = true;
    await serve({
      answer: ({ verb }) => {
        if (verb !== 'UIDL' || !together) return null;
        together = false;
        return 'close';
      },
    });
    const diagnosis = await diagnose(place(server.port));
    expect(diagnosis.verdict).toBe('ok');
    expect(course(diagnosis)).toEqual(ALL.map((name) => (name === 'pipelining' ? 'pipelining: lacking' : name)));
  });

  test('that wants time between two logins is told on', async () => {
    const capabilities = '+OK\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\nLOGIN-DELAY 900\r\n.\r\n';
    await serve({ answer: ({ verb }) => (verb === 'CAPA' ? capabilities : null) });
    const diagnosis = await diagnose(place(server.port));
    expect(diagnosis).toMatchObject({ verdict: 'ok', advice: expect.stringContaining('900 seconds') });
    expect(step(diagnosis, 'loginDelay')?.detail).toBe('900 seconds between two logins.');
  });
});

test('a server that breaks off behind the login, and wants time between two logins, is logged in to once', async () => {
  const capabilities = '+OK\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\nLOGIN-DELAY 900\r\n.\r\n';
  await serve({ answer: ({ verb }) => (verb === 'CAPA' ? capabilities : verb === 'UIDL' ? 'close' : null) });
  const diagnosis = await diagnose(place(server.port));
  expect(diagnosis).toMatchObject({ verdict: 'upstream_protocol' });
  expect(step(diagnosis, 'login')).toMatchObject({ ok: true });
  expect(server.connections.total).toBe(1);
});

describe('a target that the policy refuses', () => {
  test.each([{ host: '10.0.0.1' }, { host: 'localhost' }, { host: '127.0.0.1', port: 1 }, { host: 'pop.example.com', security: 'none' }])(
    '%j is a single step, and nothing is opened',
    async (target) => {
      await serve();
      const diagnosis = await diagnose({ server: target, auth: AUTH });
      expect(course(diagnosis)).toEqual(['policy: target_not_allowed']);
      expect(diagnosis).toMatchObject({ verdict: 'target_not_allowed', transcript: [] });
      expect(server.connections.total).toBe(0);
    },
  );
});

describe('a server that can’t be connected to', () => {
  test('because nothing listens', async () => {
    const listener = net.createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as net.AddressInfo;
    listener.close();
    await once(listener, 'close');
    gateway = new NodeGateway({ ports: [port] });
    const diagnosis = await diagnose(place(port, 'tls'));
    expect(course(diagnosis)).toEqual(['policy', 'connect: upstream_unreachable']);
    expect(diagnosis.advice).toContain('Nothing answers');
  });

  test('by TLS, because it has none', async () => {
    await serve();
    const diagnosis = await diagnose(place(server.port, 'tls'));
    expect(course(diagnosis)).toEqual(['policy', 'connect: upstream_unreachable']);
    expect(diagnosis.advice).toBe(
      'This port answers without TLS: wrong security or port. Use security "starttls" here, or "tls" with port 995.',
    );
    expect(server.commands).toEqual([]);
  });

  test('by TLS, because of that', async () => {
    const port = await follow([close]);
    const diagnosis = await diagnose(place(port, 'tls'));
    expect(diagnosis).toMatchObject({ verdict: 'upstream_unreachable', advice: expect.stringContaining('certificate') });
  });
});

describe('a server that gets stuck', () => {
  test.each<[string, Step[], string[], string]>([
    ['without a greeting', [stall], ['policy', 'connect', 'greeting: upstream_timeout'], 'wait for TLS'],
    [
      'with another protocol',
      [send('220 mail.example.com ESMTP\r\n'), stall],
      ['policy', 'connect', 'greeting: upstream_protocol'],
      'POP3',
    ],
    ['with a bare LF', [send('+OK hello\n'), stall], ['policy', 'connect', 'greeting: upstream_protocol'], 'POP3'],
    ['at its end', [close], ['policy', 'connect', 'greeting: upstream_unreachable'], 'said nothing'],
    [
      'with a refusal',
      [send('-ERR not you\r\n'), close],
      ['policy', 'connect', 'greeting: upstream_refused'],
      'turned the connection away',
    ],
    [
      'at CAPA',
      [send('+OK\r\n'), expectLine('CAPA'), stall],
      [...BEFORE_LOGIN.slice(0, 3), 'capabilities: upstream_timeout'],
      'capabilities',
    ],
    [
      'at the login',
      [send('+OK\r\n'), ...on('CAPA', '-ERR\r\n'), expectLine('USER ann'), stall],
      [...BEFORE_LOGIN, 'login: upstream_timeout'],
      'kept silent at the login',
    ],
    [
      'at STAT, as some do with mailboxes that have POP3 switched off',
      [
        send('+OK\r\n'),
        ...on('CAPA', '-ERR\r\n'),
        ...on('USER ann', '+OK\r\n'),
        ...on('PASS secret', '+OK\r\n'),
        ...on('STAT', '-ERR no\r\n'),
      ],
      [...BEFORE_LOGIN, 'login', 'stat: upstream_refused'],
      'switched off',
    ],
  ])('%s', async (_, script, expected, words) => {
    const port = await follow(script, { greeting: 200, reply: 200, chunk: 200 });
    const diagnosis = await diagnose(place(port));
    expect(course(diagnosis)).toEqual(expected);
    expect(diagnosis.advice).toContain(words);
  });

  test('when the time is up', async () => {
    // All but a tenth of a second is gone once the diagnosis has begun.
    let asked = 0;
    const clock = (): number => (asked++ === 0 ? 0 : HTTP.requestTime - 100);
    const peer = await ScriptedPeer.listen([[send('+OK\r\n'), ...on('CAPA', '-ERR\r\n'), expectLine('USER ann'), stall]]);
    peers.push(peer);
    gateway = new NodeGateway({ ports: [peer.port], mailbox: { clock } });
    const diagnosis = await diagnose(place(peer.port));
    expect(course(diagnosis)).toEqual([...BEFORE_LOGIN, 'login: upstream_timeout']);
    expect(diagnosis.transcript.at(-1)).toBe('C: USER ***');
  });

  test('because it lacks STLS', async () => {
    await serve();
    const diagnosis = await diagnose(place(server.port, 'starttls'));
    expect(course(diagnosis)).toEqual(['policy', 'connect', 'greeting', 'tls: upstream_refused']);
    expect(step(diagnosis, 'tls')?.detail).toBe('The server does not offer STLS.');
    expect(sent(server, 'AUTH')).toEqual([]);
  });
});

describe('a refused login', () => {
  const login = (answer: string): Step[] => [
    send('+OK\r\n'),
    ...on('CAPA', '-ERR\r\n'),
    ...on('USER ann', '+OK\r\n'),
    ...on('PASS secret', `${answer}\r\n`),
  ];

  test.each([
    [
      '-ERR [AUTH] Application-specific password required: https://support.google.com/accounts/answer/185833',
      'upstream_auth_failed',
      'app password here',
    ],
    ['-ERR [AUTH] Web login required: https://support.google.com/mail/answer/78754', 'upstream_auth_failed', 'browser'],
    ['-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your settings.', 'upstream_refused', 'switched off'],
    ['-ERR [AUTH] login failure or POP3 disabled, try later. sc=x', 'upstream_auth_failed', 'switched off'],
    ['-ERR LogonDenied-BasicAuthBlocked', 'upstream_auth_failed', 'OAuth 2.0 access token'],
    ['-ERR [AUTH] Nope.', 'upstream_auth_failed', 'user name or the password'],
    ['-ERR [IN-USE] Locked.', 'mailbox_in_use', 'Another session'],
    ['-ERR [LOGIN-DELAY] Later.', 'login_delay', 'between two logins'],
    ['-ERR [SYS/TEMP] Oh.', 'upstream_temporary', 'passing fault'],
  ])('"%s" is %s', async (answer, code, words) => {
    const diagnosis = await diagnose(place(await follow(login(answer))));
    expect(course(diagnosis)).toEqual([...BEFORE_LOGIN, `login: ${code}`]);
    expect(diagnosis.advice).toContain(words);
    expect(step(diagnosis, 'login')?.detail).toBe(answer.replace(/^-ERR (?:\[[A-Z/-]+\] )?/, ''));
    expect(diagnosis.transcript.slice(-2)).toEqual(['C: PASS ***', `S: ${answer}`]);
  });
});

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
    peers.push({
      close: async () => {
        for (const socket of sockets) socket.destroy();
        listener.close();
        await once(listener, 'close');
      },
    });
    const { port } = listener.address() as net.AddressInfo;
    gateway = new NodeGateway({ ports: [port], mailbox: { deadlines: { reply: 100, greeting: 100, chunk: 100 } } });
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
        const text = await (await ask({ server: place(port).server, auth: { username: 'ann', password, method } })).text();
        const seen = text.toLowerCase();
        expect(JSON.parse(text)).toHaveProperty('verdict');
        for (const secret of [password.trim(), password.slice(2, -2), base64, Buffer.from(`\0ann\0${password}`).toString('base64')])
          if (secret.trim().length > 4) expect(seen).not.toContain(JSON.stringify(secret).slice(1, -1).toLowerCase());
        for (const peer of peers.splice(0)) await peer.close();
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
    const port = await follow(script);
    const { transcript } = await diagnose({ server: place(port).server, auth: { username: 'ann', password, method: 'login' } });
    expect(transcript.slice(-6)).toEqual(['C: AUTH LOGIN', 'S: ***', 'C: ***', 'S: ***', 'C: ***', 'S: ***']);
  });
});

describe('an account', () => {
  test('is diagnosed in its own turn, beside its own session and its own sync', async () => {
    world.fill(3);
    await serve({}, { lingerMs: 10_000 });
    const { id, token, path } = await gateway.account(server.port);
    const [synced, diagnosis, other] = await Promise.all([
      gateway.ask('POST', `${path}/sync`, { as: token }),
      diagnose({ account: id }, token),
      diagnose({ account: id }),
    ]);
    expect(synced.status).toBe(200);
    expect([diagnosis.verdict, other.verdict]).toEqual(['ok', 'ok']);
    expect(course(diagnosis)).toEqual(ALL);
    expect((await gateway.ask('POST', `${path}/sync`, { as: token })).status).toBe(200);
  });

  test('shows a token nothing of connection and greeting, and the operator all', async () => {
    await serve({ greeting: 'A very private banner.' });
    const { id, token } = await gateway.account(server.port);
    const mine = await diagnose({ account: id }, token);
    expect(mine.steps.slice(0, 3)).toEqual([
      { name: 'policy', ok: true },
      { name: 'connect', ok: true },
      { name: 'greeting', ok: true },
    ]);
    expect(mine.transcript[0]).toBe('S: +OK …');
    expect(JSON.stringify(mine)).not.toContain('private banner');
    expect(JSON.stringify(await diagnose({ account: id }))).toContain('private banner');
  });

  test('shows a token nothing of what else listens where its server should', async () => {
    for (const [script, code] of [
      [[send('SSH-2.0-banner\r\n'), stall], 'upstream_protocol'],
      [[send('-ERR banner\r\n'), close], 'upstream_refused'],
    ] as const) {
      const port = await follow(script, { greeting: 300 });
      const { id, token } = await gateway.account(port, {}, { verify: false });
      const diagnosis = await diagnose({ account: id }, token);
      expect(diagnosis.steps.at(-1)).toEqual({ name: 'greeting', ok: false, code });
      expect(JSON.stringify(diagnosis)).not.toContain('banner');
    }
  });

  test('is not connected to a second time for a token', async () => {
    await serve();
    const tls = { server: place(server.port, 'tls').server };
    const { id, token } = await gateway.account(server.port, {}, { ...tls, verify: false });
    const before = server.connections.total;
    expect(await diagnose({ account: id }, token)).toMatchObject({ verdict: 'upstream_unreachable', transcript: [] });
    expect(server.connections.total).toBe(before + 1);
  });

  test('whose credentials were refused has them tried no more, whoever asks how often', async () => {
    await serve({ hide: ['RESP-CODES'] });
    const auth = { username: 'ann', password: 'wrong' };
    const { id, token, path } = await gateway.account(server.port, {}, { auth, verify: false, pollSeconds: 0 });
    for (let day = 0; day < 6; day++) {
      expect(await diagnose({ account: id }, token)).toMatchObject({ verdict: 'upstream_auth_failed' });
      expect(await diagnose({ account: id })).toMatchObject({ verdict: 'upstream_auth_failed' });
      gateway.advance(24 * 60 * 60 * 1000);
    }
    expect(sent(server, 'AUTH')).toHaveLength(3);
    expect(await (await gateway.ask('GET', path, { as: token })).json()).toMatchObject({ state: 'auth_failed' });
    expect(course(await diagnose({ account: id }))).toEqual([...BEFORE_LOGIN, 'login: upstream_auth_failed']);
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
    await serve();
    expect(await problemOf(await ask(json))).toMatchObject({ status: 400, errors: [{ pointer }] });
  });

  test('with a token learns of no other account and reaches no other server', async () => {
    await serve();
    const mine = await gateway.account(server.port, {}, { verify: false });
    const foreign = await gateway.account(server.port, {}, { verify: false });
    for (const account of [foreign.id, newAccountId(random, null), 'acc_1'])
      expect(await problemOf(await ask({ account }, mine.token))).toMatchObject({ status: 404, code: 'not_found' });
    expect(await problemOf(await ask(place(server.port), mine.token))).toMatchObject({ status: 403, code: 'forbidden' });
    for (const json of [place(server.port), { account: mine.id }, { account: foreign.id }])
      expect(await problemOf(await ask(json, newToken(random, mine.id)))).toMatchObject({ status: 401 });
    const reader = await gateway.account(server.port, { scopes: ['read'] }, { verify: false });
    expect(await problemOf(await ask({ account: reader.id }, reader.token))).toMatchObject({ status: 403 });
    expect(server.connections.total).toBe(0);
  });

  test('as the operator for an account that isn’t there is told so', async () => {
    await serve();
    for (const account of [newAccountId(random, null), 'acc_1'])
      expect(await problemOf(await ask({ account }))).toMatchObject({ status: 404, code: 'not_found' });
  });
});
