/** A diagnosis: what it finds with real and with odd mail servers, step by step, and what it advises. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HTTP } from '../../src/limits.ts';
import { NodeGateway } from '../support/node-gateway.ts';
import { close, expectLine, on, ScriptedPeer, send, stall, type Step } from '../support/scripted-peer.ts';
import { ALL, AUTH, BEFORE_LOGIN, certificate, course, DiagnosisWorld, place, step } from './diagnosis-world.ts';
import { sent } from './mailbox-world.ts';

let world: DiagnosisWorld;

beforeEach(() => {
  world = new DiagnosisWorld();
});
afterEach(() => world.close());

describe('a server that works', () => {
  test('is found to, step by step, and nothing is stored', async () => {
    world.mail.fill(3);
    await world.serve();
    const diagnosis = await world.diagnose(place(world.server.port));
    expect(diagnosis).toMatchObject({ verdict: 'ok', advice: 'Everything works.' });
    expect(course(diagnosis)).toEqual(ALL);
    expect(step(diagnosis, 'connect')?.milliseconds).toEqual(expect.any(Number));
    expect(step(diagnosis, 'greeting')?.detail).toBe('Popgate test server ready.');
    expect(step(diagnosis, 'capabilities')?.detail).toEqual(expect.arrayContaining(['TOP', 'UIDL', 'PIPELINING']));
    expect(step(diagnosis, 'stat')?.detail).toMatch(/^3 messages, \d+ octets\.$/);
    expect(step(diagnosis, 'uidl')?.detail).toBe('3 unique-ids, the longest of 2 octets, 0 duplicates.');
    expect(sent(world.server, 'QUIT')).toHaveLength(1);
    expect([...sent(world.server, 'RETR'), ...sent(world.server, 'DELE')]).toEqual([]);
    for (const { sql, alarm } of world.gateway.mailboxes.values()) {
      expect(sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
      expect(alarm()).toBeNull();
    }
  });

  test('has a transcript without credentials and without mail', async () => {
    world.mail.fill(9);
    await world.serve();
    const { transcript } = await world.diagnose(place(world.server.port));
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
    await world.serve();
    const { server: target } = place(world.server.port);
    const diagnosis = await world.diagnose({ server: target });
    expect(course(diagnosis)).toEqual(BEFORE_LOGIN);
    expect(diagnosis).toMatchObject({ verdict: 'ok', advice: expect.stringContaining('No login was tried') });
    expect(world.server.commands).toEqual(['CAPA', 'QUIT']);
  });

  test('by TLS or by STLS is found to', async () => {
    for (const security of ['tls', 'starttls'] as const) {
      await world.serve({ tls: { ...(await certificate()), mode: security === 'tls' ? 'implicit' : 'starttls' } });
      const diagnosis = await world.diagnose(place(world.server.port, security));
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
    world.mail.fill(2);
    await world.serve({ hide: [hidden] });
    const diagnosis = await world.diagnose(place(world.server.port));
    expect(diagnosis).toMatchObject({ verdict: 'ok', advice: expect.stringContaining(words) });
    expect(step(diagnosis, name)).toMatchObject({ ok: false });
  });

  test('is found to where a message has a line that is longer than any status line, in many pieces', async () => {
    world.mail.drop.add(Buffer.from(`Subject: x\r\nX-Long: ${'x'.repeat(600_000)}\r\n\r\nHello\r\n`), 'long');
    await world.serve();
    expect(await world.diagnose(place(world.server.port))).toMatchObject({ verdict: 'ok' });
  });

  test('that gives two messages one unique-id is told on', async () => {
    world.mail.fill(3);
    await world.serve({ answer: ({ verb }) => (verb === 'UIDL' ? '+OK\r\n1 a\r\n2 bcd\r\n3 a\r\n.\r\n' : null) });
    const diagnosis = await world.diagnose(place(world.server.port));
    expect(step(diagnosis, 'uidl')?.detail).toBe('3 unique-ids, the longest of 3 octets, 1 duplicates.');
  });

  test('that doesn’t know CAPA, or hangs up at it, works all the same', async () => {
    await world.serve({ hide: ['CAPA'] });
    expect(await world.diagnose(place(world.server.port))).toMatchObject({ verdict: 'ok' });
    await world.serve({ answer: ({ verb }) => (verb === 'CAPA' ? 'close' : null) });
    const diagnosis = await world.diagnose(place(world.server.port));
    expect(diagnosis.verdict).toBe('ok');
    expect(step(diagnosis, 'capabilities')?.detail).toContain('broke off');
  });

  test('but for pipelining works all the same', async () => {
    world.mail.fill(2);
    let together = true;
    await world.serve({
      answer: ({ verb }) => {
        if (verb !== 'UIDL' || !together) return null;
        together = false;
        return 'close';
      },
    });
    const diagnosis = await world.diagnose(place(world.server.port));
    expect(diagnosis.verdict).toBe('ok');
    expect(course(diagnosis)).toEqual(ALL.map((name) => (name === 'pipelining' ? 'pipelining: lacking' : name)));
  });

  test('that wants time between two logins is told on', async () => {
    const capabilities = '+OK\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\nLOGIN-DELAY 900\r\n.\r\n';
    await world.serve({ answer: ({ verb }) => (verb === 'CAPA' ? capabilities : null) });
    const diagnosis = await world.diagnose(place(world.server.port));
    expect(diagnosis).toMatchObject({ verdict: 'ok', advice: expect.stringContaining('900 seconds') });
    expect(step(diagnosis, 'loginDelay')?.detail).toBe('900 seconds between two logins.');
  });
});

test('a server that breaks off behind the login, and wants time between two logins, is logged in to once', async () => {
  const capabilities = '+OK\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\nLOGIN-DELAY 900\r\n.\r\n';
  await world.serve({ answer: ({ verb }) => (verb === 'CAPA' ? capabilities : verb === 'UIDL' ? 'close' : null) });
  const diagnosis = await world.diagnose(place(world.server.port));
  expect(diagnosis).toMatchObject({ verdict: 'protocol' });
  expect(step(diagnosis, 'login')).toMatchObject({ ok: true });
  expect(world.server.connections.total).toBe(1);
});

describe('a target that the policy refuses', () => {
  test.each([{ host: '10.0.0.1' }, { host: 'localhost' }, { host: '127.0.0.1', port: 1 }, { host: 'pop.example.com', security: 'none' }])(
    '%j is a single step, and nothing is opened',
    async (target) => {
      await world.serve();
      const diagnosis = await world.diagnose({ server: target, auth: AUTH });
      expect(course(diagnosis)).toEqual(['policy: target_not_allowed']);
      expect(diagnosis).toMatchObject({ verdict: 'target_not_allowed', transcript: [] });
      expect(world.server.connections.total).toBe(0);
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
    world.gateway = new NodeGateway({ ports: [port] });
    const diagnosis = await world.diagnose(place(port, 'tls'));
    expect(course(diagnosis)).toEqual(['policy', 'connect: upstream_unreachable']);
    expect(diagnosis.advice).toContain('Nothing answers');
  });

  test('by TLS, because it has none', async () => {
    await world.serve();
    const diagnosis = await world.diagnose(place(world.server.port, 'tls'));
    expect(course(diagnosis)).toEqual(['policy', 'connect: upstream_unreachable']);
    expect(diagnosis.advice).toBe(
      'This port answers without TLS: wrong security or port. Use security "starttls" here, or "tls" with port 995.',
    );
    expect(world.server.commands).toEqual([]);
  });

  test('by TLS, because of that', async () => {
    const port = await world.follow([close]);
    const diagnosis = await world.diagnose(place(port, 'tls'));
    expect(diagnosis).toMatchObject({ verdict: 'unreachable', advice: expect.stringContaining('certificate') });
  });

  test.each(['220 mail.example.com ESMTP', '* OK IMAP4rev1', 'SSH-2.0-x', 'HTTP/1.1 400 Bad Request'])(
    'by TLS, because it is another service: "%s"',
    async (banner) => {
      const diagnosis = await world.diagnose(place(await world.follow([send(`${banner}\r\n`), stall]), 'tls'));
      expect(course(diagnosis)).toEqual(['policy', 'connect: upstream_unreachable']);
      expect(diagnosis.advice).toContain('does not speak POP3');
    },
  );

  test('by TLS, and says something that may be the beginning of a greeting or of TLS', async () => {
    for (const octets of ['+', '-', '\x15\x03\x03\x00\x02\x02\x28']) {
      const diagnosis = await world.diagnose(place(await world.follow([send(octets), stall], { connect: 200 }), 'tls'));
      expect(diagnosis.advice).toContain('certificate');
    }
  });
});

describe('a server that gets stuck', () => {
  const entered: Step[] = [send('+OK\r\n'), ...on('CAPA', '-ERR\r\n'), ...on('USER ann', '+OK\r\n'), ...on('PASS secret', '+OK\r\n')];

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
    [
      'at STAT, for want of an app password',
      [...entered, ...on('STAT', '-ERR Application password required\r\n')],
      [...BEFORE_LOGIN, 'login', 'stat: upstream_refused'],
      'app password here',
    ],
    [
      'at STAT, without a word',
      [...entered, expectLine('STAT'), stall],
      [...BEFORE_LOGIN, 'login', 'stat: upstream_timeout'],
      'The login works, but then',
    ],
    [
      'at STAT, without its numbers',
      [...entered, ...on('STAT', '+OK many\r\n'), stall],
      [...BEFORE_LOGIN, 'login', 'stat: upstream_protocol'],
      'The login works, but then',
    ],
    [
      'at the login, with what is no answer',
      [send('+OK\r\n'), ...on('CAPA', '-ERR\r\n'), ...on('USER ann', 'Hello\r\n'), stall],
      [...BEFORE_LOGIN, 'login: upstream_protocol'],
      'broke the protocol at the login',
    ],
  ])('%s', async (_, script, expected, words) => {
    const port = await world.follow(script, { greeting: 200, reply: 200, chunk: 200 });
    const diagnosis = await world.diagnose(place(port));
    expect(course(diagnosis)).toEqual(expected);
    expect(diagnosis.advice).toContain(words);
  });

  test('when the time is up', async () => {
    // All but a tenth of a second is gone once the diagnosis has begun.
    let asked = 0;
    const clock = (): number => (asked++ === 0 ? 0 : HTTP.requestTime - 100);
    const peer = await ScriptedPeer.listen([[send('+OK\r\n'), ...on('CAPA', '-ERR\r\n'), expectLine('USER ann'), stall]]);
    world.peers.push(peer);
    world.gateway = new NodeGateway({ ports: [peer.port], mailbox: { clock } });
    const diagnosis = await world.diagnose(place(peer.port));
    expect(course(diagnosis)).toEqual([...BEFORE_LOGIN, 'login: upstream_timeout']);
    expect(diagnosis.transcript.at(-1)).toBe('C: USER ***');
  });

  test('because it can do no STLS for now', async () => {
    const offered = [send('+OK\r\n'), ...on('CAPA', '+OK\r\nSTLS\r\n.\r\n')];
    const port = await world.follow([...offered, ...on('STLS', '-ERR [SYS/TEMP] No TLS now.\r\n'), stall]);
    const diagnosis = await world.diagnose(place(port, 'starttls'));
    expect(course(diagnosis)).toEqual(['policy', 'connect', 'greeting', 'tls: upstream_temporary']);
    expect(diagnosis.advice).toContain('passing fault');
  });

  test('at CAPA after the login', async () => {
    const answer = '+OK\r\nUSER\r\n.\r\n';
    const login = [...on('CAPA', answer), ...on('USER ann', '+OK\r\n'), ...on('PASS secret', '+OK\r\n')];
    const port = await world.follow([send('+OK\r\n'), ...login, expectLine('CAPA'), stall], { reply: 200 });
    expect(await world.diagnose(place(port))).toMatchObject({
      verdict: 'timeout',
      advice: expect.stringContaining('The login works, but'),
    });
  });

  test('because it loses a command behind another, though it announces PIPELINING', async () => {
    const capabilities = '+OK\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n';
    let asked = 0;
    const clock = (): number => (asked++ === 0 ? 0 : HTTP.requestTime - 300);
    const login = [...on('CAPA', capabilities), ...on('USER ann', '+OK\r\n'), ...on('PASS secret', '+OK\r\n')];
    const peer = await ScriptedPeer.listen([[send('+OK\r\n'), ...login, ...on('STAT', '+OK 2 20\r\n'), stall]]);
    world.peers.push(peer);
    world.gateway = new NodeGateway({ ports: [peer.port], mailbox: { clock } });
    const diagnosis = await world.diagnose(place(peer.port));
    expect(course(diagnosis)).toEqual([...BEFORE_LOGIN, 'login', 'stat', 'uidl: upstream_timeout']);
    expect(diagnosis.advice).toContain('PIPELINING');
  });

  test('because it lacks STLS', async () => {
    await world.serve();
    const diagnosis = await world.diagnose(place(world.server.port, 'starttls'));
    expect(course(diagnosis)).toEqual(['policy', 'connect', 'greeting', 'tls: upstream_refused']);
    expect(step(diagnosis, 'tls')?.detail).toBe('The server does not offer STLS.');
    expect(sent(world.server, 'AUTH')).toEqual([]);
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
    const diagnosis = await world.diagnose(place(await world.follow(login(answer))));
    expect(course(diagnosis)).toEqual([...BEFORE_LOGIN, `login: ${code}`]);
    expect(diagnosis.advice).toContain(words);
    expect(step(diagnosis, 'login')?.detail).toBe(answer.replace(/^-ERR (?:\[[A-Z/-]+\] )?/, ''));
    expect(diagnosis.transcript.slice(-2)).toEqual(['C: PASS ***', `S: ${answer}`]);
  });
});
