/**
 * Account tokens. The text names its account, so that the one object that knows the token is found without a look-up,
 * and ends in a checksum, so that a mistyped or made-up one is refused without asking anybody. The secret is 30 random
 * characters (178 bits); only the hash of the whole text is ever stored, and needs neither salt nor stretching.
 *
 *   pgt_ <account id without acc_> _ <30 base62> <6 base62: CRC-32 of all that precedes>
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { base62Number, randomBase62 } from './base62.ts';
import { isAccountId } from './ids.ts';
import type { Random } from './random.ts';

const SECRET_CHARACTERS = 30;
const CHECKSUM_CHARACTERS = 6;
const TOKEN = /^(pgt_([0-9A-Za-z]{22})_[0-9A-Za-z]{30})([0-9A-Za-z]{6})$/;

/** A new token for `account` (`acc_…`). Shown once; store its `hashToken`. */
export function newToken(random: Random, account: string): string {
  if (!isAccountId(account)) throw new RangeError('Not an account id.');
  const body = `pgt_${account.slice(4)}_${randomBase62(random, SECRET_CHARACTERS)}`;
  return body + checksum(body);
}

/** The account that a token names, or null for a text that was never issued. Whether the token is valid, its account knows. */
export function parseToken(text: string): { account: string } | null {
  const [, body, account, sum] = TOKEN.exec(text) ?? [];
  if (body === undefined || sum !== checksum(body) || !isAccountId(`acc_${account}`)) return null;
  return { account: `acc_${account}` };
}

/** Hex SHA-256 of a token's text: what is stored and looked up. */
export function hashToken(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Whether two secrets are the same. The time tells neither where they differ nor how long they are: hashes are compared. */
export function equalSecrets(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a, 'utf8').digest(), createHash('sha256').update(b, 'utf8').digest());
}

function checksum(body: string): string {
  return base62Number(crc32(body), CHECKSUM_CHARACTERS);
}

/** CRC-32 of an ASCII text (IEEE 802.3, as in RFC 1952 §8), bit by bit: a token is too short to be worth a table. */
function crc32(text: string): number {
  let crc = 0xffff_ffff;
  for (let index = 0; index < text.length; index++) {
    crc ^= text.charCodeAt(index);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
