/** What an account remembers of its mail server, for how long, and that a server's quirks are got over at once. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PIPELINE } from '../../src/limits.ts';
import { doubt, recall, remember, type ServerMemory, targetKey } from '../../src/mailbox/server-memory.ts';
import { parseCapabilities } from '../../src/pop3/capabilities.ts';
import { afterQuirk, NOTHING_REMEMBERED, type Remembered } from '../../src/pop3/remembered.ts';
import { close, expectLine, on, ScriptedPeer, send, type Step } from '../support/scripted-peer.ts';
import { nodeMailbox, OPERATOR, settingsFor, valueOf } from '../support/node-mailbox.ts';

const REMEMBERED: Remembered = {
  asked: true,
  capabilities: parseCapabilities(['TOP', 'PIPELINING']),
  settled: true,
  pipelining: 'yes',
  behindLogin: 'yes',
};
const at = (change: Partial<Remembered> = {}): ServerMemory => ({
  target: 'tls:a:995',
  remembered: { ...REMEMBERED, ...change },
  askedAt: 1_000,
  judgedAt: 1_000,
});

describe('a memory', () => {
  test('holds for its target alone', () => {
    expect(targetKey({ host: 'a', port: 995, security: 'tls' })).toBe('tls:a:995');
    expect(recall(at(), 'tls:a:995', 1_000)).toEqual(REMEMBERED);
    expect(recall(at(), 'starttls:a:995', 1_000)).toBeNull();
    expect(recall(null, 'tls:a:995', 1_000)).toBeNull();
  });

  test('of capabilities is asked again after a day, or where the server hung up instead; of a refusal after some', () => {
    const day = 1_000 + PIPELINE.capabilitiesTime;
    expect(recall(at(), 'tls:a:995', day)).toEqual({
      ...NOTHING_REMEMBERED,
      pipelining: 'yes',
      behindLogin: 'yes',
    });
    const refused = at({ capabilities: null, settled: false });
    expect(recall(refused, 'tls:a:995', day)).toMatchObject({ asked: true });
    expect(recall(refused, 'tls:a:995', 1_000 + PIPELINE.brokenTime)).toMatchObject({ asked: false });
    const hungUp = at(afterQuirk(null, 'capa'));
    expect(recall(hungUp, 'tls:a:995', day - 1)).toMatchObject({ asked: true, capabilities: null });
    expect(recall(hungUp, 'tls:a:995', day)).toMatchObject({ asked: false });
  });

  test('of broken pipelining fades', () => {
    const pipelining = (known: Remembered['pipelining'], time: number) =>
      recall(at({ pipelining: known }), 'tls:a:995', 1_000 + time)?.pipelining;
    expect([pipelining('no', PIPELINE.brokenTime - 1), pipelining('no', PIPELINE.brokenTime)]).toEqual(['no', 'unknown']);
    expect([pipelining('suspect', PIPELINE.suspectTime - 1), pipelining('suspect', PIPELINE.suspectTime)]).toEqual(['suspect', 'yes']);
  });

  test('of what a server loses behind a login fades too, and is kept when the rest is asked again', () => {
    const behindLogin = (known: Remembered['behindLogin'], time: number) =>
      recall(at({ behindLogin: known }), 'tls:a:995', 1_000 + time)?.behindLogin;
    expect([behindLogin('no', PIPELINE.brokenTime - 1), behindLogin('no', PIPELINE.brokenTime)]).toEqual(['no', 'unknown']);
    expect([behindLogin('yes', PIPELINE.brokenTime), behindLogin('unknown', 0)]).toEqual(['yes', 'unknown']);
    const kept = { ...REMEMBERED, behindLogin: 'no' } as const;
    expect(remember(at(), 'tls:a:995', { remembered: kept, asked: false }, 9_000)).toMatchObject({ judgedAt: 9_000, remembered: kept });
  });

  test('that an earlier version stored is read, and keeps its times', () => {
    const { behindLogin: _, ...remembered } = REMEMBERED;
    const old = { ...at(), remembered } as ServerMemory;
    expect(recall(old, 'tls:a:995', 2_000)).toEqual({ ...REMEMBERED, behindLogin: 'unknown' });
    const learned = { ...REMEMBERED, behindLogin: 'unknown' } as const;
    expect(remember(old, 'tls:a:995', { remembered: learned, asked: false }, 9_000)).toMatchObject({ askedAt: 1_000, judgedAt: 1_000 });
    const upstream = { phase: 'tls', responseCode: null, text: null };
    expect(doubt(old, { kind: 'upstream_unreachable', definite: false, retryAfterSeconds: null, upstream }).remembered.behindLogin).toBe(
      'unknown',
    );
  });

  test('keeps its times where nothing new was learned', () => {
    expect(remember(at(), 'tls:a:995', { remembered: REMEMBERED, asked: false }, 9_000)).toEqual(at());
    expect(remember(at(), 'tls:a:995', { remembered: REMEMBERED, asked: true }, 9_000)).toMatchObject({ askedAt: 9_000, judgedAt: 1_000 });
    const broken = { ...REMEMBERED, pipelining: 'no' } as const;
    expect(remember(at(), 'tls:a:995', { remembered: broken, asked: false }, 9_000)).toMatchObject({ askedAt: 1_000, judgedAt: 9_000 });
    expect(remember(at(), 'tls:b:995', { remembered: REMEMBERED, asked: false }, 9_000)).toMatchObject({ askedAt: 9_000, judgedAt: 9_000 });
  });

  test('is doubted where a login failed for a reason that may lie in it', () => {
    const failed = (kind: 'upstream_auth_failed' | 'login_delay' | 'upstream_unreachable', definite: boolean, phase: string) =>
      doubt(at(), { kind, definite, retryAfterSeconds: null, upstream: { phase, responseCode: null, text: null } }).remembered.asked;
    expect(failed('upstream_auth_failed', false, 'login')).toBe(false);
    expect(failed('upstream_unreachable', false, 'tls')).toBe(false);
    expect(failed('upstream_auth_failed', true, 'login')).toBe(true);
    expect(failed('login_delay', false, 'login')).toBe(true);
    expect(failed('upstream_unreachable', false, 'retr')).toBe(true);
  });
});

describe('an account', () => {
  let peer: ScriptedPeer | null = null;
  beforeEach(() => {
    peer = null;
  });
  afterEach(async () => {
    await peer?.close();
  });

  const CAPA = on('CAPA', '+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\n.\r\n');
  const LOGIN = [...on('USER ann', '+OK\r\n'), ...on('PASS secret', '+OK\r\n')];
  const LISTING = [expectLine('STAT'), expectLine('UIDL'), expectLine('LIST')];
  const ONE_BY_ONE = [...on('STAT', '+OK 0 0\r\n'), ...on('UIDL', '+OK\r\n.\r\n'), ...on('LIST', '+OK\r\n.\r\n'), ...on('QUIT', '+OK\r\n')];
  /** What is asked once a listing was believed, and the maildrop was empty: nothing has changed. */
  const AGAIN = on('STAT', '+OK 0 0\r\n');
  const EMPTY = send('+OK 0 0\r\n+OK\r\n.\r\n+OK\r\n.\r\n');
  const QUIT = on('QUIT', '+OK\r\n');
  const HELLO = send('+OK\r\n');

  async function syncs(scripts: Step[][], count: number): Promise<string[][]> {
    peer = await ScriptedPeer.listen(scripts);
    const box = nodeMailbox();
    valueOf(await box.service.create(box.id, settingsFor(peer.port, { pollSeconds: 0 }), false, null));
    for (let sync = 0; sync < count; sync++) {
      valueOf(await box.service.sync(OPERATOR));
      // Nothing but rows carries it over.
      box.restart();
      box.advance(3_600_000);
    }
    const view = valueOf(await box.service.account(OPERATOR));
    expect(Object.keys(view.server)).not.toContain('memory');
    await peer.close();
    await peer.finished();
    return peer.received.map((lines) => [...lines]);
  }

  test('asks for the capabilities once', async () => {
    const cold = [HELLO, ...CAPA, ...LOGIN, ...LISTING, EMPTY, ...QUIT];
    const warm = [HELLO, ...LOGIN, ...AGAIN, ...QUIT];
    expect(await syncs([cold, warm, warm], 3)).toHaveLength(3);
  });

  test('gets over a server that drops the line at pipelined commands, and remembers it', async () => {
    const drops = [HELLO, ...CAPA, ...LOGIN, ...LISTING, send('+OK 0 0\r\n'), close];
    const patient = [HELLO, ...LOGIN, ...ONE_BY_ONE];
    expect(await syncs([drops, patient, [HELLO, ...LOGIN, ...AGAIN, ...QUIT]], 2)).toHaveLength(3);
  });

  test('gets over a server that hangs up at CAPA, and remembers it', async () => {
    const hangsUp = [HELLO, expectLine('CAPA'), close];
    const patient = [HELLO, ...LOGIN, ...ONE_BY_ONE];
    expect(await syncs([hangsUp, patient, [HELLO, ...LOGIN, ...AGAIN, ...QUIT]], 2)).toHaveLength(3);
  });
});
