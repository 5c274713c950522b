/** Status lines, response codes, capabilities and server text. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { POP3 } from '../../src/limits.ts';
import { parseCapabilities, readCapabilities } from '../../src/pop3/capabilities.ts';
import { Pop3Error } from '../../src/pop3/error.ts';
import { cleanText, failureOf, isContinuation, parseStatus } from '../../src/pop3/reply.ts';
import { Secrets } from '../../src/pop3/secrets.ts';

const octets = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const status = (line: string) => parseStatus(octets(line), 'stat');
async function* body(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield octets(chunk);
}

const failure = (line: string, credentials = false) => failureOf(status(line), 'login', new Secrets(), credentials);

describe('a status line', () => {
  test('is positive or negative, in any case, with or without a space', () => {
    expect(status('+OK')).toMatchObject({ ok: true, text: '' });
    expect(status('+OKready')).toMatchObject({ ok: true, text: 'ready' });
    expect(status('+ok ready')).toMatchObject({ ok: true, text: 'ready' });
    expect(status('-ERR no')).toMatchObject({ ok: false, text: 'no' });
    expect(status('-err no')).toMatchObject({ ok: false, text: 'no' });
  });

  test('that is neither is not POP3', () => {
    for (const line of ['HTTP/1.1 200 OK', '220 smtp', '* OK imap', '+', '+ abc', '-', '-ER', '+O', ''])
      expect(() => status(line)).toThrow(expect.objectContaining({ failure: expect.objectContaining({ kind: 'protocol' }) }));
  });

  test('keeps its octets as they came', () => {
    expect(status('+OK 1 \xff\x01').octets).toEqual(octets('+OK 1 \xff\x01'));
  });
});

describe('response codes', () => {
  test.each([
    ['-ERR [AUTH] wrong', { kind: 'auth', definite: true, responseCode: 'AUTH', text: 'wrong' }],
    ['-ERR [auth] wrong', { kind: 'auth', definite: true, responseCode: 'AUTH' }],
    ['-ERR [IN-USE] locked', { kind: 'in_use', responseCode: 'IN-USE', text: 'locked' }],
    ['-ERR [LOGIN-DELAY] wait', { kind: 'login_delay', seconds: null }],
    ['-ERR [LOGIN-DELAY 60] wait', { kind: 'login_delay', seconds: 60, responseCode: 'LOGIN-DELAY', text: 'wait' }],
    ['-ERR [SYS/TEMP] later', { kind: 'temporary', responseCode: 'SYS/TEMP' }],
    ['-ERR [SYS/PERM] broken', { kind: 'permanent', responseCode: 'SYS/PERM' }],
    ['-ERR [base64==] what', { kind: 'refused', responseCode: null, text: '[base64==] what' }],
    ['-ERR [AUTH', { kind: 'refused', responseCode: null }],
    ['-ERR see [AUTH]', { kind: 'refused', responseCode: null }],
    ['-ERR', { kind: 'refused', responseCode: null, text: null }],
  ])('%s', (line, expected) => {
    expect(failure(line)).toMatchObject({ phase: 'login', ...expected });
  });

  test('say nothing of credentials that have not been sent', () => {
    for (const phase of ['greeting', 'capabilities', 'tls'] as const)
      expect(failureOf(status('-ERR [AUTH] no'), phase, new Secrets())).toMatchObject({ kind: 'refused', responseCode: 'AUTH' });
  });

  test('count on -ERR only', () => {
    expect(status('+OK [AUTH] fine')).toMatchObject({ responseCode: null, text: '[AUTH] fine' });
  });

  test('without one, a refusal of credentials is about them, but not for certain', () => {
    expect(failure('-ERR no', true)).toMatchObject({ kind: 'auth', definite: false });
    expect(failure('-ERR [IN-USE] no', true)).toMatchObject({ kind: 'in_use' });
    expect(failure('-ERR no', false)).toMatchObject({ kind: 'refused' });
  });
});

describe('server text', () => {
  test('loses control characters, marks that reorder text, and its length', () => {
    expect(cleanText(octets('a\x00\x1b[31mb\r\n\x7f c'))).toBe('a [31mb  c');
    expect(cleanText(new TextEncoder().encode('a\u202eb\u0085c'))).toBe('a b c');
    expect(cleanText(octets('x'.repeat(5_000)))).toHaveLength(POP3.serverText);
  });

  test('is always printable, bounded and well-formed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (anything) => {
        const text = cleanText(anything);
        expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
        expect(text.length).toBeLessThanOrEqual(POP3.serverText);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
    const emoji = cleanText(new TextEncoder().encode(`a${'😀'.repeat(200)}`));
    expect(emoji.isWellFormed()).toBe(true);
  });

  test.each([
    ['even behind its cut', `-ERR ${'x'.repeat(300)} hunter2`, false],
    ['in capitals', '-ERR what is HUNTER2', false],
    ['in part, where it is long', '-ERR AUTH PLAIN AGJvYgBsb25nZXI', false],
    ['not at all', '-ERR AUTH PLAIN', true],
  ])('is left out of a failure where it repeats a secret: %s', (_, line, told) => {
    const secrets = new Secrets();
    for (const secret of ['', 'hunter2', 'AGJvYgBsb25nZXIgdGhhbiBhIHBhcnQ=']) secrets.add(secret);
    expect(failureOf(status(line), 'login', secrets).text !== null).toBe(told);
  });

  test('of an error is never in its message', () => {
    const error = new Pop3Error(failure('-ERR the text'));
    expect(error.message).not.toContain('the text');
  });
});

test('a SASL challenge begins with + and is not +OK', () => {
  expect(['+ YQ==', '+YQ==', '+', '+OK', '+ok x', '-ERR'].map((line) => isContinuation(octets(line)))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

describe('capabilities', () => {
  const dovecot = 'CAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nSTLS\r\nUSER\r\nSASL PLAIN login\r\n';

  test('are read from any cut', async () => {
    const whole = await readCapabilities(body(dovecot));
    expect(whole).toEqual({
      names: ['CAPA', 'TOP', 'UIDL', 'RESP-CODES', 'PIPELINING', 'AUTH-RESP-CODE', 'STLS', 'USER', 'SASL'],
      sasl: ['PLAIN', 'LOGIN'],
      top: true,
      uidl: true,
      user: true,
      pipelining: true,
      stls: true,
      respCodes: true,
      utf8: false,
      lang: false,
      loginDelaySeconds: 0,
      expire: null,
      implementation: null,
    });
    expect(await readCapabilities(body(...dovecot))).toEqual(whole);
  });

  test('have values, several lines of one name, and nonsense between', () => {
    const parsed = parseCapabilities([
      'login-delay 900 USER',
      'EXPIRE never',
      'SASL PLAIN',
      'sasl CRAM-MD5  PLAIN',
      'IMPLEMENTATION A b-1',
      'UTF8 USER',
      'LANG',
      '',
      'caf\u00e9',
      '  TOP',
    ]);
    expect(parsed).toMatchObject({
      loginDelaySeconds: 900,
      expire: 'NEVER',
      sasl: ['PLAIN', 'CRAM-MD5'],
      implementation: 'A b-1',
      utf8: true,
      lang: true,
      top: true,
    });
    expect(parsed.names).toEqual(['LOGIN-DELAY', 'EXPIRE', 'SASL', 'IMPLEMENTATION', 'UTF8', 'LANG', 'TOP']);
    for (const line of ['EXPIRE', 'EXPIRE 1e5', 'EXPIRE <b>', 'EXPIRE 12345678901'])
      expect(parseCapabilities(['LOGIN-DELAY -5', line])).toMatchObject({ loginDelaySeconds: 0, expire: null });
  });

  test('survive names that objects have', () => {
    expect(parseCapabilities(['__proto__ x', 'constructor']).names).toEqual(['__PROTO__', 'CONSTRUCTOR']);
  });

  test('are bounded in lines and octets', async () => {
    await expect(readCapabilities(body('X\r\n'.repeat(POP3.capabilityLines + 1)))).rejects.toThrow(/too many/);
    await expect(readCapabilities(body('X'.repeat(POP3.capabilityOctets), 'Y'))).rejects.toThrow(/too long/);
    expect((await readCapabilities(body('X\r\n'.repeat(POP3.capabilityLines)))).names).toEqual(['X']);
  });
});
