/**
 * What a status line means (RFC 1939 §3, RFC 2449 §8, RFC 3206): positive, negative, and of which kind.
 * Response codes count on `-ERR` only and by known name only: servers put brackets into greetings and texts too.
 * Server text is for people. It loses its control characters and its length here, before anything else sees it.
 */
import { POP3 } from '../limits.ts';
import type { Phase } from './channel.ts';
import { protocolError, type Pop3Failure, type ResponseCode } from './error.ts';
import type { Secrets } from './secrets.ts';

/** A status line, taken apart. */
export interface Status {
  readonly ok: boolean;
  /** What follows `+OK` or `-ERR` and the response code, cleaned and cut. */
  readonly text: string;
  readonly responseCode: ResponseCode | null;
  /** The wait in `[LOGIN-DELAY n]`, which some servers send. */
  readonly delaySeconds: number | null;
  /** The line as it came, without CRLF. */
  readonly octets: Uint8Array;
}

/** Where no credentials have been sent yet. */
const BEFORE_LOGIN: ReadonlySet<Phase> = new Set<Phase>(['greeting', 'capabilities', 'tls']);

const CODE = /^\[(AUTH|IN-USE|LOGIN-DELAY|SYS\/TEMP|SYS\/PERM)(?: (\d{1,9}))?\]/i;

// Control characters, and marks that reorder or break what is displayed around them.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]+/gu;

/** Takes one status line apart. Throws `protocol` if it begins with neither `+OK` nor `-ERR`. */
export function parseStatus(octets: Uint8Array, phase: Phase): Status {
  const ok = startsWith(octets, '+OK');
  if (!ok && !startsWith(octets, '-ERR')) throw protocolError(phase, 'the answer is not POP3', cleanText(octets));
  const rest = decode(octets.subarray(ok ? 3 : 4)).trimStart();
  const code = ok ? null : CODE.exec(rest);
  return {
    ok,
    text: clean(code ? rest.slice(code[0].length) : rest),
    responseCode: code ? ((code[1] ?? '').toUpperCase() as ResponseCode) : null,
    delaySeconds: code?.[2] === undefined ? null : Number(code[2]),
    octets,
  };
}

/** Whether the line is `+` and a SASL challenge (RFC 5034 §4) rather than a status. */
export function isContinuation(octets: Uint8Array): boolean {
  return octets[0] === 0x2b && !startsWith(octets, '+OK');
}

/**
 * The failure that a negative status stands for, without its text where that repeats one of `secrets`. `credentials`: the
 * command it answers carried some, so that a refusal without a code is probably about them.
 */
export function failureOf(status: Status, phase: Phase, secrets: Secrets, credentials = false): Pop3Failure {
  // The whole line is looked at: the text is cut.
  const told = status.text !== '' && !secrets.repeatedIn(decode(status.octets));
  const said = { phase, responseCode: status.responseCode, text: told ? status.text : null };
  switch (status.responseCode) {
    case 'AUTH':
      // Nobody can judge what wasn't sent: in the clear anyone may say it, and no login would be made until a person comes.
      return BEFORE_LOGIN.has(phase) ? { kind: 'refused', ...said } : { kind: 'auth', definite: true, ...said };
    case 'IN-USE':
      return { kind: 'in_use', ...said };
    case 'LOGIN-DELAY':
      return { kind: 'login_delay', seconds: status.delaySeconds, ...said };
    case 'SYS/TEMP':
      return { kind: 'temporary', ...said };
    case 'SYS/PERM':
      return { kind: 'permanent', ...said };
    case null:
      return credentials ? { kind: 'auth', definite: false, ...said } : { kind: 'refused', ...said };
  }
}

/** What a server said, for people: control characters removed, at most `POP3.serverText` characters. */
export function cleanText(octets: Uint8Array): string {
  return clean(decode(octets));
}

function decode(octets: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(octets.subarray(0, POP3.statusLine));
}

function clean(text: string): string {
  const printable = text.replace(UNPRINTABLE, ' ').trim();
  if (printable.length <= POP3.serverText) return printable;
  // Not between the halves of a surrogate pair.
  return printable.slice(0, POP3.serverText).replace(/[\ud800-\udbff]$/, '');
}

function startsWith(octets: Uint8Array, word: string): boolean {
  for (let at = 0; at < word.length; at++) {
    const octet = octets[at];
    if (octet === undefined || (octet >= 0x61 && octet <= 0x7a ? octet - 32 : octet) !== word.charCodeAt(at)) return false;
  }
  return true;
}
