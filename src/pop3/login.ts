/**
 * One login over a conversation: USER and PASS (RFC 1939 §7) or a SASL exchange (RFC 5034 §4). Tried once.
 * What the server says of a refusal is dropped if it repeats a secret.
 */
import { POP3 } from '../limits.ts';
import { auth, fitsInitial, pass, saslCancel, saslResponse, user } from './command.ts';
import type { Conversation } from './conversation.ts';
import type { Login } from './credentials.ts';
import { Pop3Error, protocolError } from './error.ts';
import { failureOf, isContinuation, mentions, parseStatus, type Status } from './reply.ts';
import { decodeBase64, encodeBase64 } from './sasl/base64.ts';
import type { Mechanism } from './sasl/mechanism.ts';

/** Logs in or throws: `auth` and its relatives for a refusal, `protocol`, `closed`, the channel's error. */
export async function logIn(conversation: Conversation, login: Login): Promise<void> {
  if (login.kind === 'sasl') return exchange(conversation, login.mechanism);
  for (const command of [user(login.username), pass(login.password)]) {
    const { status } = await conversation.ask(command);
    accept(status, [login.password]);
  }
}

async function exchange(conversation: Conversation, mechanism: Mechanism): Promise<void> {
  const initial = mechanism.start();
  const inline = initial !== null && fitsInitial(mechanism.name, initial);
  const sent = initial === null ? [] : [initial];
  let pending = inline ? null : initial;
  let line = await conversation.exchange(auth(mechanism.name, inline ? initial : null));
  for (let round = 0; isContinuation(line); round++) {
    if (round === POP3.saslRounds) throw protocolError('login', 'too many SASL challenges');
    const challenge = challengeIn(line);
    const response = challenge && (pending ?? (await mechanism.respond(challenge)));
    pending = null;
    if (response === null) {
      await conversation.tell(saslCancel());
      throw protocolError('login', 'a SASL challenge that can not be answered');
    }
    sent.push(response);
    line = await conversation.exchange(saslResponse(response));
  }
  accept(parseStatus(line, 'login'), sent.map(encodeBase64));
}

function accept(status: Status, secrets: readonly string[]): void {
  if (status.ok) return;
  const failure = failureOf(status, 'login', true);
  throw new Pop3Error(mentions(status, secrets) ? { ...failure, text: null } : failure);
}

/** The octets behind `+`, whose space some servers leave out, or null if they aren't base64. */
function challengeIn(line: Uint8Array): Uint8Array | null {
  return decodeBase64(new TextDecoder('latin1').decode(line.subarray(1)).trim());
}
