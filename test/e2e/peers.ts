/**
 * Mail servers as they shouldn't be, each on a port of its own over TLS: those that aren't POP3 at all, those that say
 * nothing, and those that refuse a login for every reason there is.
 */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Maildrop } from '../support/maildrop.ts';
import { type Pop3Server, startPop3Server } from '../support/pop3-server.ts';
import { close, on, ScriptedPeer, send, stall } from '../support/scripted-peer.ts';
import type { World } from './world.ts';

/** What comes in place of a greeting, and the code that it must lead to. */
export const GREETINGS: [string, string | Uint8Array, string][] = [
  ['HTTP', 'HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>', 'upstream_protocol'],
  ['SMTP', '220 mx.example.com ESMTP Postfix\r\n', 'upstream_protocol'],
  ['IMAP', '* OK [CAPABILITY IMAP4rev1] ready.\r\n', 'upstream_protocol'],
  ['SSH', 'SSH-2.0-OpenSSH_9.9\r\n', 'upstream_protocol'],
  ['octets without sense', Buffer.from(Array.from({ length: 512 }, (_, at) => (at * 89 + 7) % 256)), 'upstream_protocol'],
  ['a line without end', 'A'.repeat(200_000), 'upstream_protocol'],
  ['a greeting that ends in a bare LF', '+OK ready\n', 'upstream_protocol'],
  ['two greetings at once', '+OK ready\r\n+OK Welcome\r\n', 'upstream_protocol'],
  ['a refusal', '-ERR [SYS/PERM] No service here.\r\n', 'upstream_refused'],
  ['nothing before it hangs up', '', 'upstream_unreachable'],
];

/** How a login is refused: the words, by the name of the user, and the status and code that they must lead to. */
export const REFUSALS: [string, string, number, string][] = [
  ['wrong', '-ERR [AUTH] Not with these.', 424, 'upstream_auth_failed'],
  ['bare', '-ERR Go away.', 424, 'upstream_auth_failed'],
  ['locked', '-ERR [IN-USE] Another session.', 503, 'mailbox_in_use'],
  ['early', '-ERR [LOGIN-DELAY] Not yet.', 429, 'login_delay'],
  ['temporary', '-ERR [SYS/TEMP] Back soon.', 503, 'upstream_temporary'],
  ['permanent', '-ERR [SYS/PERM] Ask an administrator.', 502, 'upstream_refused'],
  ['nonsense', '220 Go ahead', 502, 'upstream_protocol'],
];

/** A peer that sends this when somebody connects, and then ends. */
export function greeter(world: World, octets: string | Uint8Array): Promise<ScriptedPeer> {
  return world.add(ScriptedPeer.listen([[send(octets), close]], { ...world.certificate, tls: true }));
}

/** A peer that completes TLS and says nothing. */
export function silent(world: World): Promise<ScriptedPeer> {
  return world.add(ScriptedPeer.listen([[stall]], { ...world.certificate, tls: true }));
}

/** A peer that agrees to STLS and never begins it. */
export function hesitant(world: World): Promise<ScriptedPeer> {
  const script = [send('+OK ready\r\n'), ...on('CAPA', '+OK\r\nSTLS\r\nUIDL\r\n.\r\n'), ...on('STLS', '+OK\r\n'), stall];
  return world.add(ScriptedPeer.listen([script]));
}

/** A web server, which waits to be asked. */
export async function webServer(world: World): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer({ ...world.certificate }, (_, response) => response.end('<html>'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const end = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
  };
  return world.add(Promise.resolve({ port: (server.address() as AddressInfo).port, close: end }));
}

/** A server that takes USER and answers PASS as `REFUSALS` says. */
export function refuser(world: World): Promise<Pop3Server> {
  const users = new Map(REFUSALS.map(([name]) => [name, { password: 'never', maildrop: new Maildrop() }]));
  const words = new Map(REFUSALS.map(([name, text]) => [name, `${text}\r\n`]));
  const answer = ({ verb, user }: { verb: string; user: string | null }): string | null =>
    verb === 'PASS' ? (words.get(user ?? '') ?? null) : null;
  return world.add(startPop3Server({ users, tls: world.certificate, hide: ['SASL'], answer }));
}

/** A server that tells whoever is refused what the password was. */
export function gossip(world: World, password: string, hide: 'SASL' | 'USER'): Promise<Pop3Server> {
  const answer = ({ verb }: { verb: string }): string | null =>
    verb === 'AUTH' || verb === 'PASS' ? `-ERR [AUTH] The password ${password} is wrong.\r\n` : null;
  return world.add(startPop3Server({ users: new Map(), tls: world.certificate, hide: [hide], answer }));
}
