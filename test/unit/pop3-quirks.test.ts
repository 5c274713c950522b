/** Servers as they are: each test is a transcript of what some server really says, and what becomes of it. */
import { describe, expect, test } from 'vitest';
import { stat, list, noop, retr, top, uidl, type Command } from '../../src/pop3/command.ts';
import { parseDropListing, readSizes, readUidls, uidlOf } from '../../src/pop3/listing.ts';
import type { Session } from '../../src/pop3/session.ts';
import { withoutSecondStatus } from '../../src/pop3/top.ts';
import { close, expectLine, on, reset, send, sendSplit, type Step } from '../support/scripted-peer.ts';
import { failureOf, hear, HELLO, LOGGED_IN, opened, PASS } from './pop3-world.ts';

async function transcript(steps: readonly Step[], ...commands: Command[]) {
  const [session, peer] = await opened([...LOGGED_IN, ...steps]);
  const heard = await hear(session, ...commands);
  session.close();
  await peer.finished();
  return heard;
}

/** What the listings of a session say: number and UIDL, or number and size. */
async function listed(answer: string, command = uidl()): Promise<unknown[]> {
  const [session] = await opened([...LOGGED_IN, ...on(/^(UIDL|LIST)/, answer)]);
  const entries: unknown[] = [];
  for await (const reply of session.run([command])) {
    if (command.verb === 'LIST') for await (const batch of readSizes(reply.body)) entries.push(...batch.map((it) => [it.number, it.size]));
    else
      for await (const batch of readUidls(reply.body))
        entries.push(...batch.map((it) => [it.number, Buffer.from(it.uidl).toString('latin1')]));
  }
  session.close();
  return entries;
}

describe('status lines', () => {
  test('with text right behind +OK, in lower case, and after blank lines', async () => {
    const steps = [...on('STAT', '+OKready\r\n'), ...on('NOOP', '+ok fine\r\n'), ...on('NOOP', '\r\n\r\n+OK late\r\n')];
    expect((await transcript(steps, stat(), noop(), noop())).map(({ ok, text }) => [ok, text])).toEqual([
      [true, 'ready'],
      [true, 'fine'],
      [true, 'late'],
    ]);
  });

  test('of -ERR alone, or with brackets that are no response code', async () => {
    const steps = [...on('RETR 1', '-ERR\r\n'), ...on('RETR 2', '-ERR [TkVXIHNlcnZlcg==] no\r\n'), ...on('NOOP', '+OK\r\n')];
    expect(await transcript(steps, retr(1), retr(2), noop())).toMatchObject([
      { failure: 'refused', text: '' },
      { failure: 'refused' },
      { ok: true },
    ]);
  });

  test('whose greeting holds brackets, like Exchange, change nothing', async () => {
    const [session] = await opened([send('+OK The Microsoft Exchange POP3 service is ready. [SABFADEAUAAxADIA]\r\n')]);
    expect(session.greeting).toContain('[SABFADEAUAAxADIA]');
  });
});

describe('logins', () => {
  test('that are refused at STAT, not at PASS, are no wrong password', async () => {
    const said = '-ERR login allowed only every 15 minutes\r\n';
    expect(await transcript(on('STAT', said), stat())).toMatchObject([{ failure: 'refused', text: said.slice(5).trim() }]);
    expect(await transcript(on('STAT', '-ERR [LOGIN-DELAY] later\r\n'), stat())).toMatchObject([{ failure: 'login_delay' }]);
  });

  test('that are refused without a word may be a lock or a passing fault', async () => {
    const [session] = await opened([...LOGGED_IN.slice(0, -1), send('-ERR\r\n')]);
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'auth', definite: false });
  });

  test('by XOAUTH2 get the reason of a refusal, acknowledge it and end', async () => {
    const token = Buffer.from('user=bob\u0001auth=Bearer tok\u0001\u0001').toString('base64');
    const [session, peer] = await opened(
      [
        HELLO,
        ...on('CAPA', '+OK\r\nSASL PLAIN XOAUTH2\r\n.\r\n'),
        ...on('AUTH XOAUTH2', '+ \r\n'),
        ...on(token, '+ eyJzdGF0dXMiOiI0MDAifQ==\r\n'),
        ...on('', '-ERR [AUTH] Authentication failure: unknown user name or bad password.\r\n'),
      ],
      { method: 'auto', credentials: { username: 'bob', password: null, accessToken: 'tok' } },
    );
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'auth', definite: true });
    await peer.finished();
  });

  test('by SCRAM that are accepted without the proof of the server are none', async () => {
    const [session] = await opened([HELLO, ...on('CAPA', '-ERR\r\n'), ...on(/^AUTH SCRAM-SHA-256 /, '+OK welcome\r\n')], {
      method: 'scram-sha-256',
    });
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'protocol', reason: expect.stringContaining('complete') });
    expect([session.loggedIn, session.usable]).toEqual([false, false]);
  });

  test('by APOP take the id of the greeting', async () => {
    const [session, peer] = await opened(
      [
        send('+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n'),
        ...on('CAPA', '-ERR\r\n'),
        ...on('APOP mrose c4c9334bac560ecc979e58001b3e22fb', '+OK maildrop has 1 message\r\n'),
      ],
      { method: 'apop', credentials: { username: 'mrose', password: 'tanstaaf', accessToken: null } },
    );
    await session.ready();
    session.close();
    await peer.finished();
  });

  test('with UTF8 switched on first go on where that is refused', async () => {
    const [session, peer] = await opened([
      HELLO,
      ...on('CAPA', '+OK\r\nUTF8 USER\r\nUSER\r\n.\r\n'),
      ...on('UTF8', '-ERR not now\r\n'),
      ...on('USER bob', '+OK\r\n'),
      ...on(PASS, '+OK\r\n'),
    ]);
    await session.ready();
    session.close();
    await peer.finished();
  });
});

describe('CAPA', () => {
  test.each<[string, Step]>([
    ['closes', close],
    ['resets', reset],
  ])('at which the server %s is left out the next time', async (_, end) => {
    const [session] = await opened([HELLO, expectLine('CAPA'), end]);
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'quirk', quirk: 'capa' });
    const { remembered } = session;
    const [next, peer] = await opened([HELLO, ...on('USER bob', '+OK\r\n'), ...on(PASS, '+OK\r\n')], { remembered });
    await next.ready();
    next.close();
    await peer.finished();
  });

  test('that is refused leaves commands to be tried', async () => {
    const [session] = await opened([...LOGGED_IN, ...on('TOP 1 0', '-ERR unknown\r\n'), ...on('UIDL', '+OK\r\n1 a\r\n.\r\n')]);
    expect(await hear(session, top(1, 0), uidl())).toMatchObject([{ ok: false }, { ok: true, body: '1 a\r\n' }]);
    expect(session.capabilities).toBeNull();
  });
});

describe('listings', () => {
  test.each<[string, string, unknown[]]>([
    [
      'several spaces',
      '+OK\r\n1   a b\r\n 2 c\r\n.\r\n',
      [
        [1, 'a b'],
        [2, 'c'],
      ],
    ],
    [
      'each line +OK',
      '+OK\r\n+OK 1 a\r\n+OK 2 b\r\n.\r\n',
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ],
    [
      'gaps, in any order',
      '+OK\r\n9 x\r\n2 y\r\n.\r\n',
      [
        [9, 'x'],
        [2, 'y'],
      ],
    ],
    ['blank lines', '\r\n+OK\r\n\r\n1 a\r\n\r\n.\r\n', [[1, 'a']]],
    [
      'odd ids',
      '+OK\r\n1 \r\n2 /a\xff\r\n3 a\r\n4 a\r\n.\r\n',
      [
        [1, ''],
        [2, '/a\xff'],
        [3, 'a'],
        [4, 'a'],
      ],
    ],
    ['ids that begin with a dot', '+OK\r\n1 .a\r\n.\r\n', [[1, '.a']]],
  ])('have %s', async (_, answer, expected) => {
    expect(await listed(answer)).toEqual(expected);
  });

  test('have sizes that are none', async () => {
    const sizes = '+OK\r\n1 -1\r\n2 4294967296\r\n3 99999999999999999999\r\n4 1k\r\n5\r\n6 10 octets\r\n.\r\n';
    expect(await listed(sizes, list())).toEqual([
      [1, 0],
      [2, 2 ** 32],
      [3, 0],
      [4, 0],
      [5, 0],
      [6, 10],
    ]);
    expect(parseDropListing({ octets: Buffer.from('+OK 3 -12') })).toEqual({ count: 3, octets: 0 });
  });

  test('are refused where STAT says that there is nothing', async () => {
    const steps = [...on('STAT', '+OK 0 0\r\n'), ...on('UIDL', '-ERR no messages\r\n'), ...on('LIST', '-ERR no messages\r\n')];
    expect(await transcript(steps, stat(), uidl(), list())).toMatchObject([{ ok: true }, { ok: false }, { ok: false }]);
  });

  test('of one message leave its number out', async () => {
    const [session] = await opened([...LOGGED_IN, ...on('UIDL 7', '+OK 7 abc\r\n'), ...on('UIDL 8', '+OK abc\r\n')]);
    const ids: string[] = [];
    for await (const reply of session.run([uidl(7), uidl(8)])) ids.push(Buffer.from(uidlOf(reply)).toString());
    expect(ids).toEqual(['abc', 'abc']);
  });
});

describe('TOP', () => {
  const HEADER = 'Subject: x\r\n\r\nbody\r\n';
  const answered = async (session: Session): Promise<string[]> => (await hear(session, top(1, 5), noop())).map(({ body }) => body);

  test.each(['+OK\r\n', '+OK 1234 octets: follow\r\n'])('that answers +OK twice gives the header alone: %j', async (second) => {
    for (const step of [send, sendSplit] as const) {
      const [session] = await opened([
        ...LOGGED_IN,
        expectLine('TOP 1 5'),
        step(`+OK\r\n${second}${HEADER}.\r\n`),
        ...on('NOOP', '+OK\r\n'),
      ]);
      expect(await answered(session)).toEqual([HEADER, '']);
      session.close();
    }
  });

  test('keeps what only looks like it, at every cut', async () => {
    const through = async (text: string, cut: number): Promise<string> => {
      async function* parts(): AsyncGenerator<Uint8Array> {
        yield Buffer.from(text.slice(0, cut));
        yield Buffer.from(text.slice(cut));
      }
      let all = '';
      for await (const piece of withoutSecondStatus(parts())) all += Buffer.from(piece).toString();
      return all;
    };
    for (const text of ['+OK-Header: a\r\n\r\n', '+O', '+OK', '+', 'X: +OK\r\n', '++OK\r\n', ''])
      for (let cut = 0; cut <= text.length; cut++) expect(await through(text, cut)).toBe(text);
    for (let cut = 0; cut <= 14; cut++) expect(await through('+OK two\r\nA: b\r\n', cut)).toBe('A: b\r\n');
  });

  test('of a RETR is not looked for', async () => {
    expect(await transcript(on('RETR 1', '+OK\r\n+OK not a header\r\n.\r\n'), retr(1))).toMatchObject([{ body: '+OK not a header\r\n' }]);
  });
});
