/**
 * The names that we give: accounts, tokens, messages. Each carries at least 122 random bits, so that none can be guessed
 * and two never meet. Where there is a predicate it accepts exactly what its maker
 * can make: everything else is refused without a look-up.
 *
 * An account's id also says in which jurisdiction its object lives, because the Worker must find the object from the id
 * alone: there is no look-up before it, and an object's id differs between jurisdictions. The value of the first
 * character modulo 8 names it: 0 none, 1 eu, 2 fedramp; the others are never issued. That leaves 3 bits of the first
 * character and 125 of the other 21.
 */
import { Buffer } from 'node:buffer';
import { base62Character, base62Value, randomBase62 } from './base62.ts';
import type { Random } from './random.ts';

/** A Durable Object jurisdiction; null where none was asked for. */
export type Jurisdiction = 'eu' | 'fedramp' | null;

/** The index is what the first character of an account's id is modulo 8. Only ever appended to. */
const JURISDICTIONS: readonly Jurisdiction[] = [null, 'eu', 'fedramp'];

const ACCOUNT = /^acc_[0-9A-Za-z]{22}$/;
const TOKEN = /^tok_[0-9A-Za-z]{22}$/;
/** Of a message's id, and the same filled up to whole groups of base64, which are three octets. */
const MESSAGE_OCTETS = 16;
const GROUPED_OCTETS = 18;
/** Of a message's id as text. */
export const MESSAGE_CHARACTERS = 22;
/** How many there are of what the first character of a message's id can tell. */
export const ID_GROUPS = 64;

/** `acc_` and 22 base62 characters, of which the first names the jurisdiction. */
export function newAccountId(random: Random, jurisdiction: Jurisdiction): string {
  const place = JURISDICTIONS.indexOf(jurisdiction);
  if (place < 0) throw new RangeError('No such jurisdiction.');
  // The values that are `place` modulo 8 are eight of the 62, for each place up to 5: three random bits choose one.
  const choice = (random(1)[0] ?? 0) & 7;
  return `acc_${base62Character(place + 8 * choice)}${randomBase62(random, 21)}`;
}

/** The jurisdiction that an account's id names; undefined for an id that is never issued. */
export function jurisdictionOf(id: string): Jurisdiction | undefined {
  return ACCOUNT.test(id) ? JURISDICTIONS[base62Value(id.charAt(4)) % 8] : undefined;
}

/** Whether `id` can be an account's. */
export function isAccountId(id: string): boolean {
  return jurisdictionOf(id) !== undefined;
}

/** `tok_` and 22 base62 characters: the name of a token, not its secret. */
export function newTokenId(random: Random): string {
  return `tok_${randomBase62(random, 22)}`;
}

/** Whether `id` can be a token's. */
export function isTokenId(id: string): boolean {
  return TOKEN.test(id);
}

/**
 * `count` messages' ids: 16 random octets each in base64url (RFC 4648 §5), without padding. Up to 4,096, which is what the platform
 * draws at once. `group`, from 0 to 63, is told by the first character instead of by chance, which leaves 122 random bits: ids of one
 * group lie together in an index, so that very many can be stored without the whole index being written again and again.
 */
export function newMessageIds(random: Random, count: number, group: number | null = null): string[] {
  const drawn = random(MESSAGE_OCTETS * count);
  // Written at once, each filled up to whole groups of three octets, which the cut takes off again.
  const padded = Buffer.alloc(GROUPED_OCTETS * count);
  for (let n = 0; n < count; n++) {
    padded.set(drawn.subarray(MESSAGE_OCTETS * n, MESSAGE_OCTETS * (n + 1)), GROUPED_OCTETS * n);
    if (group !== null) padded[GROUPED_OCTETS * n] = (group << 2) | ((padded[GROUPED_OCTETS * n] ?? 0) & 3);
  }
  const text = padded.toString('base64url');
  const each = (GROUPED_OCTETS / 3) * 4;
  return Array.from({ length: count }, (_, n) => text.slice(each * n, each * n + MESSAGE_CHARACTERS));
}
