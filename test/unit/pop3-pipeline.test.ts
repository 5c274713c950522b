/** Commands written at once: in how few flights a session gets its answers, and what becomes of servers that break at it. */
import { describe, expect, test } from 'vitest';
import { type Command, dele, list, noop, quit, retr, stat, uidl } from '../../src/pop3/command.ts';
import { NOTHING_REMEMBERED, type Remembered } from '../../src/pop3/remembered.ts';
import type { Session, SessionOptions } from '../../src/pop3/session.ts';
import { close, expectLine, on, pause, reset, send, stall, type Step } from '../support/scripted-peer.ts';
import { failureOf, hear, HELLO, opened, PASS } from './pop3-world.ts';

const CAPA = on('CAPA', '+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\n.\r\n');
const USER_PASS = [expectLine('USER bob'), expectLine(PASS)];
const LISTING = [expectLine('STAT'), expectLine('UIDL'), expectLine('LIST')];
const ANSWERS = '+OK 1 10\r\n+OK\r\n1 a\r\n.\r\n+OK\r\n1 10\r\n.\r\n';
const three = (): Command[] => [stat(), uidl(), list()];
const HEARD = [{ text: '1 10' }, { body: '1 a\r\n' }, { body: '1 10\r\n' }];

/** What a session remembers that has pipelined with this server before. */
async function memory(): Promise<Remembered> {
  const [session] = await opened([HELLO, ...CAPA, ...USER_PASS, ...LISTING, send(`+OK\r\n+OK\r\n${ANSWERS}`)]);
  await hear(session, ...three());
  return session.remembered;
}

async function flights(script: readonly Step[], options: Partial<SessionOptions> = {}): Promise<number> {
  const [session, peer] = await opened(script, options);
  expect(await hear(session, ...three())).toMatchObject(HEARD);
  session.close();
  await peer.finished();
  return session.counters.flights;
}

describe('one flight', () => {
  test('is not what a login shares with the commands behind it, unless the server is known to take that', async () => {
    const script = [HELLO, ...CAPA, ...USER_PASS, send('+OK\r\n+OK\r\n'), ...LISTING, send(ANSWERS)];
    expect(await flights(script, { remembered: { ...NOTHING_REMEMBERED, behindLogin: 'no' } })).toBe(3);
  });

  test('holds login and listing once CAPA has announced PIPELINING', async () => {
    expect(await flights([HELLO, ...CAPA, ...USER_PASS, ...LISTING, send(`+OK\r\n+OK\r\n${ANSWERS}`)])).toBe(2);
  });

  test('is the only one where the capabilities are remembered', async () => {
    const remembered = await memory();
    expect(remembered).toMatchObject({ asked: true, pipelining: 'yes', capabilities: { user: true } });
    expect(await flights([HELLO, ...USER_PASS, ...LISTING, send(`+OK\r\n+OK\r\n${ANSWERS}`)], { remembered })).toBe(1);
  });

  test('holds AUTH PLAIN with its initial response', async () => {
    const capa = on('CAPA', '+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n');
    const auth = expectLine(`AUTH PLAIN ${Buffer.from('\0bob\0pässword').toString('base64')}`);
    expect(await flights([HELLO, ...capa, auth, ...LISTING, send(`+OK\r\n${ANSWERS}`)], { method: 'auto' })).toBe(2);
  });

  test('begins behind a SASL exchange whose challenges matter', async () => {
    const capa = on('CAPA', '+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nSASL LOGIN\r\n.\r\n');
    const login = [
      ...on('AUTH LOGIN', '+ VXNlcm5hbWU6\r\n'),
      ...on('Ym9i', '+\r\n'),
      expectLine(Buffer.from('pässword').toString('base64')),
      pause(20),
      send('+OK\r\n'),
    ];
    expect(await flights([HELLO, ...capa, ...login, ...LISTING, send(ANSWERS)], { method: 'auto' })).toBe(5);
  });

  test('holds no credential in the clear, where the login is waited for', async () => {
    const login = [...on('USER bob', '+OK\r\n'), ...on(PASS, '+OK\r\n')];
    expect(await flights([HELLO, ...CAPA, ...login, ...LISTING, send(ANSWERS)], { security: 'none' })).toBe(4);
  });

  test('holds what is asked behind a login where PIPELINING is announced after it only, and is remembered', async () => {
    const before = on('CAPA', '+OK\r\nUSER\r\nSASL X\r\n.\r\n');
    const login = [...on('USER bob', '+OK\r\n'), ...on(PASS, '+OK\r\n')];
    const after = on('CAPA', '+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n');
    const [session, peer] = await opened([HELLO, ...before, ...login, ...after, ...LISTING, send(ANSWERS)]);
    expect(await hear(session, ...three())).toMatchObject(HEARD);
    expect(session.counters.flights).toBe(5);
    const { remembered } = session;
    expect(remembered).toMatchObject({ settled: true, capabilities: { top: true, user: true, pipelining: true, sasl: ['X'] } });
    session.close();
    await peer.finished();
    expect(await flights([HELLO, ...USER_PASS, ...LISTING, send(`+OK\r\n+OK\r\n${ANSWERS}`)], { remembered })).toBe(1);
  });

  test('is one command each where nobody announced it', async () => {
    const login = [...on('USER bob', '+OK\r\n'), ...on(PASS, '+OK\r\n')];
    const rest = [...on('STAT', '+OK 1 10\r\n'), ...on('UIDL', '+OK\r\n1 a\r\n.\r\n'), ...on('LIST', '+OK\r\n1 10\r\n.\r\n')];
    expect(await flights([HELLO, ...on('CAPA', '-ERR\r\n'), ...login, ...rest])).toBe(6);
  });

  test('asks again when what is remembered does not do', async () => {
    const remembered = await memory();
    const capa = on('CAPA', '+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN\r\n.\r\n');
    const known = { ...remembered, capabilities: { ...remembered.capabilities!, sasl: ['LOGIN'] } };
    const [session, peer] = await opened([HELLO, ...capa, ...on(/^AUTH PLAIN /, '+OK\r\n')], { remembered: known, method: 'plain' });
    await session.ready();
    session.close();
    await peer.finished();
  });

  test('that is refused fails by its first -ERR', async () => {
    const remembered = await memory();
    const [session, peer] = await opened(
      [HELLO, ...USER_PASS, ...LISTING, send('+OK\r\n-ERR [AUTH] wrong\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n'), close],
      { remembered },
    );
    expect(await failureOf(hear(session, ...three()))).toMatchObject({ kind: 'auth', definite: true, text: 'wrong' });
    expect([session.usable, session.loggedIn, session.remembered.pipelining]).toEqual([false, false, 'yes']);
    await peer.finished();
  });

  test('ends with QUIT, if that is the last', async () => {
    const [session, peer] = await opened(
      [
        HELLO,
        ...USER_PASS,
        expectLine('DELE 1'),
        expectLine('DELE 2'),
        expectLine('QUIT'),
        send('+OK\r\n+OK\r\n+OK\r\n-ERR\r\n+OK bye\r\n'),
      ],
      { remembered: await memory() },
    );
    expect(await hear(session, dele(1), dele(2), quit())).toMatchObject([{ ok: true }, { ok: false }, { verb: 'QUIT', ok: true }]);
    expect([session.usable, session.counters.flights]).toEqual([false, 1]);
    await peer.finished();
  });
});

test('a server that hangs up at QUIT is not blamed on pipelining', async () => {
  const [session] = await opened([
    HELLO,
    ...CAPA,
    ...USER_PASS,
    expectLine('DELE 1'),
    expectLine('QUIT'),
    send('+OK\r\n+OK\r\n+OK\r\n'),
    close,
  ]);
  expect(await failureOf(hear(session, dele(1), quit()))).toMatchObject({ kind: 'closed', phase: 'quit' });
  expect(session.remembered.pipelining).toBe('unknown');
});

describe('leaving early', () => {
  const script = async (answers: string, ...rest: Step[]): Promise<[Session, unknown]> =>
    opened([HELLO, ...USER_PASS, ...LISTING, send(`+OK\r\n+OK\r\n${answers}`), ...rest], { remembered: await memory() });

  test('reads small replies away and stays usable', async () => {
    const [session] = await script(ANSWERS, ...on('NOOP', '+OK still here\r\n'));
    for await (const _ of session.run(three())) break;
    expect(session.usable).toBe(true);
    expect(await hear(session, noop())).toMatchObject([{ text: 'still here' }]);
  });

  test('closes where they are long, or never end', async () => {
    const [long] = await script(`+OK 1 10\r\n+OK\r\n${'1 a\r\n'.repeat(400_000)}`, stall);
    for await (const _ of long.run(three())) break;
    expect(long.usable).toBe(false);
    const [half] = await script('+OK 1 10\r\n+OK\r\n1 a', close);
    for await (const _ of half.run(three())) break;
    expect(half.usable).toBe(false);
  });

  test('closes at once where much is expected', async () => {
    const [session, peer] = await opened([HELLO, ...USER_PASS, expectLine('STAT'), send('+OK\r\n+OK\r\n+OK 1 1\r\n'), stall], {
      remembered: await memory(),
    });
    for await (const _ of session.run([stat(), retr(1, 2 ** 21)])) break;
    expect(session.usable).toBe(false);
    await peer.close();
  });
});

describe('a server that breaks at pipelining', () => {
  const PIPELINED = [HELLO, ...CAPA, ...USER_PASS, ...LISTING];
  const quirk = { kind: 'quirk', quirk: 'pipelining' };

  test.each<[string, Step[]]>([
    ['hangs up at once', [close]],
    ['hangs up behind the first answer', [send('+OK\r\n'), close]],
    ['resets', [send('+OK\r\n'), pause(20), reset]],
    ['throws away what it did not expect', [send('+OK\r\n'), stall]],
    ['mixes replies up', [send('+OK\r\n+OK\r\n1 a\r\n.\r\n+OK 1 10\r\n')]],
    ['hangs up in the middle of data', [send('+OK\r\n+OK\r\n+OK 1 10\r\n+OK\r\n1 a'), close]],
  ])('that %s is left, and gone without the next time', async (_, steps) => {
    const [session] = await opened([...PIPELINED, ...steps], {}, { reply: 50, chunk: 50 });
    expect(await failureOf(hear(session, ...three()))).toMatchObject(quirk);
    expect([session.usable, session.remembered.pipelining]).toEqual([false, 'no']);
    const login = [...on('USER bob', '+OK\r\n'), ...on(PASS, '+OK\r\n')];
    const again = await flights(
      [
        HELLO,
        ...CAPA,
        ...login,
        ...on('STAT', '+OK 1 10\r\n'),
        ...on('UIDL', '+OK\r\n1 a\r\n.\r\n'),
        ...on('LIST', '+OK\r\n1 10\r\n.\r\n'),
      ],
      { remembered: { ...session.remembered, asked: false } },
    );
    expect(again).toBe(6);
  });

  test('takes commands for the answer to a challenge', async () => {
    const capa = on('CAPA', '+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n');
    const initial = Buffer.from('\0bob\0pässword').toString('base64');
    const auto = { method: 'auto' } as const;
    const [session] = await opened([HELLO, ...capa, ...on(`AUTH PLAIN ${initial}`, '+ \r\n')], auto);
    expect(await failureOf(hear(session, stat(), noop()))).toMatchObject(quirk);
    // One by one the server gets what it asks for: the initial response again.
    const script = [HELLO, ...on(`AUTH PLAIN ${initial}`, '+ \r\n'), ...on(initial, '+OK\r\n'), ...on('STAT', '+OK 0 0\r\n')];
    const [next, peer] = await opened(script, { ...auto, remembered: session.remembered });
    expect(await hear(next, stat())).toMatchObject([{ ok: true }]);
    next.close();
    await peer.finished();
  });

  test('is not blamed for silence before its first answer', async () => {
    const [session] = await opened([...PIPELINED, stall], {}, { reply: 40 });
    expect(await failureOf(hear(session, ...three()))).toMatchObject({ kind: 'timeout' });
    expect(session.remembered.pipelining).toBe('unknown');
  });

  test('is given the benefit of the doubt once, if it has worked before', async () => {
    const broken = [HELLO, ...USER_PASS, ...LISTING, send('+OK\r\n+OK\r\n+OK 1 10\r\n'), close];
    const [first] = await opened(broken, { remembered: await memory() });
    expect(await failureOf(hear(first, ...three()))).toMatchObject({ kind: 'closed' });
    expect(first.remembered.pipelining).toBe('suspect');
    const alone = [HELLO, ...USER_PASS, send('+OK\r\n+OK\r\n'), ...LISTING, send('+OK 1 10\r\n'), close];
    const [second] = await opened(alone, { remembered: first.remembered });
    expect(await failureOf(hear(second, ...three()))).toMatchObject(quirk);
    expect(second.remembered.pipelining).toBe('no');
  });

  test('is not blamed for a listing that is refused', async () => {
    const [session] = await opened([...PIPELINED, send('+OK\r\n+OK\r\n+OK 1 10\r\n-ERR\r\n-ERR\r\n')]);
    expect(await hear(session, ...three())).toMatchObject([{ ok: true }, { ok: false }, { ok: false }]);
    expect(session.remembered.pipelining).toBe('yes');
  });

  test('is not blamed for data beyond a bound', async () => {
    const flood = Array.from({ length: 70 }, () => send('1 a\r\n'.repeat(200_000)));
    const [session] = await opened([...PIPELINED, send('+OK\r\n+OK\r\n+OK 1 10\r\n+OK\r\n'), ...flood, stall]);
    const reading = async (): Promise<void> => {
      for await (const reply of session.run(three())) for await (const _ of reply.body);
    };
    expect(await failureOf(reading())).toMatchObject({ kind: 'protocol', phase: 'uidl' });
    expect(session.remembered.pipelining).not.toBe('no');
  });
});
