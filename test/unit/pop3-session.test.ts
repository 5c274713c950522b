/** Sessions against scripted servers over real sockets: what goes right, what servers refuse, and what hostile ones try. */
import { afterEach, describe, expect, test } from 'vitest';
import { DEADLINES, POP3 } from '../../src/limits.ts';
import { dele, list, noop, retr, stat, top, uidl, type Command } from '../../src/pop3/command.ts';
import { Session, type SessionOptions } from '../../src/pop3/session.ts';
import { nodeDial } from '../support/node-dial.ts';
import { close, expectLine, on, pause, reset, ScriptedPeer, send, sendSplit, stall, type Step } from '../support/scripted-peer.ts';

const OPTIONS: SessionOptions = {
  security: 'tls',
  credentials: { username: 'bob', password: 'pässword', accessToken: null },
  method: 'user',
};
const HELLO = send('+OK hello\r\n');
const NO_CAPA = on('CAPA', '-ERR what?\r\n');
const PASS = Buffer.from('PASS pässword').toString('latin1');
/** Greeting and login by USER and PASS, CAPA unknown. */
const LOGGED_IN: Step[] = [HELLO, ...NO_CAPA, ...on('USER bob', '+OK\r\n'), ...on(PASS, '+OK in\r\n')];

const disposables: { close(): unknown }[] = [];
afterEach(async () => {
  for (const it of disposables.splice(0)) await it.close();
});

/** A peer that follows `script`, and a session that has read its greeting. The bytes are what matters: no TLS here. */
async function opened(script: readonly Step[], options: Partial<SessionOptions> = {}, deadlines = {}): Promise<[Session, ScriptedPeer]> {
  const peer = await ScriptedPeer.listen([script]);
  disposables.push(peer);
  const target = { host: '127.0.0.1', port: peer.port, security: 'none' } as const;
  const channel = await nodeDial(target, { ...DEADLINES, ...deadlines });
  disposables.unshift(channel);
  return [await Session.open(channel, { ...OPTIONS, ...options }), peer];
}

interface Heard {
  verb: string;
  ok: boolean;
  text: string;
  body: string;
  failure: string | null;
}

async function hear(session: Session, ...commands: Command[]): Promise<Heard[]> {
  const heard: Heard[] = [];
  for await (const reply of session.run(commands)) {
    let body = '';
    for await (const octets of reply.body) body += Buffer.from(octets).toString('latin1');
    heard.push({ verb: reply.command.verb, ok: reply.ok, text: reply.text, body, failure: reply.failure?.kind ?? null });
  }
  return heard;
}

/** The failure that `work` ends with. */
async function failureOf(work: Promise<unknown>): Promise<unknown> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  return (error as { failure?: unknown } | null)?.failure ?? error;
}

describe('a session', () => {
  test('logs in with the first commands, gives replies in order and ends with QUIT', async () => {
    const [session, peer] = await opened([
      ...LOGGED_IN,
      ...on('STAT', '+OK 2 300\r\n'),
      ...on('UIDL', '+OK\r\n1 a\r\n2 b\r\n.\r\n'),
      ...on('RETR 1', '+OK 10 octets\r\nSubject: \xff\r\n\r\n..\0\nx\r\n.\r\n'),
      ...on('QUIT', '+OK bye\r\n'),
    ]);
    expect([session.greeting, session.loggedIn, session.capabilities]).toEqual(['hello', false, null]);
    expect(await hear(session, stat(), uidl(), retr(1))).toEqual([
      { verb: 'STAT', ok: true, text: '2 300', body: '', failure: null },
      { verb: 'UIDL', ok: true, text: '', body: '1 a\r\n2 b\r\n', failure: null },
      { verb: 'RETR', ok: true, text: '10 octets', body: 'Subject: \xff\r\n\r\n.\0\nx\r\n', failure: null },
    ]);
    expect(session.loggedIn).toBe(true);
    expect(await session.quit()).toMatchObject({ ok: true, text: 'bye' });
    expect(session.usable).toBe(false);
    expect(session.counters).toMatchObject({ flights: 7, commands: { CAPA: 1, USER: 1, PASS: 1, STAT: 1, UIDL: 1, RETR: 1, QUIT: 1 } });
    expect(session.counters.octetsOut).toBe(Buffer.byteLength('CAPA\r\nUSER bob\r\nPASS pässword\r\nSTAT\r\nUIDL\r\nRETR 1\r\nQUIT\r\n'));
    await peer.finished();
  });

  test('reads the same from one octet at a time', async () => {
    const [session, peer] = await opened([
      sendSplit('\r\n+OK hello\r\n'),
      expectLine('CAPA'),
      sendSplit('+OK\r\nUIDL\r\n.\r\n'),
      expectLine('USER bob'),
      sendSplit('+OK\r\n'),
      expectLine(PASS),
      sendSplit('+OK\r\n'),
      expectLine('RETR 1'),
      sendSplit('+OK\r\n..a\r\n.\rb\r\n\n.\r\n\r\n.\r\n'),
    ]);
    expect(await hear(session, retr(1))).toMatchObject([{ ok: true, body: '.a\r\n\rb\r\n\n.\r\n\r\n' }]);
    expect(session.capabilities).toMatchObject({ names: ['UIDL'], uidl: true });
    session.close();
    await peer.finished();
  });

  test('takes a refusal of one command for a value and goes on', async () => {
    const [session, peer] = await opened([
      ...LOGGED_IN,
      ...on('RETR 1', '-ERR [SYS/TEMP] later\r\n'),
      ...on('RETR 2', '+OK\r\nx\r\n.\r\n'),
      ...on('DELE 3', '-ERR gone\r\n'),
    ]);
    expect(await hear(session, retr(1), retr(2), dele(3))).toMatchObject([
      { ok: false, failure: 'temporary', text: 'later', body: '' },
      { ok: true, body: 'x\r\n' },
      { ok: false, failure: 'refused' },
    ]);
    expect(session.usable).toBe(true);
    session.close();
    await peer.finished();
  });

  test('drains a body that nobody reads, or reads to its half', async () => {
    const long = `+OK\r\n${`${'y'.repeat(70)}\r\n`.repeat(5_000)}.\r\n`;
    const [session, peer] = await opened([...LOGGED_IN, ...on('RETR 1', long), ...on('RETR 2', long), ...on('NOOP', '+OK done\r\n')]);
    const texts: string[] = [];
    for await (const reply of session.run([retr(1), retr(2), noop()])) {
      texts.push(reply.text);
      if (reply.command.number === 2) for await (const _ of reply.body) break;
    }
    expect(texts).toEqual(['', '', 'done']);
    session.close();
    await peer.finished();
  });

  test('ends when it is left in the middle of a body, and stays when left between replies', async () => {
    const [session] = await opened([
      ...LOGGED_IN,
      ...on('NOOP', '+OK\r\n'),
      ...on('STAT', '+OK 1 1\r\n'),
      ...on('RETR 1', '+OK\r\nhalf\r\n'),
      stall,
    ]);
    for await (const _ of session.run([noop(), dele(9)])) break;
    expect(session.usable).toBe(true);
    expect(await hear(session, stat())).toMatchObject([{ text: '1 1' }]);
    for await (const _ of session.run([retr(1)])) break;
    expect(session.usable).toBe(false);
    expect(await failureOf(hear(session, noop()))).toMatchObject({ kind: 'closed' });
  });

  test('refuses a second user while it is busy', async () => {
    const [session, peer] = await opened([...LOGGED_IN, ...on('NOOP', '+OK\r\n')]);
    const running = session.run([noop()]);
    await running.next();
    await expect(session.run([noop()]).next()).rejects.toThrow(/in use/);
    await expect(session.quit()).rejects.toThrow(/in use/);
    await running.return();
    expect(session.usable).toBe(true);
    session.close();
    await peer.finished();
  });

  test('cuts TOP at its bound and goes on', async () => {
    const line = `${'t'.repeat(1_022)}\r\n`;
    const [session, peer] = await opened([
      ...LOGGED_IN,
      ...on('TOP 1 5', `+OK\r\n${line.repeat(2_000)}.\r\n`),
      ...on('NOOP', '+OK still here\r\n'),
    ]);
    const heard = await hear(session, top(1, 5), noop());
    expect(heard.map(({ body, text }) => [body.length, text])).toEqual([
      [POP3.topOctets, ''],
      [0, 'still here'],
    ]);
    session.close();
    await peer.finished();
  });
});

describe('a login', () => {
  const CAPA_PLAIN = on('CAPA', '+OK\r\nSASL LOGIN PLAIN\r\nLOGIN-DELAY 90\r\n.\r\n');
  const initial = Buffer.from('\0bob\0pässword').toString('base64');
  const auto = { method: 'auto' } as const;

  test('is AUTH PLAIN with an initial response where that is offered', async () => {
    const [session, peer] = await opened([HELLO, ...CAPA_PLAIN, ...on(`AUTH PLAIN ${initial}`, '+OK\r\n')], auto);
    await session.ready();
    await session.ready();
    expect(session.counters).toMatchObject({ flights: 2, commands: { CAPA: 1, AUTH: 1 } });
    session.close();
    await peer.finished();
  });

  test.each(['+ \r\n', '+\r\n'])('puts a long initial response on the next line after %j', async (go) => {
    const password = 'p'.repeat(4_096);
    const line = Buffer.from(`\0bob\0${password}`).toString('base64');
    const [session, peer] = await opened([HELLO, ...CAPA_PLAIN, ...on('AUTH PLAIN', go), ...on(line, '+OK\r\n')], {
      ...auto,
      credentials: { username: 'bob', password, accessToken: null },
    });
    await session.ready();
    session.close();
    await peer.finished();
  });

  test.each([
    ['-ERR [AUTH] no\r\n', { kind: 'auth', definite: true, responseCode: 'AUTH', text: 'no' }],
    ['-ERR no\r\n', { kind: 'auth', definite: false }],
    ['-ERR [IN-USE] no\r\n', { kind: 'in_use' }],
    ['-ERR [LOGIN-DELAY] no\r\n', { kind: 'login_delay', seconds: 90 }],
    [`-ERR wrong: AUTH PLAIN ${initial}\r\n`, { kind: 'auth', text: null }],
    ['pässword\r\n', { kind: 'protocol', text: null }],
  ])('that is answered %j fails once and for all', async (answer, failure) => {
    const [session, peer] = await opened([HELLO, ...CAPA_PLAIN, ...on(`AUTH PLAIN ${initial}`, answer)], auto);
    expect(await failureOf(session.ready())).toMatchObject({ phase: 'login', ...failure });
    expect([session.usable, session.loggedIn]).toEqual([false, false]);
    await peer.finished();
    expect(peer.received[0]).toEqual(['CAPA', `AUTH PLAIN ${initial}`]);
  });

  test('by USER and PASS that is refused says so, without the password', async () => {
    const [session] = await opened([HELLO, ...NO_CAPA, ...on('USER bob', '+OK\r\n'), ...on(PASS, `-ERR ${PASS.slice(5)} is wrong\r\n`)]);
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'auth', definite: false, text: null });
  });

  test.each(['+ not base64!\r\n', '+ YWJj\r\n'])('is cancelled at a challenge that makes no sense: %j', async (challenge) => {
    const [session, peer] = await opened([HELLO, ...CAPA_PLAIN, ...on(`AUTH PLAIN ${initial}`, challenge), expectLine('*')], auto);
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'protocol', phase: 'login' });
    await peer.finished();
  });

  test('by a method that is missing sends no credential', async () => {
    const [session, peer] = await opened([HELLO, ...CAPA_PLAIN], { method: 'cram-md5' });
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'unsupported' });
    await peer.finished();
    expect(peer.received[0]).toEqual(['CAPA']);
  });
});

describe('a hostile or broken server', () => {
  test.each([
    ['HTTP/1.1 400 Bad Request\r\n\r\n', { kind: 'protocol', text: 'HTTP/1.1 400 Bad Request' }],
    ['220 mail ESMTP\r\n', { kind: 'protocol' }],
    ['* OK IMAP4rev1\r\n', { kind: 'protocol' }],
    ['\x15\x03\x01\x00\x02\x02\x46', { kind: 'protocol' }],
    ['+OK bare\n', { kind: 'protocol', reason: 'a line that ends in a bare LF' }],
    ['\r\n\r\n\r\n\r\n\r\n+OK\r\n', { kind: 'protocol' }],
    ['-ERR [SYS/TEMP] go away\r\n', { kind: 'temporary' }],
    ['-ERR no\r\n', { kind: 'refused' }],
    ['', { kind: 'closed' }],
    ['+OK half', { kind: 'closed' }],
  ])('that greets with %j is sent nothing', async (greeting, failure) => {
    const peer = await ScriptedPeer.listen([[send(greeting), close]]);
    disposables.push(peer);
    const channel = await nodeDial({ host: '127.0.0.1', port: peer.port, security: 'none' }, DEADLINES);
    expect(await failureOf(Session.open(channel, OPTIONS))).toMatchObject({ phase: 'greeting', ...failure });
    await peer.finished();
    expect(peer.received[0]).toEqual([]);
  });

  test('that greets with an endless line is cut off at its bound', async () => {
    const work = opened([send(`+OK ${'x'.repeat(100_000)}`), stall]);
    expect(await failureOf(work)).toMatchObject({ kind: 'protocol', reason: 'an endless status line' });
  });

  test('can not forge replies from within a message', async () => {
    const message = 'Subject: x\r\n\r\nend?\n.\r\n+OK forged\r\n.\n+OK\r\nreal end\r\n';
    const [session, peer] = await opened([
      ...LOGGED_IN,
      ...on('RETR 1', `+OK\r\n${message.replace('\r\n.', '\r\n..')}.\r\n`),
      ...on('DELE 1', '-ERR real\r\n'),
    ]);
    expect(await hear(session, retr(1), dele(1))).toMatchObject([{ body: message }, { ok: false, text: 'real' }]);
    session.close();
    await peer.finished();
  });

  test('that answers before it is asked is cut off', async () => {
    const [session, peer] = await opened([...LOGGED_IN, ...on('NOOP', '+OK\r\n+OK early\r\n')]);
    expect(await failureOf(hear(session, noop(), dele(1)))).toMatchObject({ kind: 'protocol', phase: 'dele' });
    await peer.finished();
    expect(peer.received[0]).not.toContain('DELE 1');
  });

  test('may send blank lines between replies over TLS, but nothing at all in the clear', async () => {
    const script = [...LOGGED_IN, ...on('NOOP', '+OK\r\n\r\n\r\n'), pause(20), ...on('NOOP', '\r\n+OK two\r\n')];
    const [session] = await opened(script);
    expect(await hear(session, noop(), noop())).toMatchObject([{ text: '' }, { text: 'two' }]);
    const [clear] = await opened(script, { security: 'none' });
    expect(await failureOf(hear(clear, noop(), noop()))).toMatchObject({ kind: 'protocol' });
  });

  test('that never ends a listing is cut off at its bound', async () => {
    const entries = '1 1\r\n'.repeat(200_000);
    const [session] = await opened([
      ...LOGGED_IN,
      expectLine('LIST'),
      send('+OK\r\n'),
      ...Array.from({ length: 70 }, () => send(entries)),
      stall,
    ]);
    let octets = 0;
    const reading = async (): Promise<void> => {
      for await (const reply of session.run([list()])) for await (const part of reply.body) octets += part.length;
    };
    expect(await failureOf(reading())).toMatchObject({ kind: 'protocol', phase: 'list' });
    expect(octets).toBeLessThanOrEqual(POP3.listingOctets);
  });

  const RETR = '+OK\r\nSubject: x\r\n\r\nbody\r\n.\r\n';
  const points = Array.from({ length: RETR.length }, (_, at) => at);

  test.each(points)('that closes after %i octets of a RETR is noticed', async (at) => {
    const [session] = await opened([...LOGGED_IN, ...on('RETR 1', RETR.slice(0, at)), close]);
    expect(await failureOf(hear(session, retr(1)))).toMatchObject({ kind: 'closed', phase: 'retr' });
    expect(session.usable).toBe(false);
  });

  test.each(points.filter((at) => at % 7 === 0))('that stalls after %i octets of a RETR is given up', async (at) => {
    const [session] = await opened([...LOGGED_IN, ...on('RETR 1', RETR.slice(0, at)), stall], {}, { reply: 30, chunk: 30 });
    expect(await failureOf(hear(session, retr(1)))).toMatchObject({ kind: 'timeout', phase: 'retr' });
    expect(session.usable).toBe(false);
  });

  test('that resets is noticed', async () => {
    const [session] = await opened([...LOGGED_IN, expectLine('RETR 1'), send('+OK\r\nhal'), pause(20), reset]);
    expect(await failureOf(hear(session, retr(1)))).toMatchObject({ kind: 'reset', phase: 'retr' });
  });

  test('that loses a terminator is said to', async () => {
    const [session] = await opened([...LOGGED_IN, ...on('RETR 1', '+OK\r\nbody\n.\r\n'), stall], {}, { chunk: 30 });
    expect(await failureOf(hear(session, retr(1)))).toMatchObject({ kind: 'timeout', note: expect.stringContaining('ends its data') });
  });

  test('that goes away at QUIT leaves QUIT unanswered', async () => {
    const [session] = await opened([...LOGGED_IN, ...on('DELE 1', '+OK\r\n'), expectLine('QUIT'), close]);
    await hear(session, dele(1));
    expect(await failureOf(session.quit())).toMatchObject({ kind: 'closed', phase: 'quit' });
    expect(session.usable).toBe(false);
  });
});
