/**
 * Which mail servers may be connected to. Pure: a target and the operator's list in, a judgement out, nothing opened.
 * Against request forgery (CWE-918): one spelling for each address, public addresses only, public names only, mail
 * ports only. Targets on the list skip these, except that a cloud's metadata service is never allowed.
 * Where a public name points to is not decided here, but in `admission.ts`.
 */
import { NAMES } from '../limits.ts';
import { formatAddress, isNeverAllowed, isPublic, parseAddress } from './address.ts';

/** Where a mail server listens, and how the connection is secured. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
}

export type Judgement =
  /** `host` in its one spelling: lower case, no trailing dot, no brackets. */
  | { readonly ok: true; readonly host: string; readonly port: number }
  /** `detail` is a sentence that repeats nothing of the target. */
  | { readonly ok: false; readonly detail: string };

export interface AllowedTargets {
  /** `host port`, canonical. */
  readonly listed: ReadonlySet<string>;
  /** Positions, from 1, of entries that are no `host:port`. They allow nothing. */
  readonly malformed: readonly number[];
}

/** POP3 and POP3 over TLS. */
const PORTS: readonly number[] = [110, 995];

/**
 * Names that no public server has: reserved ones (RFC 2606, 6761, 6762, 7686, 8375, 9476), those that private networks
 * and platforms use, and those that lead into a platform's own network.
 */
const PRIVATE_SUFFIXES = [
  'alt',
  'arpa',
  'cfargotunnel.com',
  'corp',
  'example',
  'home',
  'internal',
  'intranet',
  'invalid',
  'lan',
  'local',
  'localdomain',
  'localhost',
  'onion',
  'private',
  'svc',
  'test',
];

const METADATA_NAMES = [
  'api.metadata.cloud.ibm.com',
  'instance-data',
  'instance-data.ec2.internal',
  'metadata',
  'metadata.azure.com',
  'metadata.azure.internal',
  'metadata.goog',
  'metadata.google.internal',
  'metadata.oraclecloud.com',
  'metadata.packet.net',
  'metadata.platformequinix.com',
  'metadata.tencentyun.com',
];

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** A name that ends so is taken for an IPv4 address by some parser (WHATWG URL §3.5, inet_aton). */
const NUMERIC_LABEL = /^(?:\d+|0x[0-9a-f]*)$/;

type Host = { readonly host: string; readonly never: boolean; readonly public: boolean };

/** Reads `host:port,…`; IPv6 in brackets. Empty entries are skipped. */
export function parseAllowedTargets(text: string): AllowedTargets {
  const listed = new Set<string>();
  const malformed: number[] = [];
  for (const [index, entry] of text.split(',').entries()) {
    if (entry.trim() === '') continue;
    const [, name = '', digits = ''] = /^(.+):(\d{1,5})$/.exec(entry.trim()) ?? [];
    const host = name.includes(':') && !name.startsWith('[') ? null : parseHost(name);
    if (host && isPort(Number(digits))) listed.add(key(host.host, Number(digits)));
    else malformed.push(index + 1);
  }
  return { listed, malformed };
}

/** Whether `target` may be connected to, and under which name. */
export function judgeTarget(target: Target, allowed: AllowedTargets): Judgement {
  if (!isPort(target.port)) return refused('The port must be a number from 1 to 65535.');
  const host = parseHost(target.host);
  if (!host)
    return refused('The host must be a full domain name in ASCII (an international one as xn--…), or an IP address in its usual form.');
  if (host.never) return refused('This address is never allowed.');
  if (!isListed(host.host, target.port, allowed)) {
    if (!host.public) return refused('The host must be public: private, local and reserved names and addresses are refused.');
    if (!PORTS.includes(target.port)) return refused('The port must be 995 or 110.');
    if (target.security === 'none') return refused('A connection without TLS is only made to a target that the operator has listed.');
  }
  return { ok: true, host: host.host, port: target.port };
}

/** Whether the operator has listed this host, in canonical form, with this port. */
export function isListed(host: string, port: number, allowed: AllowedTargets): boolean {
  return allowed.listed.has(key(host, port));
}

/** The host that `text` spells, or null if it spells none that is beyond doubt. */
function parseHost(text: string): Host | null {
  if (text.length > NAMES.host + 1) return null;
  const address = parseAddress(text.startsWith('[') && text.endsWith(']') && text.includes(':') ? text.slice(1, -1) : text);
  if (address) {
    return { host: formatAddress(address), never: isNeverAllowed(address), public: isPublic(address) };
  }
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  if (!isName(name)) return null;
  const never = METADATA_NAMES.some((metadata) => isWithin(name, metadata));
  return { host: name, never, public: name.includes('.') && !PRIVATE_SUFFIXES.some((suffix) => isWithin(name, suffix)) };
}

/** Whether `name` is a host name (RFC 1123 §2.1, RFC 5891 §4.2.3.1) that nothing could take for an address. A second parser must agree. */
function isName(name: string): boolean {
  const labels = name.split('.');
  const wellFormed = name.length <= NAMES.host && labels.every((label) => LABEL.test(label)) && !NUMERIC_LABEL.test(labels.at(-1) ?? '');
  if (!wellFormed || labels.some((label) => label.slice(2, 4) === '--' && !label.startsWith('xn--'))) return false;
  const url = `http://${name}/`;
  return URL.canParse(url) && new URL(url).hostname === name;
}

function isWithin(name: string, suffix: string): boolean {
  return name === suffix || name.endsWith(`.${suffix}`);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function key(host: string, port: number): string {
  return `${host} ${port}`;
}

function refused(detail: string): Judgement {
  return { ok: false, detail };
}
