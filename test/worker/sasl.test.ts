/** The mechanisms that hash, in workerd, whose cryptography isn't Node's: by the exchanges that the RFCs publish. */
import { expect, test } from 'vitest';
import { apopDigest } from '../../src/pop3/apop.ts';
import { cramMd5 } from '../../src/pop3/sasl/cram-md5.ts';
import { scram } from '../../src/pop3/sasl/scram.ts';

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (answer: Uint8Array | null): string => new TextDecoder().decode(answer ?? octets('nothing'));

test('SCRAM-SHA-1 and SCRAM-SHA-256 prove both sides', async () => {
  const one = scram('SHA-1', 'user', 'pencil', 'fyko+d2lbbFgONRv9qkxdawL');
  const first = 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096';
  expect(text(await one.respond(octets(first)))).toMatch(/p=v0X8v3Bz2T0CJGbJQyF0X\+HI4Ts=$/);
  await one.respond(octets('v=rmF9pqV8S7suAoZWja4dJRkFsKQ='));
  expect(one.complete()).toBe(true);

  const two = scram('SHA-256', 'user', 'pencil', 'rOprNGfwEbeRWgbNEkqO');
  const salted = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
  expect(text(await two.respond(octets(salted)))).toMatch(/p=dHzbZapWIk4jUhN\+Ute9ytag9zjfMHgsqmmiz7AndVQ=$/);
  await two.respond(octets('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='));
  expect(two.complete()).toBe(true);
});

test('CRAM-MD5 and APOP have MD5', async () => {
  const challenge = octets('<1896.697170952@postoffice.reston.mci.net>');
  expect(text(await cramMd5('tim', 'tanstaaftanstaaf').respond(challenge))).toBe('tim b913a602c7eda7a495b4e6e7334d3890');
  expect(apopDigest('<1896.697170952@dbc.mtview.ca.us>', 'tanstaaf')).toBe('c4c9334bac560ecc979e58001b3e22fb');
});
