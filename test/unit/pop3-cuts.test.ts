/**
 * A whole session, pipelined, with its login on trial and one by one, whose server goes away, breaks or falls silent after every single octet; and
 * the same session in single octets. Whatever happens, there is a typed failure, the connection is closed in time, and no
 * credential has been written before its turn.
 */
import { describe, expect, test } from 'vitest';
import { DEADLINES } from '../../src/limits.ts';
import { dele, list, retr, stat, uidl } from '../../src/pop3/command.ts';
import type { Remembered } from '../../src/pop3/remembered.ts';
import { Session } from '../../src/pop3/session.ts';
import { nodeDial } from '../support/node-dial.ts';
import { close, expectLine, reset, ScriptedPeer, send, sendSplit, stall, type Step } from '../support/scripted-peer.ts';
import { failureOf, hear, OPTIONS, PASS } from './pop3-world.ts';

/** What is waited for, in order, and what is answered then. */
type Turn = readonly [lines: readonly string[], answer: string];

const REPLIES = {
  login: ['+OK\r\n', '+OK\r\n'],
  listing: ['+OK 1 9\r\n', '+OK\r\n1 a\r\n.\r\n', '+OK\r\n1 9\r\n.\r\n'],
  message: ['+OK\r\nS: x\r\n\r\n..\r\n.\r\n', '+OK\r\n'],
};
const COMMANDS = { login: ['USER bob', PASS], listing: ['STAT', 'UIDL', 'LIST'], message: ['RETR 1', 'DELE 1'] };

const PIPELINED: readonly Turn[] = [
  [[], '+OK hi\r\n'],
  [['CAPA'], '+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n'],
  [[...COMMANDS.login, ...COMMANDS.listing], [...REPLIES.login, ...REPLIES.listing].join('')],
  [COMMANDS.message, REPLIES.message.join('')],
  [['QUIT'], '+OK\r\n'],
];
const ONE_BY_ONE: readonly Turn[] = [
  [[], '+OK hi\r\n'],
  [['CAPA'], '-ERR\r\n'],
  ...(['login', 'listing', 'message'] as const).flatMap((part) =>
    COMMANDS[part].map((line, at): Turn => [[line], REPLIES[part][at] ?? '']),
  ),
  [['QUIT'], '+OK\r\n'],
];

const sizeOf = (turns: readonly Turn[]): number => turns.reduce((sum, [, answer]) => sum + answer.length, 0);

/** The script that ends after `octets` octets of answers, by `end`. */
function cut(turns: readonly Turn[], octets: number, end: Step): Step[] {
  const steps: Step[] = [];
  let left = octets;
  for (const [lines, answer] of turns) {
    steps.push(...lines.map(expectLine), send(answer.slice(0, left)));
    if (left < answer.length) return [...steps, end];
    left -= answer.length;
  }
  return steps;
}

/** Short enough to wait for, where the server falls silent; elsewhere they only keep the test from hanging. */
const IMPATIENT = { ...DEADLINES, greeting: 100, reply: 100, chunk: 100, behindLogin: 100 };

async function whole(port: number, remembered: Remembered | null, deadlines = DEADLINES): Promise<void> {
  const channel = await nodeDial({ host: '127.0.0.1', port, security: 'none' }, deadlines);
  const session = await Session.open(channel, { ...OPTIONS, remembered });
  try {
    await hear(session, stat(), uidl(), list());
    await hear(session, retr(1), dele(1));
    await session.quit();
  } finally {
    expect(session.usable).toBe(false);
  }
}

const KINDS: Record<string, readonly string[]> = {
  close: ['closed', 'quirk'],
  reset: ['closed', 'reset', 'unreachable', 'quirk'],
  stall: ['timeout', 'quirk'],
};
const ENDS: Record<string, Step> = { close, reset, stall };

describe.each([
  ['pipelined', PIPELINED, OPTIONS.remembered],
  ['pipelined, its login on trial', PIPELINED, null],
  ['one by one', ONE_BY_ONE, null],
])('a session %s', (_, turns, remembered) => {
  test('goes through, whole and octet by octet', async () => {
    for (const write of [send, sendSplit] as const) {
      const script = turns.flatMap(([lines, answer]) => [...lines.map(expectLine), write(answer)]);
      await using peer = await ScriptedPeer.listen([script]);
      await whole(peer.port, remembered);
      await peer.finished();
    }
  });

  test.each(['close', 'reset', 'stall'])('that ends by %s after any octet fails in time and in order', async (end) => {
    const clean = turns.slice(0, 2).reduce((sum, [, answer]) => sum + answer.length, 0);
    const points = Array.from({ length: sizeOf(turns) }, (_unused, at) => at);
    const one = async (at: number): Promise<void> => {
      await using peer = await ScriptedPeer.listen([cut(turns, at, ENDS[end] ?? close)]);
      const failure = (await failureOf(whole(peer.port, remembered, end === 'stall' ? IMPATIENT : DEADLINES))) as { kind: string };
      expect(KINDS[end], `${end} after ${at}: ${JSON.stringify(failure)}`).toContain(failure.kind);
      // The peer's script ends when the client has hung up; a slow machine may lose patience before its turn comes.
      await peer.finished().catch((error: unknown) => expect(end, String(error)).toBe('stall'));
      if (at < clean) expect(peer.received.flat().join()).not.toMatch(/USER|PASS/);
      if (at < (turns[0]?.[1].length ?? 0)) expect(peer.received.flat()).toEqual([]);
    };
    for (let from = 0; from < points.length; from += 16) await Promise.all(points.slice(from, from + 16).map(one));
  });
});
