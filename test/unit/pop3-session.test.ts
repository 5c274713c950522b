/** Sessions against scripted servers over real sockets: commands, replies, bodies, and how a session ends. */
import { describe, expect, test } from 'vitest';
import { POP3 } from '../../src/limits.ts';
import { dele, noop, retr, stat, top, uidl } from '../../src/pop3/command.ts';
import { expectLine, on, sendSplit, stall } from '../support/scripted-peer.ts';
import { failureOf, hear, LOGGED_IN, opened, PASS } from './pop3-world.ts';

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
      sendSplit('+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n'),
      expectLine('USER bob'),
      sendSplit('+OK\r\n'),
      expectLine(PASS),
      sendSplit('+OK\r\n'),
      expectLine('RETR 1'),
      sendSplit('+OK\r\n..a\r\n.\rb\r\n\n.\r\n\r\n.\r\n'),
    ]);
    expect(await hear(session, retr(1))).toMatchObject([{ ok: true, body: '.a\r\n\rb\r\n\n.\r\n\r\n' }]);
    expect(session.capabilities).toMatchObject({ names: ['TOP', 'UIDL', 'PIPELINING'], uidl: true });
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
