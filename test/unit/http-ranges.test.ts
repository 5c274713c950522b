/** Ranges of messages and of attachments (RFC 9110 §14), held against slices of the very octets that were sent. */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problemOf } from '../support/node-gateway.ts';
import { type KnownPart, messageOf, noise, octetsOf, OctetsWorld, sha256 } from './octets-world.ts';

const PARTS: KnownPart[] = [
  { type: 'application/zip', encoding: 'base64', content: noise(300_001) },
  { type: 'application/zip', encoding: 'quoted-printable', content: noise(100_003) },
  { type: 'application/zip', encoding: '8bit', content: Buffer.alloc(300_007, 'eight bits: \u00e4\u00f6\u00fc ', 'latin1') },
  { type: 'application/zip', encoding: 'base64', content: Buffer.alloc(0) },
];
const WHOLE = messageOf('large', PARTS);
const RESOURCES = [
  { name: 'raw', path: '/raw', octets: WHOLE },
  ...PARTS.slice(0, 3).map((part, index) => ({ name: part.encoding, path: `/attachments/${index + 2}`, octets: part.content })),
];

let world: OctetsWorld;
beforeAll(async () => {
  world = await OctetsWorld.of({ large: WHOLE, small: messageOf('small', []), other: messageOf('other', PARTS.slice(0, 1)) });
});
afterAll(() => world.close());

function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
  return world.get(world.message('large', path), headers, method);
}

describe.each(RESOURCES)('$name', ({ path, octets }) => {
  const { length } = octets;

  test('is sent whole, with all that a client needs to ask for ranges', async () => {
    await octetsOf(await ask(path));
    const response = await ask(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('Accept-Ranges')).toBe('bytes');
    expect(response.headers.get('Content-Length')).toBe(String(length));
    expect(response.headers.get('Repr-Digest')).toBe(`sha-256=:${sha256(octets).toString('base64')}:`);
    expect(response.headers.get('ETag')).toMatch(/^"[A-Za-z0-9_-]{22,}"$/);
    expect((await octetsOf(response)).equals(octets)).toBe(true);
  });

  test('gives any range as a slice of the original', async () => {
    const position = fc.oneof(fc.integer({ min: 0, max: length - 1 }), fc.constantFrom(0, 1, length - 1, 262_143, 262_144, 262_145));
    const range = fc.oneof(
      fc
        .tuple(position, position)
        .map(([a, b]) => ({ text: `${Math.min(a, b)}-${Math.max(a, b)}`, from: Math.min(a, b), to: Math.max(a, b) + 1 })),
      position.map((first) => ({ text: `${first}-`, from: first, to: length })),
      position.map((first) => ({ text: `${first}-${'9'.repeat(40)}`, from: first, to: length })),
      fc.integer({ min: 1, max: 2 * length }).map((last) => ({ text: `-${last}`, from: Math.max(0, length - last), to: length })),
    );
    await fc.assert(
      fc.asyncProperty(range, async ({ text, from, to }) => {
        fc.pre(from < length);
        const end = Math.min(to, length);
        const response = await ask(path, { Range: `bytes=${text}` });
        expect(response.status).toBe(206);
        expect(response.headers.get('Content-Range')).toBe(`bytes ${from}-${end - 1}/${length}`);
        expect(response.headers.get('Content-Length')).toBe(String(end - from));
        expect((await octetsOf(response)).equals(octets.subarray(from, end))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    'bytes=0-1,4-5',
    'bytes=5-4',
    'bytes=-',
    'bytes=a-b',
    'bytes=0-1;',
    'bytes 0-1',
    'bytes=1',
    'bytes=--1',
    'bytes= 0-1',
    'octets=0-1',
    'seconds=0-1',
    '',
  ])('is sent whole for %j', async (range) => {
    const response = await ask(path, { Range: range });
    expect(response.status).toBe(200);
    expect(response.headers.has('Content-Range')).toBe(false);
    expect((await octetsOf(response)).length).toBe(length);
  });

  test('is 416 behind its end, and for the last no octets', async () => {
    for (const range of [`bytes=${length}-`, `bytes=${length}-${length + 5}`, `bytes=${'9'.repeat(400)}-`, 'bytes=-0']) {
      const response = await ask(path, { Range: range });
      expect(response.headers.get('Content-Range')).toBe(`bytes */${length}`);
      expect(await problemOf(response)).toMatchObject({ status: 416, code: 'range_not_satisfiable' });
    }
  });

  test('is sent in part only if If-Range still holds', async () => {
    const etag = (await ask(path, {}, 'HEAD')).headers.get('ETag') ?? '';
    expect((await ask(path, { Range: 'bytes=1-3', 'If-Range': etag })).status).toBe(206);
    for (const other of ['"other"', `W/${etag}`, 'Fri, 20 Nov 2026 10:23:45 GMT', '*', 'nonsense', etag.slice(0, -1)]) {
      const response = await ask(path, { Range: 'bytes=1-3', 'If-Range': other });
      expect(response.status).toBe(200);
      expect((await octetsOf(response)).length).toBe(length);
    }
    // Behind the end of what is not there any more is no error.
    expect((await ask(path, { Range: `bytes=${length}-`, 'If-Range': '"other"' })).status).toBe(200);
  });

  test('has headers without octets, and no ranges, for HEAD', async () => {
    const [head, full] = [await ask(path, { Range: 'bytes=0-1' }, 'HEAD'), await ask(path)];
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    const lasting = (response: Response) => [...response.headers].filter(([name]) => !/^(?:request-id|ratelimit)$/.test(name));
    expect(lasting(head)).toEqual(lasting(full));
    await full.body?.cancel();
  });

  test('is sent if it is what If-Match names, and is 412 if not', async () => {
    const etag = (await ask(path, {}, 'HEAD')).headers.get('ETag') ?? '';
    for (const match of [etag, `"a", ${etag}`, '*']) expect((await ask(path, { 'If-Match': match, Range: 'bytes=0-0' })).status).toBe(206);
    for (const match of ['"a"', `W/${etag}`, 'nonsense', '']) {
      const response = await ask(path, { 'If-Match': match, 'If-None-Match': etag });
      expect(await problemOf(response)).toMatchObject({ status: 412, code: 'precondition_failed' });
    }
  });

  test('is 304 rather than a range for who has it', async () => {
    const etag = (await ask(path, {}, 'HEAD')).headers.get('ETag') ?? '';
    for (const range of ['bytes=0-1', `bytes=${length}-`]) {
      const response = await ask(path, { 'If-None-Match': etag, Range: range });
      expect(response.status).toBe(304);
      expect(response.headers.has('Content-Range')).toBe(false);
    }
  });
});

test('an empty attachment has no range but its last octets, which are all', async () => {
  expect((await ask('/attachments/5')).headers.get('Content-Length')).toBe('0');
  expect((await ask('/attachments/5', { Range: 'bytes=-5' })).status).toBe(200);
  const response = await ask('/attachments/5', { Range: 'bytes=0-' });
  expect(response.status).toBe(416);
  expect(response.headers.get('Content-Range')).toBe('bytes */0');
});

test('a range of what is not here is sent once all of it is, in one session', async () => {
  world.forgetCopies();
  const before = world.server.connections.total;
  const path = world.message('other', '/raw');
  const other = world.drop.list()[2]!.octets;
  const answers = await Promise.all(['bytes=0-9', 'bytes=-10'].map((range) => world.get(path, { Range: range })));
  expect(answers.map(({ status }) => status)).toEqual([206, 206]);
  expect((await octetsOf(answers[0]!)).equals(other.subarray(0, 10))).toBe(true);
  expect((await octetsOf(answers[1]!)).equals(other.subarray(-10))).toBe(true);
  expect(world.server.connections.total).toBe(before + 1);
});

test('a range of a message, or of a part that is sent as it is, reads only the rows that it lies in', async () => {
  await octetsOf(await ask('/raw'));
  const { sql } = world.account.box;
  const exec = sql.exec.bind(sql);
  let rows = 0;
  sql.exec = (statement, ...bindings) => {
    if (statement.includes('FROM octets WHERE message')) rows += 1;
    return exec(statement, ...bindings);
  };
  try {
    await octetsOf(await ask('/raw', { Range: 'bytes=300000-300009' }));
    expect(rows).toBe(1);
    await octetsOf(await ask('/raw', { Range: 'bytes=262143-262144' }));
    expect(rows).toBe(3);
    await octetsOf(await ask('/attachments/4', { Range: 'bytes=-1' }));
    expect(rows).toBe(4);
  } finally {
    sql.exec = exec;
  }
});

describe('HEAD of a message that was never read', () => {
  test('says what is known, and asks nobody', async () => {
    const before = world.server.commands.length;
    const response = await world.get(world.message('small', '/raw'), {}, 'HEAD');
    expect(response.status).toBe(200);
    expect(response.headers.get('Accept-Ranges')).toBe('bytes');
    for (const name of ['Content-Length', 'ETag', 'Repr-Digest']) expect(response.headers.has(name)).toBe(false);
    expect(world.server.commands.length).toBe(before);
  });
});
