/** What the tests of sessions share: a scripted server, a session with it, and what was heard. */
import { afterEach } from 'vitest';
import { DEADLINES } from '../../src/limits.ts';
import type { Command } from '../../src/pop3/command.ts';
import { NOTHING_REMEMBERED } from '../../src/pop3/remembered.ts';
import { Session, type SessionOptions } from '../../src/pop3/session.ts';
import { nodeDial } from '../support/node-dial.ts';
import { on, ScriptedPeer, send, type Step } from '../support/scripted-peer.ts';

export const OPTIONS: SessionOptions = {
  security: 'tls',
  credentials: { username: 'bob', password: 'pässword', accessToken: null },
  method: 'user',
  // Whether a server keeps what comes behind a login is a story of its own: pop3-login-trial.test.ts.
  remembered: { ...NOTHING_REMEMBERED, behindLogin: 'yes' },
  random: (count) => new Uint8Array(count).fill(7),
};
export const HELLO = send('+OK hello\r\n');
export const NO_CAPA = on('CAPA', '-ERR what?\r\n');
export const PASS = Buffer.from('PASS pässword').toString('latin1');
/** Greeting and login by USER and PASS, CAPA unknown. */
export const LOGGED_IN: Step[] = [HELLO, ...NO_CAPA, ...on('USER bob', '+OK\r\n'), ...on(PASS, '+OK in\r\n')];

const disposables: { close(): unknown }[] = [];
afterEach(async () => {
  for (const it of disposables.splice(0)) await it.close();
});

/** A peer that follows `script`, and a session that has read its greeting. The bytes are what matters: no TLS here. */
export async function opened(
  script: readonly Step[],
  options: Partial<SessionOptions> = {},
  deadlines = {},
): Promise<[Session, ScriptedPeer]> {
  const peer = await ScriptedPeer.listen([script]);
  disposables.push(peer);
  const target = { host: '127.0.0.1', port: peer.port, security: 'none' } as const;
  const channel = await nodeDial(target, { ...DEADLINES, ...deadlines });
  disposables.unshift(channel);
  return [await Session.open(channel, { ...OPTIONS, ...options }), peer];
}

export interface Heard {
  verb: string;
  ok: boolean;
  text: string;
  body: string;
  failure: string | null;
}

/** Runs `commands` and collects their replies, bodies as text whose characters are octets. */
export async function hear(session: Session, ...commands: Command[]): Promise<Heard[]> {
  const heard: Heard[] = [];
  for await (const reply of session.run(commands)) {
    let body = '';
    for await (const octets of reply.body) body += Buffer.from(octets).toString('latin1');
    heard.push({ verb: reply.command.verb, ok: reply.ok, text: reply.text, body, failure: reply.failure?.kind ?? null });
  }
  return heard;
}

/** The failure that `work` ends with. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  return (error as { failure?: unknown } | null)?.failure ?? error;
}
