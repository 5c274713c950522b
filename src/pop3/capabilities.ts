/**
 * What a server announces in its answer to CAPA (RFC 2449 §5, §6; RFC 2595 §4 STLS; RFC 5034 §3 SASL; RFC 6856
 * UTF8, LANG), as typed values.
 * At most `POP3.capabilityLines` lines are read; what isn't a capability name is left out rather than believed.
 * An announcement is a hint: it changes with login, and servers announce what they can't do.
 */
import { POP3 } from '../limits.ts';
import type { Phase } from './channel.ts';
import { protocolError } from './error.ts';
import { cleanText } from './reply.ts';

export interface Capabilities {
  /** The names in upper case, as announced, each once. */
  readonly names: string[];
  /** SASL mechanisms in upper case, each once. */
  readonly sasl: string[];
  readonly top: boolean;
  readonly uidl: boolean;
  readonly user: boolean;
  readonly pipelining: boolean;
  readonly stls: boolean;
  readonly respCodes: boolean;
  /** Whether UTF-8 may be switched on, for user names and passwords too (RFC 6856 §2). */
  readonly utf8: boolean;
  /** Whether texts can be had in other languages (RFC 6856 §3). */
  readonly lang: boolean;
  /** The least time between two logins; 0 where none is announced. */
  readonly loginDelaySeconds: number;
  /** Days that messages are kept, or `NEVER`; null where neither is announced. */
  readonly expire: string | null;
  readonly implementation: string | null;
}

// RFC 2449 §3: printable ASCII; the length is our bound.
const NAME = /^[!-~]{1,64}$/;

/**
 * Reads the data of a CAPA reply.
 * Throws `protocol` if there are too many lines; the octets are bounded by the command.
 */
export async function readCapabilities(body: AsyncIterable<Uint8Array>, phase: Phase = 'capabilities'): Promise<Capabilities> {
  const octets = new Uint8Array(POP3.capabilityOctets);
  let length = 0;
  for await (const chunk of body) {
    if (length + chunk.length > octets.length) throw protocolError(phase, 'too long a list of capabilities');
    octets.set(chunk, length);
    length += chunk.length;
  }
  const lines = linesOf(octets.subarray(0, length));
  if (lines.length > POP3.capabilityLines) throw protocolError(phase, 'too many capabilities');
  return parseCapabilities(lines);
}

/** Capabilities from the lines of a CAPA reply, without their line ends. */
export function parseCapabilities(lines: readonly string[]): Capabilities {
  const values = new Map<string, string[]>();
  for (const line of lines) {
    const [name, ...rest] = line.split(' ').filter((word) => word !== '');
    if (name === undefined || !NAME.test(name)) continue;
    const key = name.toUpperCase();
    values.set(key, [...(values.get(key) ?? []), ...rest]);
  }
  const sasl = (values.get('SASL') ?? []).filter((word) => NAME.test(word)).map((word) => word.toUpperCase());
  return {
    names: [...values.keys()],
    sasl: [...new Set(sasl)],
    top: values.has('TOP'),
    uidl: values.has('UIDL'),
    user: values.has('USER'),
    pipelining: values.has('PIPELINING'),
    stls: values.has('STLS'),
    respCodes: values.has('RESP-CODES'),
    utf8: values.has('UTF8'),
    lang: values.has('LANG'),
    loginDelaySeconds: seconds(values.get('LOGIN-DELAY')?.[0]),
    expire: retention(values.get('EXPIRE')?.[0]?.toUpperCase()),
    implementation: values.get('IMPLEMENTATION')?.join(' ') ?? null,
  };
}

/**
 * What holds after login: servers announce some things in one state only (Gmail PIPELINING after login, others SASL
 * before), and a wait or a retention of the user's own only after it (RFC 2449 §6.5, §6.7).
 */
export function mergeCapabilities(before: Capabilities, after: Capabilities): Capabilities {
  return {
    names: [...new Set([...before.names, ...after.names])],
    sasl: before.sasl.length > 0 ? before.sasl : after.sasl,
    top: before.top || after.top,
    uidl: before.uidl || after.uidl,
    user: before.user || after.user,
    pipelining: before.pipelining || after.pipelining,
    stls: before.stls || after.stls,
    respCodes: before.respCodes || after.respCodes,
    utf8: before.utf8 || after.utf8,
    lang: before.lang || after.lang,
    loginDelaySeconds: after.names.includes('LOGIN-DELAY') ? after.loginDelaySeconds : before.loginDelaySeconds,
    expire: after.expire ?? before.expire,
    implementation: after.implementation ?? before.implementation,
  };
}

function linesOf(octets: Uint8Array): string[] {
  const lines: string[] = [];
  let start = 0;
  while (start < octets.length) {
    const lf = octets.indexOf(0x0a, start);
    const end = lf === -1 ? octets.length : lf;
    const line = cleanText(octets.subarray(start, end));
    if (line !== '') lines.push(line);
    start = end + 1;
  }
  return lines;
}

function retention(word: string | undefined): string | null {
  return word !== undefined && /^(?:\d{1,9}|NEVER)$/.test(word) ? word : null;
}

function seconds(word: string | undefined): number {
  return word !== undefined && /^\d{1,9}$/.test(word) ? Number(word) : 0;
}
