/** Servers that are not POP3, that break off, fall silent, never end, or try to be believed too early. */
import { describe, expect, test } from 'vitest';
import { DEADLINES, POP3 } from '../../src/limits.ts';
import { dele, list, noop, retr } from '../../src/pop3/command.ts';
import { Session } from '../../src/pop3/session.ts';
import { nodeDial } from '../support/node-dial.ts';
import { close, expectLine, on, pause, reset, ScriptedPeer, send, stall } from '../support/scripted-peer.ts';
import { failureOf, hear, HELLO, LOGGED_IN, opened, OPTIONS, PASS } from './pop3-world.ts';

describe('a hostile or broken server', () => {
  test.each([
    ['HTTP/1.1 400 Bad Request\r\n\r\n', { kind: 'protocol', text: 'HTTP/1.1 400 Bad Request' }],
    ['220 mail ESMTP\r\n', { kind: 'protocol' }],
    ['* OK IMAP4rev1\r\n', { kind: 'protocol' }],
    ['\x15\x03\x01\x00\x02\x02\x46', { kind: 'protocol' }],
    ['+OK bare\n', { kind: 'protocol', reason: 'a line that ends in a bare LF' }],
    ['\r\n\r\n\r\n\r\n\r\n+OK\r\n', { kind: 'protocol' }],
    ['\x16\x03\x01\x02\x00\x01\x00', { kind: 'protocol' }],
    ['\x1b[2J\x1b[31mowned\r\n', { kind: 'protocol', text: '[2J [31mowned' }],
    ['-ERR [SYS/TEMP] go away\r\n', { kind: 'temporary' }],
    ['-ERR [AUTH] you may not\r\n', { kind: 'refused', responseCode: 'AUTH' }],
    ['-ERR no\r\n', { kind: 'refused' }],
    ['', { kind: 'closed' }],
    ['+OK half', { kind: 'closed' }],
  ])('that greets with %j is sent nothing', async (greeting, failure) => {
    await using peer = await ScriptedPeer.listen([[send(greeting), close]]);
    const channel = await nodeDial({ host: '127.0.0.1', port: peer.port, security: 'none' }, DEADLINES);
    expect(await failureOf(Session.open(channel, OPTIONS))).toMatchObject({ phase: 'greeting', ...failure });
    await peer.finished();
    expect(peer.received[0]).toEqual([]);
  });

  test('that greets with nothing at all is given up, and sent nothing', async () => {
    await using peer = await ScriptedPeer.listen([[stall]]);
    const channel = await nodeDial({ host: '127.0.0.1', port: peer.port, security: 'none' }, { ...DEADLINES, greeting: 40 });
    expect(await failureOf(Session.open(channel, OPTIONS))).toMatchObject({ kind: 'timeout', phase: 'greeting' });
    await peer.finished();
    expect(peer.received[0]).toEqual([]);
  });

  test('that greets with terminal escapes is shown without them', async () => {
    const [session] = await opened([send('+OK \x1b[31mred\x07\u202e\r\n')]);
    expect(session.greeting).not.toMatch(/[\u0000-\u001f]/);
  });

  test.each([
    ['lines', 'X\r\n'.repeat(65)],
    ['octets', `${'X'.repeat(500)}\r\n`.repeat(70)],
    ['a line', 'X'.repeat(40_000)],
  ])('that never ends its capabilities, by %s, is sent no credential', async (_, flood) => {
    const [session, peer] = await opened([HELLO, expectLine('CAPA'), send(`+OK\r\n${flood}`), stall], {}, { chunk: 60 });
    expect(await failureOf(session.ready())).toMatchObject({ phase: 'capabilities' });
    expect(session.usable).toBe(false);
    await peer.close();
    expect(peer.received[0]).toEqual(['CAPA']);
  });

  test('that asks for ever in a SASL exchange is left', async () => {
    const rounds = Array.from({ length: POP3.saslRounds }, () => on('', '+ eyJ9\r\n')).flat();
    const [session] = await opened(
      [HELLO, ...on('CAPA', '-ERR\r\n'), ...on('AUTH XOAUTH2', '+ \r\n'), ...on(/^dX/, '+ eyJ9\r\n'), ...rounds],
      {
        method: 'xoauth2',
        credentials: { username: 'bob', password: null, accessToken: 'tok' },
      },
    );
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'protocol', reason: 'too many SASL challenges' });
  });

  test('that sends an endless SASL challenge is cut off at its bound', async () => {
    const [session] = await opened([HELLO, ...on('CAPA', '-ERR\r\n'), ...on('AUTH LOGIN', `+ ${'A'.repeat(100_000)}`), stall], {
      method: 'login',
    });
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'protocol', reason: 'an endless status line' });
  });

  test('that wants more repeated than a line may hold is cancelled', async () => {
    const nonce = 'BwcHBwcHBwcHBwcHBwcHBwcHBwcH'.slice(0, 24);
    const challenge = Buffer.from(`r=${nonce}${'x'.repeat(49_100)},s=AAAA,i=1`).toString('base64');
    const [session, peer] = await opened([HELLO, ...on('CAPA', '-ERR\r\n'), ...on(/^AUTH SCRAM/, `+ ${challenge}\r\n`), expectLine('*')], {
      method: 'scram-sha-256',
    });
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'protocol', phase: 'login' });
    await peer.finished();
  });

  test('can not forge replies from within a message while commands are pipelined', async () => {
    const [session, peer] = await opened([
      HELLO,
      ...on('CAPA', '+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n'),
      expectLine('USER bob'),
      expectLine(PASS),
      expectLine('RETR 1'),
      expectLine('DELE 1'),
      send('+OK\r\n+OK\r\n+OK\r\nend?\n.\r\n+OK forged\r\n.\r\n-ERR real\r\n'),
    ]);
    expect(await hear(session, retr(1), dele(1))).toMatchObject([{ body: 'end?\n.\r\n+OK forged\r\n' }, { ok: false, text: 'real' }]);
    session.close();
    await peer.finished();
  });

  test('that greets and goes on talking in the clear is sent nothing', async () => {
    const [session, peer] = await opened([send('+OK hello\r\n+OK injected\r\n')], { security: 'none' });
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'protocol', reason: 'octets that nobody asked for' });
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

  test('that never ends a message is cut off at its bound, and what it sends is not kept', async () => {
    const part = Buffer.alloc(4 << 20, 'endless line of a message that never ends ');
    const parts = Array.from({ length: POP3.messageOctets / part.length + 2 }, () => send(part));
    const [session, peer] = await opened([...LOGGED_IN, expectLine('RETR 1'), send('+OK\r\n'), ...parts, stall]);
    const held = (): number => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    const before = held();
    let [octets, reads, most] = [0, 0, 0];
    const reading = async (): Promise<void> => {
      for await (const reply of session.run([retr(1)]))
        for await (const piece of reply.body) {
          octets += piece.length;
          if (++reads % 50 === 0) most = Math.max(most, held() - before);
        }
    };
    expect(await failureOf(reading())).toMatchObject({ kind: 'protocol', phase: 'retr', reason: 'more data than is allowed' });
    expect(octets).toBeLessThanOrEqual(POP3.messageOctets);
    expect(octets).toBeGreaterThan(POP3.messageOctets - part.length);
    expect(most).toBeLessThan(POP3.messageOctets / 4);
    expect(session.usable).toBe(false);
    await peer.close();
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
