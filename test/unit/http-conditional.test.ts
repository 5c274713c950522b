/** Conditional requests (RFC 9110 §13): what a caller has already is not sent again, and nobody asks the mail server for that. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newMessageIds } from '../../src/crypto/ids.ts';
import { call, operationsOf } from '../support/api-operations.ts';
import { type MadeAccount, NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import { random } from './http-fakes.ts';
import { type KnownPart, messageOf, noise, octetsOf, OctetsWorld } from './octets-world.ts';

const PART: KnownPart = { type: 'image/png', encoding: 'base64', content: noise(1000) };
const READS = (await operationsOf(new NodeGateway())).filter(({ method, path }) => method === 'GET' && !/raw|attachments/.test(path));
const OCTETS = ['/raw', '/attachments/2'];

let world: OctetsWorld;
beforeAll(async () => {
  world = await OctetsWorld.of({ first: messageOf('first', [PART]), second: messageOf('second', []), third: messageOf('third', []) });
});
afterAll(() => world.close());

async function etagOf(path: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await world.get(path, headers);
  await octetsOf(response);
  // A message that was just fetched tells its tag from then on.
  return response.headers.get('ETag') ?? (await world.get(path, headers, 'HEAD')).headers.get('ETag') ?? '';
}

/** What a 304 must have as a 200 would (§15.4.5). */
function lasting(response: Response): Record<string, string | null> {
  return Object.fromEntries(['ETag', 'Cache-Control', 'Vary'].map((name) => [name, response.headers.get(name)]));
}

describe.each(READS)('$title', (operation) => {
  test('has a weak tag, and is 304 without octets for who names it', async () => {
    const parameters = { account: world.account.id, message: world.ids.get('first') ?? '', name: 'phone' };
    await world.gateway.ask('PUT', `${world.account.path}/checkpoints/phone`, { as: OPERATOR_KEY, json: { state: await stateOf() } });
    const as = operation.path === '/v1/token' ? world.account.token : OPERATOR_KEY;
    const ask = (headers: Record<string, string> = {}) => call(world.gateway, operation, parameters, { as, headers }, {});
    const full = await ask();
    expect(full.status).toBe(200);
    await octetsOf(full);
    const etag = full.headers.get('ETag') ?? '';
    expect(etag).toMatch(/^(?:W\/)?"[A-Za-z0-9_.-]+"$/);
    for (const known of [etag, etag.replace(/^W\//, ''), `"a", W/"b" ,${etag}`, '*']) {
      const response = await ask({ 'If-None-Match': known });
      expect(response.status).toBe(304);
      expect(lasting(response)).toEqual(lasting(full));
      expect(response.headers.has('Content-Type')).toBe(false);
      expect((await octetsOf(response)).length).toBe(0);
    }
    for (const other of ['"a"', `W/"${'A'.repeat(43)}"`, 'nonsense', `${etag}x`, '']) {
      const response = await ask({ 'If-None-Match': other });
      expect(response.status).toBe(200);
      await octetsOf(response);
    }
    if (etag.startsWith('W/')) expect(await problemOf(await ask({ 'If-Match': etag }))).toMatchObject({ code: 'precondition_failed' });
  });
});

async function stateOf(): Promise<string> {
  const { sync } = (await (await world.get('/messages')).json()) as { sync: { state: string } };
  return sync.state;
}

describe('from the ledger', () => {
  test.each([...OCTETS, '', '?html=none', '?remote=allowed&maxBodyBytes=5'])(
    'is told that …/messages/{id}%s is what the caller has, when no copy is left and no server there',
    async (rest) => {
      const etag = await etagOf(world.message('first', rest));
      world.forgetCopies();
      world.account.box.restart();
      const [connections, commands] = [world.server.connections.total, world.server.commands.length];
      const response = await world.get(world.message('first', rest), { 'If-None-Match': etag });
      expect(response.status).toBe(304);
      expect(response.headers.get('ETag')).toBe(etag);
      expect([world.server.connections.total, world.server.commands.length]).toEqual([connections, commands]);
      // With another tag it has to be fetched.
      await octetsOf(await world.get(world.message('first', rest), { 'If-None-Match': '"other"' }));
      expect(world.server.commands.length).toBeGreaterThan(commands);
    },
  );

  test.each(['/messages', '/messages?limit=1&order=oldest', '/changes'])('is told that …%s is what the caller has', async (path) => {
    await octetsOf(await world.get(path));
    const etag = await etagOf(path);
    const connections = world.server.connections.total;
    world.account.box.restart();
    expect((await world.get(path, { 'If-None-Match': etag })).status).toBe(304);
    expect(world.server.connections.total).toBe(connections);
  });

  test('is told of a copy that is older than the digests in the ledger', async () => {
    const etags = await Promise.all(['', ...OCTETS].map((rest) => etagOf(world.message('first', rest))));
    world.account.box.sql.exec(`UPDATE messages SET digest = NULL`);
    for (const [index, rest] of ['', ...OCTETS].entries())
      expect((await world.get(world.message('first', rest), { 'If-None-Match': etags[index] ?? '' })).status).toBe(304);
  });

  test('nothing is told to who may not read, or of what is not there', async () => {
    const etag = await etagOf(world.message('first', '/raw'));
    const other = await world.gateway.account(world.server.port, { scopes: ['write'] });
    const tellings: [MadeAccount['path'], string | undefined, number][] = [
      [world.account.path, undefined, 401],
      [world.account.path, other.token, 404],
      [other.path, other.token, 403],
      [other.path, OPERATOR_KEY, 404],
    ];
    for (const [path, as, status] of tellings)
      for (const rest of ['', ...OCTETS])
        for (const known of [etag, '*']) {
          const headers = { 'If-None-Match': known };
          const response = await world.gateway.ask('GET', path + world.message('first', rest), {
            headers,
            ...(as === undefined ? {} : { as }),
          });
          expect(response.status).toBe(status);
        }
    for (const rest of ['', ...OCTETS])
      expect((await world.get(`/messages/${newMessageIds(random, 1)[0]}${rest}`, { 'If-None-Match': '*' })).status).toBe(404);
    for (const part of ['1', '3', '2.1'])
      expect((await world.get(world.message('first', `/attachments/${part}`), { 'If-None-Match': '*' })).status).toBe(404);
  });

  test('a part is told by its own tag alone', async () => {
    const [raw, part] = await Promise.all(OCTETS.map((rest) => etagOf(world.message('first', rest))));
    expect(raw).not.toBe(part);
    const response = await world.get(world.message('first', '/attachments/9'), { 'If-None-Match': `${part}, ${raw}` });
    expect(response.status).toBe(404);
  });

  test('what is gone is gone, whatever the caller has', async () => {
    const etags = await Promise.all(['', ...OCTETS.slice(0, 1)].map((rest) => etagOf(world.message('third', rest))));
    const mail = world.drop.list()[2]!;
    world.drop.remove(mail.uidl);
    await octetsOf(await world.get('/messages?maxAge=0'));
    const ask = (index: number) => world.get(world.message('third', ['', '/raw'][index] ?? ''), { 'If-None-Match': etags[index] ?? '' });
    expect([(await ask(0)).status, (await ask(1)).status]).toEqual([304, 304]);
    world.forgetCopies();
    for (const index of [0, 1]) expect(await problemOf(await ask(index))).toMatchObject({ status: 410, code: 'message_gone' });
  });
});

describe('a tag changes', () => {
  test('of a message with all that shapes its JSON', async () => {
    const queries = ['', '?html=none', '?html=original', '?remote=allowed', '?maxBodyBytes=4', '?inline=tickets'];
    const tags = await Promise.all(queries.map((query) => etagOf(world.message('first', query))));
    expect(new Set(tags).size).toBe(queries.length);
    expect(await etagOf(world.message('first', '?html=safe&remote=blocked&inline=none&maxBodyBytes=262144'))).toBe(tags[0]);
    expect(await etagOf(world.message('second'))).not.toBe(tags[0]);
  });

  test('of a message whose UIDL or list members are others', async () => {
    const path = world.message('first');
    const before = await etagOf(path);
    const { sql } = world.account.box;
    const id = world.ids.get('first') ?? '';
    const [row] = sql.exec<{ uidl_hash: Uint8Array; updated: number | null }>(`SELECT uidl_hash, updated FROM messages WHERE id = ?`, id);
    sql.exec(`UPDATE messages SET uidl_hash = ? WHERE id = ?`, new Uint8Array(16), id);
    const renumbered = await etagOf(path);
    sql.exec(`UPDATE messages SET uidl_hash = ?, updated = 1000000 WHERE id = ?`, row!.uidl_hash, id);
    const updated = await etagOf(path);
    sql.exec(`UPDATE messages SET updated = ? WHERE id = ?`, row!.updated, id);
    expect(new Set([before, renumbered, updated]).size).toBe(3);
    expect(await etagOf(path)).toBe(before);
  });

  test('of everything about a message whose octets the server has changed', async () => {
    const paths = ['', ...OCTETS].map((rest) => world.message('first', rest));
    const before = await Promise.all(paths.map((path) => etagOf(path)));
    world.forgetCopies();
    const mail = world.drop.list().find(({ octets }) => Buffer.from(octets).includes('Subject: first'))!;
    Object.assign(mail, { octets: Buffer.concat([Buffer.from('X-Seen: yes\r\n'), mail.octets]) });
    for (const path of paths) await octetsOf(await world.get(path));
    const after = await Promise.all(paths.map((path) => etagOf(path)));
    for (const [index, tag] of after.entries()) expect(tag).not.toBe(before[index]);
  });

  test('of a list with every check of the server', async () => {
    const before = await etagOf('/messages');
    world.gateway.advance(31_000);
    const response = await world.get('/messages', { 'If-None-Match': before });
    expect(response.status).toBe(200);
    expect(response.headers.get('ETag')).not.toBe(before);
  });
});

test('the digest of a message is sealed like its content', async () => {
  await octetsOf(await world.get(world.message('second', '/raw')));
  const digest = (await world.get(world.message('second', '/raw'), {}, 'HEAD')).headers.get('ETag')?.slice(1, -1) ?? '';
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  const { sql } = world.account.box;
  const stored = sql.exec(`SELECT * FROM messages`).flatMap((row) => Object.values(row));
  const text = Buffer.concat(stored.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value)))));
  expect(text.includes(digest)).toBe(false);
  expect(text.includes(Buffer.from(digest, 'hex'))).toBe(false);
});
