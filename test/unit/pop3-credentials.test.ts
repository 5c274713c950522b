/** Which login is made, by what a server offers, what the channel hides and what there is to log in with. */
import { describe, expect, test } from 'vitest';
import { apopDigest, apopId } from '../../src/pop3/apop.ts';
import { parseCapabilities } from '../../src/pop3/capabilities.ts';
import { chooseLogin, type Credentials, type Method, type Situation } from '../../src/pop3/credentials.ts';

const PASSWORD: Credentials = { username: 'u', password: 'p', accessToken: null };
const TOKEN: Credentials = { username: 'u', password: null, accessToken: 't' };
const BOTH: Credentials = { username: 'u', password: 'p', accessToken: 't' };

function choose(announced: string[] | null, change: Partial<Situation> = {}): string {
  const login = chooseLogin({
    method: 'auto',
    credentials: PASSWORD,
    capabilities: announced && parseCapabilities(announced),
    encrypted: true,
    apopId: null,
    nonce: () => 'nonce',
    endpoint: null,
    ...change,
  });
  const written = (login.kind === 'sasl' ? login.before : login.commands).map(({ octets }) => Buffer.from(octets).toString()).join('');
  return login.kind === 'sasl' ? written + login.mechanism.name : written;
}
const USER = 'USER u\r\nPASS p\r\n';
const unsupported = (reason: RegExp) =>
  expect.objectContaining({ failure: expect.objectContaining({ kind: 'unsupported', reason: expect.stringMatching(reason) }) });

describe('the choice of a login', () => {
  test.each<[string[] | null, Credentials, string]>([
    [['SASL SCRAM-SHA-256 CRAM-MD5 LOGIN PLAIN XOAUTH2 OAUTHBEARER', 'USER'], BOTH, 'OAUTHBEARER'],
    [['SASL SCRAM-SHA-256 LOGIN PLAIN XOAUTH2'], TOKEN, 'XOAUTH2'],
    [['SASL SCRAM-SHA-256 CRAM-MD5 LOGIN PLAIN XOAUTH2 OAUTHBEARER', 'USER'], PASSWORD, 'PLAIN'],
    [['SASL PLAIN'], BOTH, 'PLAIN'],
    [['SASL SCRAM-SHA-256 CRAM-MD5 LOGIN', 'USER'], PASSWORD, 'LOGIN'],
    [['SASL SCRAM-SHA-256 CRAM-MD5', 'USER'], PASSWORD, USER],
    [['SASL SCRAM-SHA-1 CRAM-MD5 SCRAM-SHA-256'], PASSWORD, 'SCRAM-SHA-256'],
    [['SASL SCRAM-SHA-1 CRAM-MD5'], PASSWORD, 'SCRAM-SHA-1'],
    [['SASL CRAM-MD5'], PASSWORD, 'CRAM-MD5'],
    [['SASL NTLM GSSAPI'], PASSWORD, USER],
    [['TOP'], PASSWORD, USER],
    [null, PASSWORD, USER],
    [null, TOKEN, 'XOAUTH2'],
  ])('inside TLS, of %j', (announced, credentials, expected) => {
    expect(choose(announced, { credentials })).toBe(expected);
  });

  test.each<[string[] | null, string]>([
    [['SASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256', 'USER'], 'SCRAM-SHA-256'],
    [['SASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1', 'USER'], 'SCRAM-SHA-1'],
    [['SASL PLAIN LOGIN CRAM-MD5', 'USER'], 'CRAM-MD5'],
    [['SASL PLAIN LOGIN', 'USER'], 'PLAIN'],
    [['SASL LOGIN', 'USER'], USER],
    [null, USER],
  ])('in the clear, of %j', (announced, expected) => {
    expect(choose(announced, { encrypted: false })).toBe(expected);
  });

  test('never takes APOP by itself, but by name where the greeting has an id', () => {
    const id = '<1896.697170952@dbc.mtview.ca.us>';
    expect(choose(['TOP'], { apopId: id, encrypted: false })).toBe(USER);
    expect(choose(null, { apopId: id, method: 'apop', credentials: { username: 'mrose', password: 'tanstaaf', accessToken: null } })).toBe(
      'APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n',
    );
    expect(() => choose(null, { method: 'apop' })).toThrow(unsupported(/message-id/));
    const credentials = { ...PASSWORD, username: 'a b' };
    expect(() => choose(null, { apopId: id, method: 'apop', credentials })).toThrow(unsupported(/space/));
  });

  test('by name takes what was named, unless the server names others only', () => {
    expect(choose(null, { method: 'scram-sha-256' })).toBe('SCRAM-SHA-256');
    expect(choose(['TOP'], { method: 'login' })).toBe('LOGIN');
    expect(choose(['SASL PLAIN'], { method: 'user' })).toBe(USER);
    expect(() => choose(['SASL PLAIN LOGIN'], { method: 'cram-md5' })).toThrow(unsupported(/CRAM-MD5/));
  });

  test.each<[Method, Credentials, boolean, RegExp]>([
    ['plain', TOKEN, true, /needs a password/],
    ['user', TOKEN, true, /needs a password/],
    ['xoauth2', PASSWORD, true, /needs an access token/],
    ['oauthbearer', TOKEN, false, /without TLS/],
    ['auto', TOKEN, false, /without TLS/],
    ['user', { ...PASSWORD, password: 'p'.repeat(300) }, true, /too long/],
    ['user', { ...PASSWORD, password: 'a\r\nDELE 1' }, true, /control character/],
    ['plain', { ...PASSWORD, password: 'a\0b' }, true, /NUL/],
    ['xoauth2', { ...TOKEN, accessToken: 'a\u0001b' }, true, /characters/],
  ])('says why %s can not be done', (method, credentials, encrypted, reason) => {
    expect(() => choose(null, { method, credentials, encrypted })).toThrow(unsupported(reason));
  });

  test('says that a server takes no access token', () => {
    expect(() => choose(['SASL PLAIN'], { credentials: TOKEN })).toThrow(unsupported(/access token/));
  });

  test('switches UTF-8 on where it is offered (RFC 6856)', () => {
    const credentials = { username: 'jürgen', password: 'p', accessToken: null };
    expect(choose(['UTF8 USER'], { credentials })).toBe('UTF8\r\nUSER jürgen\r\nPASS p\r\n');
    expect(choose(['TOP'], { credentials })).toBe('USER jürgen\r\nPASS p\r\n');
    expect(choose(['UTF8'])).toBe(`UTF8\r\n${USER}`);
    expect(choose(['UTF8', 'SASL PLAIN'])).toBe('UTF8\r\nPLAIN');
  });
});

describe('the id of a greeting', () => {
  const idOf = (greeting: string): string | null => apopId(Buffer.from(greeting, 'latin1'));

  test('is the one of RFC 1939, wherever it stands', () => {
    expect(idOf('+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>')).toBe('<1896.697170952@dbc.mtview.ca.us>');
    expect(idOf('+OK <a@b> ready')).toBe('<a@b>');
    expect(apopDigest('<1896.697170952@dbc.mtview.ca.us>', 'tanstaaf')).toBe('c4c9334bac560ecc979e58001b3e22fb');
  });

  // CVE-2007-1558: colliding blocks need octets that no message-id has.
  test.each(['ready', '<>', '<ab>', '<a@>', '<@b>', '<a@b@c>', '<a b@c>', '<a@b\x80>', '<a\x00@b>', '<a@b> <c@d>', '<<a@b>>', '<a@b'])(
    'is refused in %j',
    (greeting) => {
      expect(idOf(`+OK ${greeting}`)).toBeNull();
    },
  );
});
