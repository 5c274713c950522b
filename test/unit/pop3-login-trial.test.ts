/**
 * Commands written behind a login, in one flight with it: on a server that keeps them, on those that lose, mix up or cut off
 * what comes there, and on those that must not be tried.
 */
import { describe, expect, test } from 'vitest';
import { capa, type Command, dele, list, quit, retr, stat, top, uidl } from '../../src/pop3/command.ts';
import { NOTHING_REMEMBERED, type Remembered } from '../../src/pop3/remembered.ts';
import type { SessionOptions } from '../../src/pop3/session.ts';
import { close, expectLine, on, reset, send, sendSplit, stall, type Step } from '../support/scripted-peer.ts';
import { failureOf, hear, HELLO, opened, PASS } from './pop3-world.ts';

const capable = (...more: string[]): Step[] => on('CAPA', `${['+OK', 'TOP', 'UIDL', 'PIPELINING', ...more].join('\r\n')}\r\n.\r\n`);
const PLAIN = `AUTH PLAIN ${Buffer.from('\0bob\0pässword').toString('base64')}`;
const CAPA = capable('SASL PLAIN');
const UNKNOWN: Partial<SessionOptions> = { method: 'auto', remembered: NOTHING_REMEMBERED };
const FAST = { reply: 400, behindLogin: 40 };
const QUIRK = { kind: 'quirk', quirk: 'behind_login' };
const EMPTY = '+OK 0 0\r\n+OK\r\n.\r\n';
const poll = (): Command[] => [stat(), uidl(7)];

/** What is remembered of a server that has kept its promise before. */
async function proven(capabilities = CAPA, login: readonly Step[] = [expectLine(PLAIN)], ok = '+OK\r\n'): Promise<Remembered> {
  const [session, peer] = await opened(
    [HELLO, ...capabilities, ...login, expectLine('STAT'), expectLine('UIDL'), send(ok + EMPTY)],
    UNKNOWN,
  );
  await hear(session, stat(), uidl());
  session.close();
  await peer.finished();
  expect(session.counters.flights).toBe(2);
  return session.remembered;
}

describe('a server that keeps what comes behind a login', () => {
  test('gets login, STAT and UIDL in one flight once that is known, and in two before', async () => {
    const remembered = await proven();
    expect(remembered).toMatchObject({ asked: true, pipelining: 'yes', behindLogin: 'yes' });
    const [session, peer] = await opened(
      [HELLO, expectLine(PLAIN), expectLine('STAT'), expectLine('UIDL 7'), send('+OK\r\n+OK 7 9\r\n+OK 7 x\r\n')],
      {
        method: 'auto',
        remembered,
      },
    );
    expect(await hear(session, ...poll())).toMatchObject([{ text: '7 9' }, { text: '7 x' }]);
    expect(session.counters.flights).toBe(1);
    session.close();
    await peer.finished();
  });

  test('gets them behind USER and PASS too', async () => {
    const login = [expectLine('USER bob'), expectLine(PASS)];
    expect(await proven(capable('USER'), login, '+OK\r\n+OK\r\n')).toMatchObject({ behindLogin: 'yes' });
  });

  test('is not given what changes the maildrop, or moves messages, until it has shown that it does', async () => {
    const script = [HELLO, ...CAPA, expectLine(PLAIN), expectLine('STAT'), expectLine('TOP 1 0'), send('+OK\r\n'), send('+OK 1 9\r\n')];
    const rest = [
      expectLine('DELE 1'),
      expectLine('RETR 2'),
      send('+OK\r\nS: x\r\n\r\n.\r\n+OK\r\n+OK\r\nbody\r\n.\r\n'),
      ...on('QUIT', '+OK\r\n'),
    ];
    const [session, peer] = await opened([...script, ...rest], UNKNOWN);
    expect(await hear(session, top(1, 0), dele(1), retr(2))).toMatchObject([{ verb: 'TOP' }, { ok: true }, { body: 'body\r\n' }]);
    expect(session.counters.commands).toMatchObject({ STAT: 1, DELE: 1 });
    await session.quit();
    await peer.finished();
    expect(peer.received[0]).toEqual(['CAPA', PLAIN, 'STAT', 'TOP 1 0', 'DELE 1', 'RETR 2', 'QUIT']);
  });

  test('is asked again for its capabilities behind the login where that may tell more', async () => {
    const before = on('CAPA', '+OK\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n');
    const answers = send('+OK\r\n+OK 0 0\r\n+OK\r\nTOP\r\nUIDL\r\n.\r\n+OK\r\n.\r\n');
    const [session, peer] = await opened(
      [HELLO, ...before, expectLine(PLAIN), expectLine('STAT'), expectLine('CAPA'), expectLine('UIDL'), answers],
      UNKNOWN,
    );
    expect(await hear(session, uidl())).toMatchObject([{ ok: true }]);
    expect(session.remembered).toMatchObject({ settled: true, behindLogin: 'yes', capabilities: { top: true } });
    session.close();
    await peer.finished();
  });

  test('is tried again once it breaks off behind a login', async () => {
    const [session] = await opened([HELLO, expectLine(PLAIN), expectLine('STAT'), send('+OK\r\n'), close], {
      method: 'auto',
      remembered: await proven(),
    });
    expect(await failureOf(hear(session, ...poll()))).toMatchObject({ kind: 'closed' });
    expect(session.remembered).toMatchObject({ behindLogin: 'unknown' });
  });
});

describe('SCRAM', () => {
  // RFC 7677 §3, whose nonce is handed in.
  const credentials = { username: 'user', password: 'pencil', accessToken: null };
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const nonce = 'rOprNGfwEbeRWgbNEkqO';
  const first = `r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
  const proof = `c=biws,r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
  const exchange = [
    ...on(`AUTH SCRAM-SHA-256 ${base64(`n,,n=user,r=${nonce}`)}`, `+ ${base64(first)}\r\n`),
    ...on(base64(proof), `+ ${base64('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')}\r\n`),
  ];
  const random = (): Uint8Array => Buffer.from(nonce, 'base64');

  test('takes two round trips more: what follows goes with the line that takes note of the proof', async () => {
    const known = { ...(await proven()), capabilities: null };
    const [session, peer] = await opened(
      [HELLO, ...exchange, expectLine(''), expectLine('STAT'), expectLine('UIDL 7'), send('+OK\r\n+OK 7 9\r\n+OK 7 x\r\n')],
      {
        method: 'scram-sha-256',
        credentials,
        random,
        remembered: known,
      },
    );
    expect(await hear(session, ...poll())).toMatchObject([{ text: '7 9' }, { text: '7 x' }]);
    expect(session.counters).toMatchObject({ flights: 3, commands: { AUTH: 1, STAT: 1 } });
    session.close();
    await peer.finished();
  });

  test('writes nothing behind a server that has not proved itself', async () => {
    const forged = [...exchange.slice(0, -1), send(`+ ${base64('v=AAAA')}\r\n`), expectLine('*')];
    const [session, peer] = await opened([HELLO, ...forged], {
      method: 'scram-sha-256',
      credentials,
      random,
      remembered: { ...(await proven()), capabilities: null },
    });
    expect(await failureOf(hear(session, ...poll()))).toMatchObject({ kind: 'protocol', phase: 'login' });
    await peer.finished();
    expect(peer.received[0]).not.toContain('STAT');
  });
});

describe('a server that loses what comes behind a login', () => {
  const sent = [HELLO, ...CAPA, expectLine(PLAIN), expectLine('STAT'), expectLine('UIDL 7')];

  test.each<[string, readonly Step[]]>([
    ['is silent, like Courier', [send('+OK\r\n'), stall]],
    ['hangs up', [send('+OK\r\n'), close]],
    ['resets', [send('+OK\r\n'), reset]],
    ['hangs up at once', [close]],
    ['takes it for the answer to a challenge', [send('+ \r\n'), stall]],
    ['answers half a line', [send('+OK\r\n-ERR unknown command\r\n-ERR what\r\n'), stall]],
    ['answers only what comes behind STAT', [send('+OK\r\n+OK 7 x\r\n'), stall]],
    ['answers only what comes behind STAT, by a unique-id that begins like a size', [send('+OK\r\n+OK 7 0a1b\r\n'), stall]],
    ['says what is no reply', [send('+OK\r\n7 x\r\n'), stall]],
    ['stops in the middle of a line', [sendSplit('+OK\r\n+OK 7 '), stall]],
  ])('and %s is left, and gone without the next time', async (_, steps) => {
    const [session] = await opened([...sent, ...steps], UNKNOWN, { ...FAST, chunk: 40 });
    expect(await failureOf(hear(session, ...poll()))).toMatchObject(QUIRK);
    expect(session.usable).toBe(false);
    expect(session.remembered).toMatchObject({ behindLogin: 'no', pipelining: 'unknown' });
    const script = [HELLO, ...on(PLAIN, '+OK\r\n'), expectLine('STAT'), expectLine('UIDL 7'), send('+OK 7 9\r\n+OK 7 x\r\n')];
    const [next, peer] = await opened(script, { ...UNKNOWN, remembered: session.remembered });
    expect(await hear(next, ...poll())).toMatchObject([{ text: '7 9' }, { text: '7 x' }]);
    expect(next.counters.flights).toBe(2);
    next.close();
    await peer.finished();
    expect(next.remembered).toMatchObject({ behindLogin: 'no', pipelining: 'yes' });
  });

  test('is given as long as any other for the login itself', async () => {
    const [session] = await opened([...sent, stall], UNKNOWN, { reply: 120, behindLogin: 20 });
    expect(await failureOf(hear(session, ...poll()))).toMatchObject({ kind: 'timeout', phase: 'login' });
    expect(session.remembered.behindLogin).toBe('unknown');
  });
});

describe('a refused login', () => {
  test.each(['unknown', 'yes'] as const)('is one refusal, whatever follows, where the server is %s', async (behindLogin) => {
    const script = [
      HELLO,
      ...CAPA,
      expectLine(PLAIN),
      expectLine('STAT'),
      expectLine('UIDL 7'),
      send('-ERR [AUTH] wrong\r\n-ERR no\r\n-ERR no\r\n'),
      close,
    ];
    const [session, peer] = await opened(script, { ...UNKNOWN, remembered: { ...NOTHING_REMEMBERED, behindLogin } });
    expect(await failureOf(hear(session, ...poll()))).toMatchObject({ kind: 'auth', definite: true, text: 'wrong' });
    expect([session.loggedIn, session.remembered.behindLogin, session.remembered.pipelining]).toEqual([false, behindLogin, 'unknown']);
    await peer.finished();
    expect(peer.received.flat().filter((line) => line.startsWith('AUTH'))).toHaveLength(1);
  });

  test('is one even at STAT, if a reason is given', async () => {
    const script = [
      HELLO,
      ...CAPA,
      expectLine(PLAIN),
      expectLine('STAT'),
      expectLine('TOP 1 0'),
      send('+OK\r\n-ERR [IN-USE] locked\r\n-ERR\r\n'),
      close,
    ];
    const [session] = await opened(script, UNKNOWN);
    expect(await failureOf(hear(session, top(1, 0)))).toMatchObject({ kind: 'in_use', phase: 'stat' });
    expect(session.remembered.behindLogin).toBe('unknown');
  });
});

describe('is not tried', () => {
  const alone = [...on(PLAIN, '+OK\r\n'), expectLine('STAT'), expectLine('UIDL 7'), send('+OK 7 9\r\n+OK 7 x\r\n')];

  test.each<[string, readonly Step[], Partial<SessionOptions>]>([
    ['a server that wants some time between logins', [HELLO, ...capable('SASL PLAIN', 'LOGIN-DELAY 60'), ...alone], {}],
    ['a server that has failed', [HELLO, ...CAPA, ...alone], { remembered: { ...NOTHING_REMEMBERED, behindLogin: 'no' } }],
    [
      'a server whose login delay is not known',
      [HELLO, ...alone],
      { method: 'plain', remembered: { ...NOTHING_REMEMBERED, asked: true, pipelining: 'yes' } },
    ],
    [
      'a line that broke among pipelined commands',
      [HELLO, ...CAPA, ...alone],
      { remembered: { ...NOTHING_REMEMBERED, pipelining: 'suspect' } },
    ],
  ])('%s', async (_, script, options) => {
    const [session, peer] = await opened(script, { ...UNKNOWN, ...options });
    expect(await hear(session, ...poll())).toMatchObject([{ ok: true }, { ok: true }]);
    session.close();
    await peer.finished();
    expect(session.remembered.behindLogin).toBe(options.remembered?.behindLogin ?? 'unknown');
  });

  test('a login whose challenges matter: nothing can be written behind it', async () => {
    const login = [...on('AUTH LOGIN', '+ \r\n'), ...on('Ym9i', '+ \r\n'), ...on(Buffer.from('pässword').toString('base64'), '+OK\r\n')];
    const rest = [expectLine('UIDL'), expectLine('LIST'), send('+OK\r\n.\r\n+OK\r\n.\r\n')];
    const [session, peer] = await opened([HELLO, ...capable('SASL LOGIN'), ...login, ...rest], UNKNOWN);
    expect(await hear(session, uidl(), list())).toMatchObject([{ ok: true }, { ok: true }]);
    session.close();
    await peer.finished();
    expect(session.remembered).toMatchObject({ pipelining: 'yes', behindLogin: 'unknown' });
  });

  test('a login that nothing follows', async () => {
    const [session, peer] = await opened([HELLO, ...CAPA, ...on(PLAIN, '+OK\r\n')], UNKNOWN);
    await session.ready();
    session.close();
    await peer.finished();
    expect(session.remembered.behindLogin).toBe('unknown');
  });

  test('a series that is empty, ends with QUIT, or begins with CAPA otherwise than by STAT', async () => {
    const [session, peer] = await opened(
      [HELLO, ...CAPA, expectLine(PLAIN), expectLine('STAT'), send('+OK\r\n+OK 0 0\r\n'), ...on('QUIT', '+OK\r\n')],
      UNKNOWN,
    );
    expect(await hear(session, quit())).toMatchObject([{ verb: 'QUIT', ok: true }]);
    await peer.finished();
    const [other] = await opened(
      [
        HELLO,
        ...CAPA,
        expectLine(PLAIN),
        expectLine('STAT'),
        expectLine('CAPA'),
        expectLine('LIST'),
        send(`+OK\r\n+OK 0 0\r\n+OK\r\n.\r\n+OK\r\n.\r\n`),
      ],
      UNKNOWN,
    );
    expect(await hear(other, capa(), list())).toMatchObject([{ verb: 'CAPA' }, { verb: 'LIST' }]);
  });
});
