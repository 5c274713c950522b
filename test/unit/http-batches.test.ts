/** Several messages read or deleted by one request, and what is said of a message that is gone. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HTTP } from '../../src/limits.ts';
import { NodeGateway, OPERATOR_KEY, problemOf } from '../support/node-gateway.ts';
import type { MadeAccount } from '../support/node-gateway.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

const NEVER = 'A'.repeat(22);

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

/** A gateway with an account whose ids are in the order of the maildrop. */
async function open(options: Parameters<MailWorld['serve']>[0] = {}, token: Parameters<NodeGateway['account']>[1] = {}) {
  const server = await world.serve(options);
  const gateway = new NodeGateway({ ports: [server.port] });
  const account = await gateway.account(server.port, token);
  const post = (call: 'get' | 'delete', json: unknown, as = account.token): Promise<Response> =>
    gateway.ask('POST', `${account.path}/messages/${call}`, { as, json });
  return { server, gateway, account, post, ids: await world.ids(account.box) };
}

interface Part {
  id: string;
  message?: Record<string, unknown>;
  problem?: Record<string, unknown>;
}

async function partsOf(response: Response): Promise<Part[]> {
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as { data: Part[] };
  return data;
}

describe('POST …/messages/get', () => {
  test('gives messages and problems side by side, in the order asked', async () => {
    world.fill(3);
    const { gateway, account, post, ids } = await open();
    const response = await post('get', { ids: [ids[2], NEVER, ids[0], ids[2]] });
    expect(response.headers.get('Cache-Control')).toBe('private, no-cache');
    const requestId = response.headers.get('Request-Id');
    const parts = await partsOf(response);
    expect(parts.map(({ id }) => id)).toEqual([ids[2], NEVER, ids[0]]);
    for (const at of [0, 2]) {
      const one = await gateway.ask('GET', `${account.path}/messages/${parts[at]!.id}`, { as: account.token });
      expect(parts[at]).toEqual({ id: parts[at]!.id, message: await one.json() });
    }
    const alone = await problemOf(await gateway.ask('GET', `${account.path}/messages/${NEVER}`, { as: account.token }));
    expect(parts[1]).toEqual({ id: NEVER, problem: { ...alone, instance: `urn:uuid:${requestId}` } });
  });

  test('takes what one message takes, for all of them', async () => {
    world.drop.add(mail('long', `${'word '.repeat(100)}\r\n`));
    const { post, ids } = await open();
    const asked = { ids, html: 'none', remote: 'blocked', maxBodyBytes: 20, fields: ['text', 'textTruncated', 'htmlMode'] };
    expect(await partsOf(await post('get', asked))).toEqual([
      { id: ids[0], message: { id: ids[0], text: 'word word word word ', textTruncated: true, htmlMode: 'none' } },
    ]);
  });

  test('reads no message for list members', async () => {
    world.fill(2);
    const { server, post, ids } = await open();
    const parts = await partsOf(await post('get', { ids, fields: ['subject', 'uidl'] }));
    expect(parts.map(({ message }) => message)).toEqual([
      { id: ids[0], subject: 'mail 1', uidl: 'u1' },
      { id: ids[1], subject: 'mail 2', uidl: 'u2' },
    ]);
    expect(sent(server, 'RETR')).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['no ids', {}, '/ids'],
    ['ids that are no list', { ids: 'x' }, '/ids'],
    ['an id that is no text', { ids: [1] }, '/ids/0'],
    ['too many ids', { ids: Array.from({ length: HTTP.batchRead + 1 }, (_, n) => `id${n}`) }, '/ids'],
    ['a member that no message has', { ids: [], fields: ['id', 'secrets'] }, '/fields/1'],
    ['a mode that there is not', { ids: [], html: 'raw' }, '/html'],
    ['a body of no octets', { ids: [], maxBodyBytes: 0 }, '/maxBodyBytes'],
    ['a body that is too large', { ids: [], maxBodyBytes: 262_145 }, '/maxBodyBytes'],
    ['half an octet', { ids: [], maxBodyBytes: 1.5 }, '/maxBodyBytes'],
    ['a member that is not known', { ids: [], inline: 'tickets' }, ''],
  ])('refuses %s', async (_, json, pointer) => {
    const { post } = await open();
    const response = await post('get', json);
    expect(response.status).toBe(400);
    expect((await problemOf(response))['errors']).toMatchObject([{ pointer }]);
  });

  test('takes as many as it says, and none', async () => {
    const { post } = await open();
    const ids = Array.from({ length: HTTP.batchRead }, (_, n) => `id${n}`);
    const parts = await partsOf(await post('get', { ids }));
    expect(parts.map(({ id }) => id)).toEqual(ids);
    expect(new Set(parts.map(({ problem }) => problem?.['code']))).toEqual(new Set(['not_found']));
    expect(await partsOf(await post('get', { ids: [] }))).toEqual([]);
  });
});

describe('POST …/messages/delete', () => {
  test('says what became of each, and problems as anywhere', async () => {
    world.fill(4);
    const { account, post, ids } = await open({
      answer: ({ verb, argument }) => (verb === 'DELE' && argument === '3' ? '-ERR [SYS/PERM] Kept by law.\r\n' : null),
    });
    const response = await post('delete', { ids: [ids[3], NEVER, ids[2], ids[0], ids[3]] });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      deleted: [ids[3], ids[0]],
      notFound: [NEVER],
      failed: [
        {
          id: ids[2],
          problem: {
            type: '/problems/upstream_refused',
            title: expect.any(String),
            status: 502,
            detail: expect.any(String),
            instance: `urn:uuid:${response.headers.get('Request-Id')}`,
            code: 'upstream_refused',
            retryable: false,
            upstream: { phase: 'dele', responseCode: 'SYS/PERM', text: expect.stringContaining('Kept by law.') },
          },
        },
      ],
    });
    expect(world.uidls).toEqual(['u2', 'u3']);
    expect(account.box.sql.exec(`SELECT * FROM deletions`)).toEqual([]);
  });

  test('with dryRun says what would be, and nothing happens', async () => {
    world.fill(2);
    const { server, post, ids } = await open();
    const sessions = server.connections.total;
    const response = await post('delete', { ids: [...ids, NEVER], dryRun: true });
    expect(await response.json()).toEqual({ deleted: ids, notFound: [NEVER], failed: [] });
    expect(server.connections.total).toBe(sessions);
    expect(world.uidls).toEqual(['u1', 'u2']);
  });

  test('takes a thousand, and not one more', async () => {
    const { post } = await open();
    const ids = Array.from({ length: HTTP.batchDelete }, (_, n) => `id${n}`);
    expect(await (await post('delete', { ids })).json()).toEqual({ deleted: [], notFound: ids, failed: [] });
    expect((await problemOf(await post('delete', { ids: [...ids, 'x'] })))['errors']).toMatchObject([{ pointer: '/ids' }]);
  });

  test.each([{ ids: [], dryRun: 'yes' }, { ids: [], force: true }, {}])('refuses %j', async (json) => {
    const { post } = await open();
    expect((await post('delete', json)).status).toBe(400);
  });

  test.each([
    ['read', 200, 403],
    ['delete', 403, 200],
    ['write', 403, 403],
    ['manage', 200, 200],
  ] as const)('a token of scope %s may read: %i, delete: %i', async (scope, read, deletes) => {
    const { post } = await open({}, { scopes: [scope] });
    expect((await post('get', { ids: [] })).status).toBe(read);
    expect((await post('delete', { ids: [] })).status).toBe(deletes);
    expect((await post('delete', { ids: [] }, OPERATOR_KEY)).status).toBe(200);
  });
});

describe('DELETE …/messages/{id}', () => {
  test('is 204 now and again, 502 when it is not confirmed, 404 for an id never given', async () => {
    world.fill(2);
    let lost = false;
    const { gateway, account, ids } = await open({ answer: ({ verb }) => (lost && verb === 'QUIT' ? 'close' : null) });
    const remove = (id = ''): Promise<Response> => gateway.ask('DELETE', `${account.path}/messages/${id}`, { as: account.token });
    expect((await remove(ids[0])).status).toBe(204);
    expect((await remove(ids[0])).status).toBe(204);
    expect((await remove(NEVER)).status).toBe(404);
    lost = true;
    const response = await remove(ids[1]);
    expect(response.status).toBe(502);
    expect(await problemOf(response)).toMatchObject({ code: 'delete_unconfirmed', retryable: true, upstream: { phase: 'quit' } });
    lost = false;
    expect((await remove(ids[1])).status).toBe(204);
    expect(world.uidls).toEqual([]);
  });
});

describe('a message that is gone', () => {
  const MIXED = Buffer.from(
    'Subject: papers\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee below\r\n--b\r\n' +
      'Content-Type: text/csv; name=a.csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\na,b\r\n--b--\r\n',
  );

  /** The status of each way of asking for a message. */
  async function asked(gateway: NodeGateway, { path, token: as }: MadeAccount, id: string) {
    const status = async (way: string): Promise<number> => (await gateway.ask('GET', `${path}/messages/${id}${way}`, { as })).status;
    const part = async (fields: string[] | null): Promise<unknown> => {
      const [entry] = await partsOf(await gateway.ask('POST', `${path}/messages/get`, { as, json: { ids: [id], fields } }));
      return entry?.problem?.['status'] ?? 200;
    };
    const read = { message: await status(''), raw: await status('/raw'), attachment: await status('/attachments/2') };
    return { ...read, batch: await part(null), items: await part(['size']) };
  }

  const all = (status: number) => ({ message: status, raw: status, attachment: status, batch: status, items: status });

  test.each(['the server', 'the gateway'])('by %s is readable while its octets are held, then 410', async (by) => {
    for (const uidl of ['held', 'other', 'left']) world.drop.add(MIXED, uidl);
    const { gateway, account, post, ids } = await open();
    const [held = '', other = '', left = ''] = ids;
    await post('get', { ids: [held] });
    if (by === 'the server') {
      for (const uidl of ['held', 'other']) world.drop.remove(uidl);
      // The ledger doesn't know it yet, and the server is asked.
      expect(await asked(gateway, account, other)).toEqual({ ...all(410), items: 200 });
      await gateway.ask('POST', `${account.path}/sync`, { as: account.token });
    } else await post('delete', { ids: [held, other] });
    expect(await asked(gateway, account, held)).toEqual(all(200));
    expect(await asked(gateway, account, other)).toEqual(all(410));
    expect(await asked(gateway, account, left)).toEqual(all(200));
    expect(await (await post('delete', { ids: [held, other] })).json()).toMatchObject({ deleted: [held, other] });
  });

  test('is 404 everywhere when its id was never given', async () => {
    world.fill(1);
    const { gateway, account } = await open();
    expect(await asked(gateway, account, NEVER)).toEqual(all(404));
  });
});

test('the document describes both calls with an example', async () => {
  const document = (await (await new NodeGateway().ask('GET', '/openapi.json')).json()) as {
    paths: Record<string, { post: { responses: { 200: { content: Record<string, { example?: object }> } } } }>;
  };
  for (const [call, members] of [
    ['get', ['data']],
    ['delete', ['deleted', 'notFound', 'failed']],
  ] as const) {
    const operation = document.paths[`/v1/accounts/{account}/messages/${call}`]?.post;
    expect(Object.keys(operation?.responses[200].content['application/json']?.example ?? {})).toEqual(members);
  }
});
