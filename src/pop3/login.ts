/**
 * One login over a conversation: USER and PASS, APOP (RFC 1939 §7) or a SASL exchange (RFC 5034 §4). Tried once.
 * What the server says of a refusal is dropped if it repeats a secret.
 */
import { POP3 } from '../limits.ts';
import { auth, type Command, fitsInitial, saslCancel, saslResponse } from './command.ts';
import type { Conversation } from './conversation.ts';
import type { Login } from './credentials.ts';
import { Pop3Error, protocolError } from './error.ts';
import { failureOf, isContinuation, mentions, parseStatus, type Status } from './reply.ts';
import { decodeBase64, encodeBase64 } from './sasl/base64.ts';
import type { Mechanism } from './sasl/mechanism.ts';

/** The commands that make up a login, if others may be written behind them; null where an answer decides what comes next. */
export function flightOf(login: Login): readonly Command[] | null {
  if (login.kind === 'commands') return login.commands;
  const { mechanism } = login;
  const initial = mechanism.oneStep ? mechanism.start() : null;
  return initial !== null && fitsInitial(mechanism.name, initial) ? [auth(mechanism.name, initial)] : null;
}

/** Logs in, waiting for each answer, or throws: `auth` and its relatives for a refusal, `protocol`, `closed`, the channel's error. */
export async function logIn(conversation: Conversation, login: Login): Promise<void> {
  if (login.kind === 'sasl') return exchange(conversation, login.mechanism, login.secrets);
  for (const command of login.commands) accept(command, (await conversation.ask(command)).status, login.secrets);
}

/** Throws the failure that the answer to a login's command stands for, unless it is positive. */
export function accept({ verb }: Pick<Command, 'verb'>, status: Status, secrets: readonly string[]): void {
  // Without UTF8 the octets go out all the same, as they do to servers that don't know it.
  if (status.ok || verb === 'UTF8') return;
  const failure = failureOf(status, 'login', true);
  throw new Pop3Error(mentions(status, secrets) ? { ...failure, text: null } : failure);
}

async function exchange(conversation: Conversation, mechanism: Mechanism, secrets: readonly string[]): Promise<void> {
  const initial = mechanism.start();
  const inline = initial !== null && fitsInitial(mechanism.name, initial);
  const sent = initial === null ? [] : [initial];
  let line = await conversation.exchange(auth(mechanism.name, inline ? initial : null));
  for (let round = 0; isContinuation(line); round++) {
    if (round === POP3.saslRounds) throw protocolError('login', 'too many SASL challenges');
    const challenge = challengeIn(line);
    // A server that asks for nothing in particular wants the initial response, even if it was already on the line.
    const wantsInitial = round === 0 && initial !== null && (!inline || challenge?.length === 0);
    const response = challenge && (wantsInitial ? initial : await mechanism.respond(challenge));
    if (response === null) {
      await conversation.tell(saslCancel());
      throw protocolError('login', 'a SASL challenge that can not be answered');
    }
    sent.push(response);
    line = await conversation.exchange(saslResponse(response));
  }
  const status = parseStatus(line, 'login');
  accept({ verb: 'AUTH' }, status, [...secrets, ...sent.map(encodeBase64)]);
  if (!mechanism.complete()) throw protocolError('login', 'a login accepted before its exchange was complete');
}

/** The octets behind `+`, whose space some servers leave out, or null if they aren't base64. */
function challengeIn(line: Uint8Array): Uint8Array | null {
  return decodeBase64(new TextDecoder('latin1').decode(line.subarray(1)).trim());
}
