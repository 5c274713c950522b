/** TLS from the first octet and by STLS (RFC 2595), over real sockets, with servers that try to prevent or pollute it. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DEADLINES } from '../../src/limits.ts';
import { parseCapabilities } from '../../src/pop3/capabilities.ts';
import { stat } from '../../src/pop3/command.ts';
import type { Remembered } from '../../src/pop3/remembered.ts';
import { Session } from '../../src/pop3/session.ts';
import { createAuthority, type Authority, type ServerCertificate } from '../support/certificates.ts';
import { nodeDial } from '../support/node-dial.ts';
import { expectLine, on, ScriptedPeer, send, stall, startTls, type Step } from '../support/scripted-peer.ts';

let authority: Authority;
let certificate: ServerCertificate;
beforeAll(async () => {
  authority = await createAuthority();
  certificate = await authority.issue();
});

const peers: ScriptedPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
});

const HELLO = send('+OK clear hello\r\n');
const CAPA_STLS = on('CAPA', '+OK\r\nSTLS\r\nX-CLEAR\r\n.\r\n');
const LOGIN: Step[] = [...on('USER bob', '+OK\r\n'), ...on('PASS secret', '+OK\r\n')];

async function open(
  script: readonly Step[],
  security: 'tls' | 'starttls',
  options: { cert?: ServerCertificate; ca?: string; deadlines?: object; remembered?: Remembered } = {},
) {
  const peer = await ScriptedPeer.listen([script], { ...(options.cert ?? certificate), tls: security === 'tls' });
  peers.push(peer);
  const deadlines = { ...DEADLINES, ...options.deadlines };
  const session = (async () => {
    const channel = await nodeDial({ host: 'localhost', port: peer.port, security }, deadlines, { ca: options.ca ?? authority.ca });
    return Session.open(channel, {
      security,
      credentials: { username: 'bob', password: 'secret', accessToken: null },
      method: 'user',
      remembered: options.remembered ?? null,
      random: () => new Uint8Array(),
    });
  })();
  return { peer, session };
}

describe('TLS from the first octet', () => {
  test('carries a session', async () => {
    const { peer, session } = await open([HELLO, ...on('CAPA', '-ERR\r\n'), ...LOGIN, ...on('STAT', '+OK 1 2\r\n')], 'tls');
    for await (const reply of (await session).run([stat()])) expect(reply.text).toBe('1 2');
    (await session).close();
    await peer.finished();
  });

  test('is not made with a certificate that nobody vouches for, or for somebody else', async () => {
    const stranger = await createAuthority();
    const other = await authority.issue({ names: ['elsewhere.example'], onlyNames: true });
    for (const options of [{ ca: stranger.ca }, { cert: other }]) {
      const { peer, session } = await open([HELLO], 'tls', options);
      await expect(session).rejects.toMatchObject({ failure: { kind: 'unreachable' } });
      expect(peer.received.flat()).toEqual([]);
    }
  });
});

describe('STLS', () => {
  test('forgets everything from before and logs in inside TLS, where blank lines do no harm', async () => {
    const { peer, session } = await open(
      [HELLO, ...CAPA_STLS, ...on('STLS', '+OK go\r\n'), startTls, ...on('CAPA', '+OK\r\nX-SAFE\r\n.\r\n\r\n'), ...LOGIN],
      'starttls',
    );
    const open_ = await session;
    expect([open_.greeting, open_.capabilities]).toEqual(['', null]);
    await open_.ready();
    expect(open_.capabilities?.names).toEqual(['X-SAFE']);
    open_.close();
    await peer.finished();
  });

  test('is all that is written before TLS, and the login is one flight behind it, where a server is remembered', async () => {
    const remembered = {
      asked: true,
      capabilities: parseCapabilities(['TOP', 'UIDL', 'USER', 'PIPELINING']),
      settled: true,
      pipelining: 'yes',
      behindLogin: 'unknown',
    } as const;
    const flight = ['USER bob', 'PASS secret'].map(expectLine);
    const { peer, session } = await open(
      [HELLO, ...on('STLS', '+OK go\r\n'), startTls, ...flight, send('+OK\r\n+OK\r\n'), ...on('STAT', '+OK 1 2\r\n')],
      'starttls',
      { remembered },
    );
    for await (const reply of (await session).run([stat()])) expect(reply.text).toBe('1 2');
    (await session).close();
    await peer.finished();
  });

  test('that a remembered server refuses, or answers with more, ends the attempt without a credential', async () => {
    const remembered = { asked: true, capabilities: null, settled: true, pipelining: 'yes', behindLogin: 'yes' } as const;
    for (const answer of ['-ERR no\r\n', '+OK\r\n+OK\r\n']) {
      const { peer, session } = await open([HELLO, ...on('STLS', answer)], 'starttls', { remembered });
      await expect(session).rejects.toMatchObject({ failure: { phase: 'tls' } });
      await peer.close();
      expect(peer.received).toEqual([['STLS']]);
    }
  });

  test('is tried where a server does not tell its capabilities', async () => {
    const { peer, session } = await open(
      [HELLO, ...on('CAPA', '-ERR\r\n'), ...on('STLS', '+OK\r\n'), startTls, ...on('CAPA', '-ERR\r\n'), ...LOGIN],
      'starttls',
    );
    await (await session).ready();
    (await session).close();
    await peer.finished();
  });

  test.each<[string, Step[], object]>([
    ['is not offered', on('CAPA', '+OK\r\nUSER\r\n.\r\n'), { kind: 'unsupported', phase: 'tls' }],
    ['is refused', [...CAPA_STLS, ...on('STLS', '-ERR no\r\n')], { kind: 'refused', phase: 'tls' }],
    ['is followed by octets in the clear', [...CAPA_STLS, ...on('STLS', '+OK\r\n+OK injected\r\n')], { kind: 'protocol', phase: 'tls' }],
    ['is preceded by octets nobody asked for', on('CAPA', '+OK\r\nSTLS\r\n.\r\n+OK injected\r\n'), { kind: 'protocol', phase: 'tls' }],
    ['is answered by silence instead of TLS', [...CAPA_STLS, ...on('STLS', '+OK\r\n'), stall], { kind: 'timeout', phase: 'tls' }],
    [
      'is answered by something else than TLS',
      [...CAPA_STLS, ...on('STLS', '+OK\r\n'), expectLine(/./), send('+OK\r\n')],
      { phase: 'tls' },
    ],
  ])('that %s ends the attempt without a credential', async (_, script, failure) => {
    const { peer, session } = await open([HELLO, ...script], 'starttls', { deadlines: { connect: 200 } });
    await expect(session).rejects.toMatchObject({ failure });
    await peer.close();
    expect(peer.received.flat().join()).not.toMatch(/USER|PASS|secret/);
  });

  test('does not accept a certificate that nobody vouches for', async () => {
    const stranger = await createAuthority();
    const { session } = await open([HELLO, ...CAPA_STLS, ...on('STLS', '+OK\r\n'), startTls], 'starttls', { ca: stranger.ca });
    await expect(session).rejects.toMatchObject({ failure: { kind: 'reset', phase: 'tls' } });
  });
});
