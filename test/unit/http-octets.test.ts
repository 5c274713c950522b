/** The octets of messages and attachments over HTTP: as they are, measured, and under headers that nothing can be slipped into. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { disposition, servedType } from '../../src/http/answer.ts';
import type { OctetsQuery } from '../../src/mailbox/rpc.ts';
import { OPERATOR_KEY, World } from './http-world.ts';

const MESSAGE = 'kQ3vW0cJ8mX2dYf1sTnRrA';
/** What a request without conditions asks for. */
const ALL: OctetsQuery = { ifMatch: null, ifNoneMatch: null, range: null, ifRange: null, body: true };

function setUp() {
  const world = new World();
  const { id, mailbox } = world.account();
  const get = (rest: string, method = 'GET') => world.ask(method, `/v1/accounts/${id}/messages/${MESSAGE}/${rest}`, { as: OPERATOR_KEY });
  return { mailbox, get };
}

/** What is the same each time the same is asked. */
function headers(response: Response) {
  return [...response.headers].filter(([name]) => name !== 'request-id');
}

const SAFETY = {
  'Cache-Control': 'private, max-age=0, must-revalidate',
  'Content-Security-Policy': "sandbox; default-src 'none'",
  'X-Content-Type-Options': 'nosniff',
};

describe('the octets of a message', () => {
  test('come as they are, measured', async () => {
    const { mailbox, get } = setUp();
    mailbox.octets = new Uint8Array([0, 0xff, 0x0d, 0x0a]);
    const response = await get('raw');
    expect(Object.fromEntries(response.headers)).toMatchObject(
      Object.fromEntries(
        Object.entries({
          ...SAFETY,
          'Content-Type': 'message/rfc822',
          'Content-Length': '4',
          'Repr-Digest': `sha-256=:${Buffer.from('ab'.repeat(32), 'hex').toString('base64')}:`,
          ETag: `"${'ab'.repeat(32)}"`,
        }).map(([name, value]) => [name.toLowerCase(), value]),
      ),
    );
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(mailbox.octets);
    expect(mailbox.calls).toEqual([{ method: 'raw', args: [MESSAGE, ALL] }]);
  });

  test('come without length and digest while these are not known', async () => {
    const { mailbox, get } = setUp();
    mailbox.known = false;
    const response = await get('raw');
    for (const name of ['Content-Length', 'Repr-Digest', 'ETag']) expect(response.headers.has(name)).toBe(false);
    expect(await response.text()).toContain('Hello');
  });

  test.each(['raw', 'attachments/2'])('of %s are not asked for by HEAD', async (rest) => {
    const { mailbox, get } = setUp();
    const head = await get(rest, 'HEAD');
    expect(await head.text()).toBe('');
    expect(mailbox.calls[0]!.args.at(-1)).toMatchObject({ body: false });
    const full = await get(rest);
    expect(headers(head)).toEqual(headers(full));
  });

  test('that fail on the way break the body, not end it', async () => {
    const { mailbox, get } = setUp();
    const raw = mailbox.raw.bind(mailbox);
    mailbox.raw = async (caller, id, query) => {
      const result = await raw(caller, id, query);
      if (result.ok) result.value.body = new ReadableStream({ pull: (controller) => controller.error(new Error('cut')) });
      return result;
    };
    await expect((await get('raw')).arrayBuffer()).rejects.toThrow('cut');
  });
});

describe('an attachment', () => {
  test('comes decoded, as a download', async () => {
    const { mailbox, get } = setUp();
    const response = await get('attachments/1.2.3');
    expect(response.headers.get('Content-Type')).toBe('application/pdf');
    expect(response.headers.get('Content-Disposition')).toBe('attachment; filename="agenda.pdf"');
    expect(response.headers.get('Content-Length')).toBe('26');
    for (const [name, value] of Object.entries(SAFETY)) expect(response.headers.get(name)).toBe(value);
    expect(mailbox.calls).toEqual([{ method: 'attachment', args: [MESSAGE, '1.2.3', { ...ALL, recognise: false }] }]);
  });

  test.each([
    'text/html',
    'TEXT/HTML; charset=utf-8',
    'application/xhtml+xml',
    'image/svg+xml',
    'image/svg',
    'text/xml',
    'application/xml',
    'application/xml-dtd',
    'application/rss+xml',
    'application/mathml+xml',
    'text/javascript',
    'application/javascript',
    'text/ecmascript',
    'text/xsl',
    'multipart/mixed',
    'multipart/x-mixed-replace',
    'text/html ',
    'text',
    '',
    'text/plain\r\nSet-Cookie: x=y',
    'a/b/c',
    'text/ht\u0000ml',
  ])('of type %j is served as octets only', (type) => {
    expect(servedType(type)).toBe('application/octet-stream');
  });

  test.each([
    ['application/pdf', 'application/pdf'],
    ['Image/PNG; name=x', 'image/png'],
    ['text/plain; charset=utf-7', 'text/plain'],
    ['message/rfc822', 'message/rfc822'],
    [
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    ],
  ])('of type %s is served as %s', (type, served) => {
    expect(servedType(type)).toBe(served);
  });

  test.each([
    [null, 'attachment'],
    ['', 'attachment'],
    ['a.pdf', 'attachment; filename="a.pdf"'],
    ['a b.pdf', 'attachment; filename="a b.pdf"'],
    ['Übersicht.pdf', `attachment; filename="_bersicht.pdf"; filename*=UTF-8''%C3%9Cbersicht.pdf`],
    ['50%"x".txt', `attachment; filename="50__x_.txt"; filename*=UTF-8''50%25%22x%22.txt`],
    ['../../etc/passwd', 'attachment; filename="....etcpasswd"'],
    ['a\\b', 'attachment; filename="ab"'],
    ['x\r\nSet-Cookie: a=b', 'attachment; filename="xSet-Cookie: a=b"'],
    ['exe.\u202Etxt', 'attachment; filename="exe.txt"'],
    ["it's (1)*.txt", `attachment; filename="it's (1)*.txt"`],
    ['密', `attachment; filename="_"; filename*=UTF-8''%E5%AF%86`],
    ["é(1)*'.txt", `attachment; filename="_(1)*'.txt"; filename*=UTF-8''%C3%A9%281%29%2A%27.txt`],
    ['\u0000', 'attachment'],
  ])('named %j is offered as %s', (filename, offered) => {
    expect(disposition('attachment', filename)).toBe(offered);
  });

  test('of any name makes one well-formed header', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string({ unit: 'grapheme' }),
          fc.string().map((text) => `${text}\ud800`),
        ),
        (filename) => {
          const value = disposition('attachment', filename);
          expect(value).toMatch(
            /^attachment(?:; filename="[\u0020-\u0021\u0023-\u005b\u005d-\u007e]+"(?:; filename\*=UTF-8''(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+)?)?$/,
          );
          expect(new Headers({ 'Content-Disposition': value }).get('Content-Disposition')).toBe(value);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('of any type is served under a well-formed type that nothing runs', () => {
    const part = fc.constantFrom(
      'text',
      'html',
      'xml',
      'svg',
      'image',
      'application',
      '+',
      '/',
      ';',
      ' ',
      'x',
      '\n',
      'HTML',
      'xhtml',
      'javascript',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part, { maxLength: 6 }).map((parts) => parts.join('')),
        ),
        (type) => {
          const served = servedType(type);
          expect(served).toMatch(/^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/);
          expect(served).not.toMatch(/^text\/html$|^text\/xml$|\/xml$|\+xml$|^image\/svg|xhtml|^text\/javascript$/);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
