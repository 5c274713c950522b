/** SASL mechanisms by the exchanges that their RFCs publish, and by servers that leave their part out or lie. */
import { describe, expect, test } from 'vitest';
import { POP3 } from '../../src/limits.ts';
import { cramMd5 } from '../../src/pop3/sasl/cram-md5.ts';
import { login } from '../../src/pop3/sasl/login.ts';
import type { Mechanism } from '../../src/pop3/sasl/mechanism.ts';
import { oauthbearer } from '../../src/pop3/sasl/oauthbearer.ts';
import { prepared, saslName } from '../../src/pop3/sasl/prepare.ts';
import { scram } from '../../src/pop3/sasl/scram.ts';
import { xoauth2 } from '../../src/pop3/sasl/xoauth2.ts';

const text = (octets: Uint8Array | null): string | null => octets && Buffer.from(octets).toString();
const base64 = (octets: Uint8Array | null): string | null => octets && Buffer.from(octets).toString('base64');
const respond = async (mechanism: Mechanism, challenge: string): Promise<string | null> =>
  text(await mechanism.respond(Buffer.from(challenge)));

describe('SCRAM', () => {
  const SHA1 = {
    mechanism: () => scram('SHA-1', 'user', 'pencil', 'fyko+d2lbbFgONRv9qkxdawL'),
    start: 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
    first: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    proof: 'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    final: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  };
  const SHA256 = {
    mechanism: () => scram('SHA-256', 'user', 'pencil', 'rOprNGfwEbeRWgbNEkqO'),
    start: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
    first: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    proof: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    final: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  };

  test.each([
    ['SHA-1, as RFC 5802 §5 has it', SHA1],
    ['SHA-256, as RFC 7677 §3 has it', SHA256],
  ])('with %s', async (_, { mechanism, start, first, proof, final }) => {
    const it = mechanism();
    expect(text(it.start())).toBe(start);
    expect(await respond(it, first)).toBe(proof);
    expect(it.complete()).toBe(false);
    expect(await respond(it, final)).toBe('');
    expect(it.complete()).toBe(true);
    expect(await respond(it, final)).toBeNull();
  });

  test.each(['v=rmF9pqV8S7suAoZWja4dJRkFsKA=', 'v=AAAA', 'v=', 'x', ''])('gives up when the server proves itself by %j', async (final) => {
    const it = SHA1.mechanism();
    await respond(it, SHA1.first);
    expect(await respond(it, final)).toBeNull();
    expect(it.complete()).toBe(false);
  });

  test('acknowledges a refusal, which is no success', async () => {
    const it = SHA1.mechanism();
    await respond(it, SHA1.first);
    expect(await respond(it, 'e=invalid-proof')).toBe('');
    expect(it.complete()).toBe(false);
  });

  const nonce = 'fyko+d2lbbFgONRv9qkxdawL';
  test.each([
    ['another nonce', `r=somebody${nonce},s=QSXCR+Q6sek8bf92,i=4096`],
    ['no nonce of its own', `r=${nonce},s=QSXCR+Q6sek8bf92,i=4096`],
    ['no salt', `r=${nonce}x,s=,i=4096`],
    ['a salt that is not base64', `r=${nonce}x,s=Q,i=4096`],
    ['no iterations', `r=${nonce}x,s=QSXCR+Q6sek8bf92,i=0`],
    ['too many iterations', `r=${nonce}x,s=QSXCR+Q6sek8bf92,i=${POP3.scramIterations + 1}`],
    ['an extension that must be known', `m=x,r=${nonce}x,s=QSXCR+Q6sek8bf92,i=4096`],
    ['nothing', ''],
  ])('gives up at %s', async (_, first) => {
    expect(await respond(SHA1.mechanism(), first)).toBeNull();
  });

  test('does as many iterations as are allowed', async () => {
    expect(await respond(SHA1.mechanism(), `r=${nonce}x,s=QSXCR+Q6sek8bf92,i=${POP3.scramIterations}`)).toMatch(/^c=biws,/);
  });

  test('writes names so that they stay in their field, and prepares text', () => {
    expect(text(scram('SHA-256', 'a=b,c', 'p', 'n').start())).toBe('n,,n=a=3Db=2Cc,r=n');
    expect(saslName('=,')).toBe('=3D=2C');
    // RFC 4013 §3: soft hyphen goes, case stays, compatibility forms are replaced.
    expect(['I\u00adX', 'user', 'USER', '\u00aa', '\u2168', 'a\u00a0b'].map(prepared)).toEqual(['IX', 'user', 'USER', 'a', 'IX', 'a b']);
  });
});

describe('CRAM-MD5', () => {
  test('is the example of RFC 2195', async () => {
    const it = cramMd5('tim', 'tanstaaftanstaaf');
    expect([it.start(), it.complete()]).toEqual([null, false]);
    expect(await respond(it, '<1896.697170952@postoffice.reston.mci.net>')).toBe('tim b913a602c7eda7a495b4e6e7334d3890');
    expect(it.complete()).toBe(true);
    expect(await respond(it, 'again')).toBeNull();
  });

  test('answers no empty challenge', async () => {
    expect(await respond(cramMd5('tim', 'x'), '')).toBeNull();
  });
});

test('LOGIN gives name and password in turn, whatever the challenges say', async () => {
  const it = login('bob', 'pässword');
  expect([it.start(), await respond(it, 'Username:'), it.complete(), await respond(it, 'Kennwort'), it.complete()]).toEqual([
    null,
    'bob',
    false,
    'pässword',
    true,
  ]);
  expect(await respond(it, 'once more')).toBeNull();
});

describe('XOAUTH2', () => {
  test('is the example of its documentation, never on the line of AUTH', async () => {
    const it = xoauth2('someuser@example.com', 'ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg');
    expect(it.start()).toBeNull();
    expect(base64(await it.respond(new Uint8Array()))).toBe(
      'dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==',
    );
    expect(await respond(it, '{"status":"400"}')).toBe('');
  });
});

describe('OAUTHBEARER', () => {
  test('is the example of RFC 7628 §4.1, and acknowledges a refusal as §4.3 has it', async () => {
    const endpoint = { host: 'server.example.com', port: 143 };
    const it = oauthbearer('user@example.com', 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==', endpoint);
    expect(base64(it.start())).toBe(
      'bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB',
    );
    expect(base64(await it.respond(Buffer.from('{"status":"invalid_token"}')))).toBe('AQ==');
  });

  test('keeps names and tokens in their fields', () => {
    expect(text(oauthbearer('a,b=c', 't', null).start())).toBe('n,a=a=2Cb=3Dc,\u0001auth=Bearer t\u0001\u0001');
    for (const token of ['', 'a b', 'a\u0001b', 'é']) expect(() => oauthbearer('u', token, null)).toThrow();
    expect(() => oauthbearer('u\u0001auth=x', 't', null)).toThrow();
  });
});
