/** One user's whole story with a full mailbox, in the order in which it happens, over HTTP alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccountView, ChangesPage, ListItem, MessagePage, MessageView, SyncReport } from '../../src/mailbox/rpc.ts';
import type { CorpusMessage } from '../support/corpus.ts';
import { Maildrop } from '../support/maildrop.ts';
import { startPop3Server } from '../support/pop3-server.ts';
import type { Client, Created } from './client.ts';
import { base64Sha256, FILE, MESSAGES, outermost, safeName, sha256, SUBJECT, TEXT, WILD } from './letters.ts';
import { World } from './world.ts';

const PASSWORD = 'pässwörd of the story, 100 % "secret"';

const drop = new Maildrop();
let world: World;
let created: Created;
let app: Client;
let path: string;
let listed: ListItem[];
let state: string;

/** The path of a message by its UIDL, which is its name here. */
function messagePath(name: string): string {
  return `${path}/messages/${listed.find((item) => item.uidl === name)?.id}`;
}

beforeAll(async () => {
  world = await World.make();
  for (const message of MESSAGES) drop.add(message.octets, message.name);
  const users = new Map([['demo@example.org', { password: PASSWORD, maildrop: drop }]]);
  const mail = await world.add(startPop3Server({ users, tls: world.certificate }));
  world.secrets.add(PASSWORD);
  await world.start();
  const server = { host: 'localhost', port: mail.port };
  const auth = { username: 'demo@example.org', password: PASSWORD };
  const answer = await world.operator.call('POST', '/v1/accounts', {
    json: { server, auth, externalId: 'user-17', token: { label: 'phone' } },
  });
  expect(answer.status, answer.octets.toString('utf8')).toBe(201);
  created = answer.json as Created;
  world.secrets.add(created.token?.secret ?? '');
  path = answer.headers.get('Location') ?? '';
  app = world.as(created.token?.secret ?? null);
});

afterAll(() => world?.end());

describe('an account', () => {
  test('is made by the operator, with a token that is shown once and never kept by a cache', async () => {
    const { account, token } = created;
    expect(account.id).toMatch(/^acc_[0-9A-Za-z]{22}$/);
    expect(path).toBe(`/v1/accounts/${account.id}`);
    expect(account).toMatchObject({
      email: 'demo@example.org',
      externalId: 'user-17',
      state: 'ready',
      paused: false,
      pollSeconds: 300,
      initial: 'all',
    });
    expect(token).toMatchObject({ scopes: ['manage'], expiresAt: null, origins: [], label: 'phone' });
    expect(token?.secret).toMatch(new RegExp(`^pgt_${account.id.slice(4)}_[0-9A-Za-z]{36}$`));
    const list = await world.operator.call('GET', '/v1/accounts?externalId=user-17');
    const { id, email, externalId } = account;
    expect(list.json).toEqual({ data: [{ id, email, externalId, host: 'localhost', createdAt: expect.any(String) }], nextCursor: null });
    expect(list.octets.toString('utf8')).not.toContain(token?.secret);
  });
});

describe('the list', () => {
  test('has every message, newest first, with what its header says', async () => {
    const page = await app.get<MessagePage>(`${path}/messages?limit=200`);
    listed = page.data as ListItem[];
    expect(page.total).toBe(MESSAGES.length);
    expect(page.nextCursor).toBeNull();
    expect(page.sync).toMatchObject({ stale: false, problem: null });
    expect(listed.map((item) => item.uidl)).toEqual(MESSAGES.map(({ name }) => name).reverse());
    expect(listed.map((item) => item.size)).toEqual(MESSAGES.map(({ octets }) => octets.length).reverse());
    expect(new Set(listed.map((item) => item.id)).size).toBe(MESSAGES.length);
    expect(listed[0]).toMatchObject({
      subject: SUBJECT,
      from: [{ name: 'Ann Example', address: 'ann@example.com' }],
      to: [{ name: '', address: 'demo@example.org' }],
      date: '2026-11-20T10:23:45Z',
      receivedAt: '2026-11-20T10:24:02Z',
      messageId: '<wombat.1@example.com>',
      preview: TEXT,
    });
  });

  test.each(['newest', 'oldest'])('comes in pages, %s first, each message once', async (order) => {
    const ids: (string | undefined)[] = [];
    for (let cursor = ''; ;) {
      const page = await app.get<MessagePage>(
        `${path}/messages?limit=30&order=${order}&fields=subject&cursor=${encodeURIComponent(cursor)}`,
      );
      expect(page.data.every((item) => Object.keys(item).sort().join() === 'id,subject')).toBe(true);
      ids.push(...page.data.map((item) => item.id));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    const all = listed.map((item) => item.id);
    expect(ids).toEqual(order === 'newest' ? all : all.toReversed());
  });
});

describe('a message', () => {
  test('is shown as JSON, with a digest of each attachment', async () => {
    const message = await app.get<MessageView>(messagePath('letter'));
    expect(message).toMatchObject({ subject: SUBJECT, detail: 'full', html: null, htmlMode: 'safe', textTruncated: false, defects: [] });
    expect(message.text?.trim()).toBe(TEXT);
    expect(message.headers.map(([name]) => name)).toEqual([
      'Received',
      'From',
      'To',
      'Subject',
      'Date',
      'Message-ID',
      'MIME-Version',
      'Content-Type',
    ]);
    expect(message.attachments).toEqual([
      {
        id: '2',
        filename: 'plan.pdf',
        contentType: 'application/pdf',
        size: FILE.length,
        sha256: sha256(FILE),
        disposition: 'attachment',
        contentId: null,
        inline: false,
        url: `${messagePath('letter')}/attachments/2`,
      },
    ]);
  });

  test('is the same after it has been read', async () => {
    const first = await app.get<MessageView>(messagePath('letter'));
    expect(await app.get<MessageView>(messagePath('letter'))).toEqual(first);
  });

  test.each(['attachments/1', 'attachments/0', 'attachments/2.1', 'attachments/2%2F..'])('has no part %s', async (part) => {
    await app.refused(404, 'not_found', 'GET', `${messagePath('letter')}/${part}`);
  });

  test.each(['AAAAAAAAAAAAAAAAAAAAAA', 'x', '%00', 'A'.repeat(600)])('is not found by the id %s, which was never given', async (id) => {
    for (const rest of ['', '/raw', '/attachments/2']) await app.refused(404, 'not_found', 'GET', `${path}/messages/${id}${rest}`);
    await app.refused(404, 'not_found', 'DELETE', `${path}/messages/${id}`);
  });
});

describe('every message of a full mailbox', () => {
  test.each(MESSAGES.map((message): [string, CorpusMessage] => [message.name, message]))('%s', async (name, { octets, attachments }) => {
    const message = await app.get<MessageView>(messagePath(name));
    expect(message).toMatchObject({ uidl: name, detail: 'full' });
    expect(outermost(message.attachments)).toEqual(attachments.map((file) => ({ ...file, filename: safeName(file.filename) })));

    const raw = await app.call('GET', `${messagePath(name)}/raw`);
    expect(raw.status).toBe(200);
    expect(raw.octets.equals(octets), 'the octets are those on the server').toBe(true);
    expect(raw.headers.get('Content-Type')).toBe('message/rfc822');
    expect(raw.headers.get('Repr-Digest')).toBe(`sha-256=:${base64Sha256(octets)}:`);

    for (const { url, sha256: digest, size } of message.attachments) {
      const file = await app.call('GET', url);
      expect({ status: file.status, size: file.octets.length, digest: sha256(file.octets) }).toEqual({ status: 200, size, digest });
      expect(file.headers.get('Content-Disposition')).toMatch(/^attachment(?:;|$)/);
      expect(file.headers.get('Content-Security-Policy')).toBe("sandbox; default-src 'none'");
      expect(file.headers.get('Content-Type')).not.toMatch(/html|svg|xml|script/);
    }
  });

  test('is told of by HEAD without its octets', async () => {
    const head = await app.call('HEAD', `${messagePath('every-octet')}/raw`);
    expect({ status: head.status, length: head.headers.get('Content-Length') }).toEqual({ status: 200, length: String(WILD.length) });
    expect(head.octets.length).toBe(0);
  });
});

describe('changes', () => {
  test('from the start are every message once, oldest first', async () => {
    const ids: string[] = [];
    for (let since = '', more = true; more; since = state) {
      const page = await app.get<ChangesPage>(`${path}/changes?limit=40&include=ids&since=${since}`);
      expect(page).toMatchObject({ destroyed: [], destroyedComplete: true, renumbered: false });
      expect(page.created.length + page.updated.length).toBeLessThanOrEqual(40);
      ids.push(...page.created.map(({ id }) => id));
      state = page.newState;
      more = page.hasMore;
    }
    expect(ids).toEqual(listed.map(({ id }) => id).reverse());
  });

  test('are none while nothing happens', async () => {
    const page = await app.get<ChangesPage>(`${path}/changes?since=${state}`);
    expect(page).toMatchObject({ oldState: state, newState: state, hasMore: false, created: [], updated: [], destroyed: [] });
  });

  test('are what came and what went, by whom', async () => {
    const deleted = await app.call('DELETE', messagePath('letter'));
    expect(deleted.status).toBe(204);
    expect(drop.list().map(({ uidl }) => uidl)).not.toContain('letter');
    expect((await app.call('DELETE', messagePath('letter'))).status).toBe(204);
    drop.remove('thread-1');
    drop.add(Buffer.from('Subject: A new one\r\n\r\nHello.\r\n'), 'new-one');

    const report = await app.json<SyncReport>('POST', `${path}/sync`);
    expect(report).toMatchObject({ created: 1, destroyed: 1, total: MESSAGES.length - 1, renumbered: false, sync: { stale: false } });
    expect(report.upstream.flights).toBeGreaterThan(0);
    expect(report.upstream.bytesIn).toBeGreaterThan(0);
    expect(report.upstream.commands).toMatchObject({ UIDL: expect.any(Number) });

    const page = await app.get<ChangesPage>(`${path}/changes?since=${state}`);
    expect(page.hasMore).toBe(false);
    expect(page.created).toMatchObject([{ uidl: 'new-one', subject: 'A new one', preview: 'Hello.' }]);
    expect(page.destroyed).toEqual([
      { id: messagePath('letter').split('/').at(-1), reason: 'api' },
      { id: messagePath('thread-1').split('/').at(-1), reason: 'server' },
    ]);
    expect(page.newState).toBe(report.sync.state);
    const list = await app.get<MessagePage>(`${path}/messages?limit=200`);
    expect(list.data.map(({ uidl }) => uidl)).toEqual([
      'new-one',
      ...listed.map(({ uidl }) => uidl).filter((uidl) => uidl !== 'letter' && uidl !== 'thread-1'),
    ]);
  });
});

describe('the end', () => {
  test('the account says how it is, and neither its password nor its token', async () => {
    const answer = await app.call('GET', path);
    const account = answer.json as AccountView;
    const octets = drop.list().reduce((sum, mail) => sum + mail.octets.length, 0);
    expect(account).toMatchObject({
      state: 'ready',
      lastError: null,
      consecutiveFailures: 0,
      server: { host: 'localhost', security: 'tls', capabilities: expect.arrayContaining(['UIDL', 'TOP']), expire: 'never' },
      mailbox: { messages: drop.list().length, octets },
      indexing: { done: drop.list().length, of: drop.list().length },
      sync: { stale: false },
    });
    expect(account.cache.usedBytes).toBeGreaterThan(0);
    for (const secret of world.secrets) expect(answer.octets.toString('utf8')).not.toContain(secret);
  });

  test('an account that is removed is gone: 404 for the operator, 401 for its token', async () => {
    expect((await app.call('DELETE', path)).status).toBe(204);
    for (const gone of [path, `${path}/messages`, `${path}/changes`, `${messagePath('pdf')}/raw`]) {
      await world.operator.refused(404, 'not_found', 'GET', gone);
      await app.refused(401, 'unauthorized', 'GET', gone);
    }
    await world.operator.refused(404, 'not_found', 'DELETE', path);
    await app.refused(401, 'unauthorized', 'DELETE', path);
    expect(await world.operator.get('/v1/accounts')).toEqual({ data: [], nextCursor: null });
    expect(drop.list().length).toBe(MESSAGES.length - 1);
  });

  test('nothing that was secret or read has been printed', () => {
    expect(world.lines.join('\n')).toContain('POST /v1/accounts 201');
    expect(world.printed(SUBJECT, TEXT, 'demo@example.org', 'plan.pdf', 'user-17')).toEqual([]);
  });
});
