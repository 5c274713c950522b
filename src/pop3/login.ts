/** One login over a conversation: USER and PASS, APOP (RFC 1939 §7) or a SASL exchange (RFC 5034 §4). Tried once. */
import { POP3 } from '../limits.ts';
import { auth, type Command, fitsInitial, fitsResponse, saslCancel, saslEnd, saslResponse } from './command.ts';
import type { Conversation } from './conversation.ts';
import type { Login } from './credentials.ts';
import { Pop3Error, protocolError } from './error.ts';
import { failureOf, isContinuation, parseStatus, type Status } from './reply.ts';
import { decodeBase64 } from './sasl/base64.ts';
import type { Secrets } from './secrets.ts';

/** The commands that make up a login, if they may be written at once; null where an answer decides what comes next. */
export function flightOf(login: Login): readonly Command[] | null {
  if (login.kind === 'commands') return login.commands;
  const { mechanism, before } = login;
  const initial = mechanism.oneStep ? mechanism.start() : null;
  return initial !== null && fitsInitial(mechanism.name, initial) ? [...before, auth(mechanism.name, initial)] : null;
}

/** Whether the last that is written for a login is answered yes or no, so that other commands may be written behind it. */
export function endsInFlight(login: Login): boolean {
  return login.kind === 'commands' || login.mechanism.proved !== undefined || flightOf(login) !== null;
}

/** Logs in, waiting for each answer, or throws: `auth` and its relatives for a refusal, `protocol`, `closed`, the channel's error. */
export async function logIn(conversation: Conversation, login: Login): Promise<void> {
  const last = login.kind === 'commands' ? login.commands : await exchange(conversation, login, false);
  for (const command of last) accept(command, (await conversation.ask(command)).status, conversation.secrets);
}

/**
 * Does what must be waited for of a login that `endsInFlight`, and returns what is left to write and to be answered yes or no.
 * Throws as `logIn` does.
 */
export async function allButLast(conversation: Conversation, login: Login): Promise<readonly Command[]> {
  if (login.kind === 'commands') return login.commands;
  return flightOf(login) ?? exchange(conversation, login, true);
}

/** Throws the failure that the answer to a login's command stands for, unless it is positive. */
export function accept({ verb }: Pick<Command, 'verb'>, status: Status, secrets: Secrets): void {
  // Without UTF8 the octets go out all the same, as they do to servers that don't know it.
  if (!status.ok && verb !== 'UTF8') throw new Pop3Error(failureOf(status, 'login', secrets, true));
}

/** A SASL exchange to its end or, with `holdLast`, to where the server has proved itself and waits for no more than an empty line. */
async function exchange(conversation: Conversation, login: Extract<Login, { kind: 'sasl' }>, holdLast: boolean): Promise<Command[]> {
  const { mechanism, before } = login;
  for (const command of before) accept(command, (await conversation.ask(command)).status, conversation.secrets);
  const initial = mechanism.start();
  const inline = initial !== null && fitsInitial(mechanism.name, initial);
  let line = await conversation.exchange(auth(mechanism.name, inline ? initial : null));
  for (let round = 0; isContinuation(line); round++) {
    if (round === POP3.saslRounds) throw protocolError('login', 'too many SASL challenges');
    const challenge = challengeIn(line);
    // A server that asks for nothing in particular wants the initial response, even if it was already on the line.
    const wantsInitial = round === 0 && initial !== null && (!inline || challenge?.length === 0);
    const response = challenge && (wantsInitial ? initial : await mechanism.respond(challenge));
    // What a server asks to be repeated may make it too long: a nonce of SCRAM.
    if (response === null || !fitsResponse(response)) {
      await conversation.tell(saslCancel());
      throw protocolError('login', 'a SASL challenge that can not be answered');
    }
    if (holdLast && mechanism.proved?.()) return [saslEnd()];
    line = await conversation.exchange(saslResponse(response));
  }
  accept({ verb: 'AUTH' }, parseStatus(line, 'login'), conversation.secrets);
  if (!mechanism.complete()) throw protocolError('login', 'a login accepted before its exchange was complete');
  return [];
}

/** The octets behind `+`, whose space some servers leave out, or null if they aren't base64. */
function challengeIn(line: Uint8Array): Uint8Array | null {
  return decodeBase64(new TextDecoder('latin1').decode(line.subarray(1)).trim());
}
