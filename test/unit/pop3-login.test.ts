/** Logins: what is written, what a refusal means, and that no secret comes back in a failure. */
import { describe, expect, test } from 'vitest';
import { stat } from '../../src/pop3/command.ts';
import { expectLine, on, send } from '../support/scripted-peer.ts';
import { failureOf, hear, HELLO, LOGGED_IN, NO_CAPA, opened, PASS } from './pop3-world.ts';

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
    [Buffer.from('-ERR pässword is wrong\r\n').toString('latin1'), { kind: 'auth', text: null }],
    ['pässword\r\n', { kind: 'protocol', text: null }],
  ])('that is answered %j fails once and for all', async (answer, failure) => {
    const [session, peer] = await opened([HELLO, ...CAPA_PLAIN, ...on(`AUTH PLAIN ${initial}`, answer)], auto);
    expect(await failureOf(session.ready())).toMatchObject({ phase: 'login', ...failure });
    expect([session.usable, session.loggedIn]).toEqual([false, false]);
    await peer.finished();
    expect(peer.received[0]).toEqual(['CAPA', `AUTH PLAIN ${initial}`]);
  });

  test.each([
    ['commands', 'SASL PLAIN', [expectLine(`AUTH PLAIN ${initial}`)], `-ERR what is AUTH PLAIN ${initial}?\r\n`],
    ['commands, cut short', 'SASL PLAIN', [expectLine(`AUTH PLAIN ${initial}`)], `-ERR what is auth plain ${initial.slice(0, 16)}?\r\n`],
    ['the password', 'USER', [expectLine('USER bob'), expectLine(PASS)], `+OK\r\n-ERR ${PASS}?\r\n`],
  ])('that is written in one flight keeps what it holds out of the refusal, where that repeats %s', async (_, offered, lines, answer) => {
    const capa = on('CAPA', `+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\n${offered}\r\n.\r\n`);
    const [session] = await opened([HELLO, ...capa, ...lines, expectLine('STAT'), send(answer)], auto);
    expect(await failureOf(hear(session, stat()))).toMatchObject({ kind: 'auth', phase: 'login', text: null });
  });

  test('by APOP that is refused keeps its digest out of the refusal', async () => {
    const line = 'APOP mrose c4c9334bac560ecc979e58001b3e22fb';
    const script = [send('+OK <1896.697170952@dbc.mtview.ca.us>\r\n'), ...NO_CAPA, ...on(line, `-ERR ${line}?\r\n`)];
    const [session] = await opened(script, {
      method: 'apop',
      credentials: { username: 'mrose', password: 'tanstaaf', accessToken: null },
    });
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'auth', text: null });
  });

  test('that went well keeps what it held out of what is no reply, too', async () => {
    const login = [...CAPA_PLAIN, ...on(`AUTH PLAIN ${initial}`, '+OK\r\n'), ...on('CAPA', '-ERR\r\n')];
    const script = [HELLO, ...login, ...on('STAT', `AUTH PLAIN ${initial}\r\n`)];
    const [session] = await opened(script, auto);
    expect(await failureOf(hear(session, stat()))).toMatchObject({ kind: 'protocol', phase: 'stat', text: null });
  });

  test('by USER and PASS that is refused says so, without the password', async () => {
    const [session] = await opened([HELLO, ...NO_CAPA, ...on('USER bob', '+OK\r\n'), ...on(PASS, `-ERR ${PASS.slice(5)} is wrong\r\n`)]);
    expect(await failureOf(session.ready())).toMatchObject({ kind: 'auth', definite: false, text: null });
  });

  test('that went well keeps the password out of later refusals too', async () => {
    const [session] = await opened([...LOGGED_IN, ...on('STAT', `-ERR ${PASS}?\r\n`), ...on('STAT', '-ERR other\r\n')]);
    const texts: (string | null | undefined)[] = [];
    for await (const reply of session.run([stat(), stat()])) texts.push(reply.failure?.text);
    expect(texts).toEqual([null, 'other']);
  });

  test('that went well keeps the password out of the names of capabilities', async () => {
    const announced = on('CAPA', '+OK\r\nTOP\r\nUSER\r\n.\r\n');
    const login = [...on('USER bob', '+OK\r\n'), ...on('PASS open-sesame', '+OK\r\n')];
    const script = [
      HELLO,
      ...announced,
      ...login,
      ...on('CAPA', '+OK\r\nUIDL\r\nOPEN-SESAME\r\nXPASS=open-sesame\r\n.\r\n'),
      ...on('STAT', '+OK 0 0\r\n'),
    ];
    const [session] = await opened(script, { credentials: { username: 'bob', password: 'open-sesame', accessToken: null } });
    await hear(session, stat());
    expect(session.capabilities?.names).toEqual(['TOP', 'USER', 'UIDL']);
    expect(session.remembered.capabilities).toMatchObject({ names: ['TOP', 'USER', 'UIDL'], uidl: true });
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
