/** What people and attackers send in place of what is asked for, mostly as data: each with where the refusal must point. */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { MARK } from './client.ts';

/** Hosts that lead, or could be taken to lead, to where no mail server of the public is (CWE-918). Nothing may be opened. */
export const FORBIDDEN_HOSTS = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'pop.localhost',
  'mail',
  'mail.local',
  'mail.internal',
  'mail.lan',
  'mail.home.arpa',
  'mail.test',
  'mail.invalid',
  'hidden.onion',
  '127.0.0.1',
  '127.1',
  '127.0.0.1.',
  '2130706433',
  '017700000001',
  '0x7f000001',
  '0x7f.1',
  '0177.0.0.1',
  '127.0.0.01',
  '00000127.0.0.1',
  '１２７.0.0.1',
  '127。0。0。1',
  'ⓛocalhost',
  'loc\u00adalhost',
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '192.0.2.1',
  '224.0.0.1',
  '255.255.255.255',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  'metadata.google.internal',
  'METADATA.google.internal.',
  'instance-data',
  '::1',
  '[::1]',
  '::',
  '::ffff:127.0.0.1',
  '[::ffff:7f00:1]',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  'fe80::1',
  'fe80::1%eth0',
  'fc00::1',
  'fd00:ec2::254',
  '2001:db8::1',
  'pop.example.com:995',
  'ann@pop.example.com',
  'pop.example.com/x',
  'pop.example.com#x',
  'pop..example.com',
  '-pop.example.com',
  'pop_3.example.com',
  'pop.example.com ',
  'http://pop.example.com',
  'exämple.com',
  '%6c%6f%63alhost',
] as const;

const SERVER = { host: 'pop.example.com' };
const AUTH = { username: 'ann', password: MARK };
const WHOLE = { server: SERVER, auth: AUTH };

/** Values that are not a new account: what is wrong, the value, and the pointer of the refusal. */
export const BAD_ACCOUNTS: [string, unknown, string][] = [
  ['nothing in it', {}, '/server'],
  ['a list', [WHOLE], ''],
  ['null', null, ''],
  ['a number', 17, ''],
  ['a text', MARK, ''],
  ['no credentials', { server: SERVER, auth: { username: MARK } }, '/auth/password'],
  ['two kinds of credentials', { server: SERVER, auth: { ...AUTH, accessToken: MARK } }, '/auth/accessToken'],
  ['an unknown member', { ...WHOLE, [MARK]: 1 }, ''],
  ['an unknown member of the server', { ...WHOLE, server: { ...SERVER, [MARK]: 1 } }, '/server'],
  ['an unknown member of the token', { ...WHOLE, token: { secret: MARK } }, '/token'],
  ['a member that only the answer has', { ...WHOLE, id: 'acc_4kT9vQz0mX2dYf1sTnRrA7' }, ''],
  ['a port that is a text', { ...WHOLE, server: { ...SERVER, port: '995' } }, '/server/port'],
  ['a port beyond all', { ...WHOLE, server: { ...SERVER, port: 65_536 } }, '/server/port'],
  ['an unknown security', { ...WHOLE, server: { ...SERVER, security: MARK } }, '/server/security'],
  ['a command in the host', { ...WHOLE, server: { host: `pop.example.com\r\n${MARK}` } }, '/server/host'],
  ['a command in the user name', { server: SERVER, auth: { ...AUTH, username: `ann\r\nDELE 1\r\n${MARK}` } }, '/auth/username'],
  ['a command in the password', { server: SERVER, auth: { ...AUTH, password: `${MARK}\r\nDELE 1` } }, '/auth/password'],
  ['a password of half a character', { server: SERVER, auth: { ...AUTH, password: `${MARK}\ud800` } }, '/auth/password'],
  ['a user name without end', { server: SERVER, auth: { ...AUTH, username: MARK.repeat(1_000) } }, '/auth/username'],
  ['an unknown method', { server: SERVER, auth: { ...AUTH, method: MARK } }, '/auth/method'],
  ['an address that is none', { ...WHOLE, email: MARK }, '/email'],
  ['polls every second', { ...WHOLE, pollSeconds: 1 }, '/pollSeconds'],
  ['an unknown place', { ...WHOLE, location: MARK }, '/location'],
  ['an unknown scope', { ...WHOLE, token: { scopes: ['read', MARK] } }, '/token/scopes/1'],
  ['a token that has expired', { ...WHOLE, token: { expiresAt: '2020-01-01T00:00:00Z' } }, '/token/expiresAt'],
  ['an origin with a path', { ...WHOLE, token: { origins: [`https://${MARK}.example.com/`] } }, '/token/origins/0'],
];

/** Bodies that JSON can't express by itself, or that aren't JSON, and the pointer of the refusal. */
export const BAD_BODIES: [string, string | Uint8Array, string][] = [
  ['an empty one', '', ''],
  ['half of one', `{"server":{"host":"${MARK}`, ''],
  ['not JSON', `server=${MARK}`, ''],
  ['JSON with a comment', `{/* ${MARK} */}`, ''],
  ['not UTF-8', Buffer.from(`{"server":{"host":"${MARK}\xff"}}`, 'latin1'), ''],
  ['UTF-16', Buffer.from(`\ufeff{"server":{"host":"${MARK}"}}`, 'utf16le'), ''],
  ['nested without end', '['.repeat(200_000), ''],
  [
    '__proto__',
    `{"__proto__":{"verify":false,"${MARK}":1},"server":{"host":"pop.example.com"},"auth":{"username":"a","password":"b"}}`,
    '',
  ],
  [
    '__proto__ in place of all',
    `{"__proto__":{"server":{"host":"pop.example.com"},"auth":{"username":"a","password":"${MARK}"}}}`,
    '/server',
  ],
  [
    '__proto__ of the server',
    `{"server":{"host":"pop.example.com","__proto__":{"security":"none"}},"auth":{"username":"a","password":"b"}}`,
    '/server',
  ],
  [
    'constructor',
    `{"constructor":{"prototype":{"${MARK}":1}},"server":{"host":"pop.example.com"},"auth":{"username":"a","password":"b"}}`,
    '',
  ],
];

/** What is asked of …/messages or …/changes, and the pointer of the refusal. */
export const BAD_QUERIES: [string, string][] = [
  ['messages?limit=0', '/limit'],
  ['messages?limit=201', '/limit'],
  ['messages?limit=abc', '/limit'],
  ['messages?limit=', '/limit'],
  ['messages?limit=-1', '/limit'],
  ['messages?limit=1e2', '/limit'],
  ['messages?limit=5.0', '/limit'],
  ['messages?limit=%20%205', '/limit'],
  ['messages?limit=5&limit=6', '/limit'],
  ['messages?maxAge=soon', '/maxAge'],
  ['messages?maxAge=-1', '/maxAge'],
  [`messages?order=${MARK}`, '/order'],
  [`messages?fields=subject,${MARK}`, '/fields'],
  ['messages?fields=__proto__', '/fields'],
  [`messages?${MARK}=1`, ''],
  ['messages?__proto__=1', ''],
  ['messages?Limit=5', ''],
  [`messages?cursor=${MARK}`, '/cursor'],
  ['messages?cursor=p1.', '/cursor'],
  [`messages?cursor=p1.${'A'.repeat(31)}`, '/cursor'],
  ['changes?limit=0', '/limit'],
  ['changes?limit=201', '/limit'],
  ['changes?include=bodies', '/include'],
  [`changes?since=${MARK}`, '/since'],
  [`changes?since=s1.${'A'.repeat(40)}`, '/since'],
  [`changes?since=${'s'.repeat(5_000)}`, '/since'],
  [`changes?${MARK}=1`, ''],
];

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A token that is written as it should be for an account (`pgt_`, account, 30 characters, their CRC-32), but was never given. */
export function madeUp(account: string): string {
  const body = `pgt_${account.slice(4)}_${[...randomBytes(30)].map((octet) => BASE62[octet % 62]).join('')}`;
  let sum = crc32(body);
  let digits = '';
  for (let at = 0; at < 6; at++, sum = Math.floor(sum / 62)) digits = BASE62[sum % 62] + digits;
  return body + digits;
}

/** A text with one character changed. */
export function flipped(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
}
