/**
 * Every line that is ever written to a server is made here (RFC 1939 §3, RFC 2449 §4, RFC 5034 §4).
 * An argument with a control character is refused whatever it is for, so that no argument can become a second
 * command; the error names neither the argument nor its value. Numbers are positive integers.
 */
import { POP3 } from '../limits.ts';
import type { Phase } from './channel.ts';
import { encodeBase64 } from './sasl/base64.ts';

export type Verb =
  | 'CAPA'
  | 'STLS'
  | 'AUTH'
  | 'USER'
  | 'PASS'
  | 'APOP'
  | 'UTF8'
  | 'STAT'
  | 'LIST'
  | 'UIDL'
  | 'TOP'
  | 'RETR'
  | 'DELE'
  | 'NOOP'
  | 'QUIT';

export interface Command {
  readonly verb: Verb;
  readonly phase: Phase;
  /** The whole line with its CRLF. */
  readonly octets: Uint8Array;
  /** The message that is meant, if one is. */
  readonly number: number | null;
  /** Whether a positive reply is followed by data. */
  readonly multiline: boolean;
  /** How much data may be delivered; 0 for a single line. */
  readonly limitOctets: number;
  /** Beyond that limit: the server breaks the protocol, or the data is cut there and the rest thrown away. */
  readonly beyondLimit: 'fail' | 'cut';
  /** About how much data is to come, where that is known. A hint, never framing. */
  readonly expectedOctets: number | null;
  /** The argument that no text may repeat, if one is. */
  readonly secret: string | null;
}

/** What is said of a line that won't be written. A bug or an attack, never a server's fault. */
export class CommandError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'CommandError';
  }
}

/** Asks what the server can do (RFC 2449 §5). */
export const capa = (): Command => many('CAPA', 'capabilities', [], { limitOctets: POP3.capabilityOctets });
/** Begins TLS (RFC 2595 §4). */
export const stls = (): Command => one('STLS', 'tls');
/** How many messages there are, and their octets. */
export const stat = (): Command => one('STAT', 'stat');
/** Does nothing but keep the session alive (RFC 1939 §5). */
export const noop = (): Command => one('NOOP', 'noop');
/** Ends the session: what was marked is deleted now (RFC 1939 §6). */
export const quit = (): Command => one('QUIT', 'quit');

/** Deletes message `number` when the session ends with QUIT (RFC 1939 §6). */
export const dele = (number: number): Command => one('DELE', 'dele', [natural(number)], number);

/** The sizes of all messages, or of message `number`. */
export const list = (number?: number): Command => listing('LIST', 'list', number);

/** The unique-ids of all messages, or of message `number`. */
export const uidl = (number?: number): Command => listing('UIDL', 'uidl', number);

/** The header block of message `number` and `lines` lines of its body. What exceeds `POP3.topOctets` is cut off. */
export function top(number: number, lines: number): Command {
  if (!Number.isSafeInteger(lines) || lines < 0) throw new CommandError('a number of lines must be an integer from 0 on');
  return many('TOP', 'top', [natural(number), String(lines)], { limitOctets: POP3.topOctets, beyondLimit: 'cut' }, number);
}

/** Message `number` whole. `expectedOctets` is its size by LIST, if known. */
export function retr(number: number, expectedOctets: number | null = null): Command {
  return many('RETR', 'retr', [natural(number)], { limitOctets: POP3.messageOctets, expectedOctets }, number);
}

/** Says who logs in. */
export const user = (name: string): Command => one('USER', 'login', [name]);

/** Logs in; spaces belong to the password (RFC 1939 §7 PASS). */
export const pass = (password: string): Command => ({ ...one('PASS', 'login', [password]), secret: password });

/** Logs in by name and digest (RFC 1939 §7 APOP). */
export const apop = (name: string, digest: string): Command => ({ ...one('APOP', 'login', [name, digest]), secret: digest });

/** Makes the session speak UTF-8, before the login (RFC 6856 §2.1). */
export const utf8 = (): Command => one('UTF8', 'login');

/**
 * Begins a SASL exchange (RFC 5034 §4). `initial` goes on the line with it; an empty one is written `=`.
 * The caller asks `fitsInitial` first: the line is bound to 255 octets.
 */
export function auth(mechanism: string, initial: Uint8Array | null): Command {
  const command = one('AUTH', 'login', initial === null ? [mechanism] : [mechanism, initialOf(initial)]);
  return initial === null || initial.length === 0 ? command : { ...command, secret: initialOf(initial) };
}

/** Whether `initial` may go on the line of AUTH (RFC 5034 §4, RFC 2449 §4). */
export function fitsInitial(mechanism: string, initial: Uint8Array): boolean {
  return `AUTH ${mechanism} ${initialOf(initial)}\r\n`.length <= POP3.commandLine;
}

/** The line that answers a SASL challenge. These may be longer than a command (RFC 5034 §4). The caller asks `fitsResponse` first. */
export function saslResponse(response: Uint8Array): Uint8Array {
  if (!fitsResponse(response)) throw new CommandError('a SASL response is too long');
  return new TextEncoder().encode(`${encodeBase64(response)}\r\n`);
}

/** Whether the line that answers a SASL challenge with `response` is no longer than a challenge may be. */
export function fitsResponse(response: Uint8Array): boolean {
  return 4 * Math.ceil(response.length / 3) + 2 <= POP3.saslChallenge;
}

/** The empty line that ends a SASL exchange whose last challenge wants no answer: its reply says yes or no. */
export const saslEnd = (): Command => ({ ...one('AUTH', 'login'), octets: saslResponse(new Uint8Array()) });

/** The line that gives a SASL exchange up (RFC 5034 §4). */
export const saslCancel = (): Uint8Array => new TextEncoder().encode('*\r\n');

function initialOf(initial: Uint8Array): string {
  return initial.length === 0 ? '=' : encodeBase64(initial);
}

function listing(verb: 'LIST' | 'UIDL', phase: Phase, number: number | undefined): Command {
  if (number === undefined) return many(verb, phase, [], { limitOctets: POP3.listingOctets });
  return one(verb, phase, [natural(number)], number);
}

function one(verb: Verb, phase: Phase, words: readonly string[] = [], number: number | null = null): Command {
  const octets = line(verb, words);
  return { verb, phase, octets, number, multiline: false, limitOctets: 0, beyondLimit: 'fail', expectedOctets: null, secret: null };
}

function many(
  verb: Verb,
  phase: Phase,
  words: readonly string[],
  rest: { limitOctets: number; beyondLimit?: 'fail' | 'cut'; expectedOctets?: number | null },
  number: number | null = null,
): Command {
  return {
    verb,
    phase,
    octets: line(verb, words),
    number,
    multiline: true,
    beyondLimit: 'fail',
    expectedOctets: null,
    secret: null,
    ...rest,
  };
}

function line(verb: Verb, words: readonly string[]): Uint8Array {
  for (const word of words) {
    if (/[\u0000-\u001f\u007f]/.test(word)) throw new CommandError('an argument holds a control character');
    if (!word.isWellFormed()) throw new CommandError('an argument is not well-formed text');
  }
  const octets = new TextEncoder().encode(`${[verb, ...words].join(' ')}\r\n`);
  if (octets.length > POP3.commandLine) throw new CommandError('a command line is too long');
  return octets;
}

function natural(number: number): string {
  if (!Number.isSafeInteger(number) || number < 1) throw new CommandError('a message number must be a positive integer');
  return String(number);
}
