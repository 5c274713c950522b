/**
 * A thousand messages on Dovecot, whose administrator changes how unique-ids are made (`pop3_uidl_format`) and restarts it:
 * every UIDL is another, every message the same. One sync later each message has the id that it had, and the feed says that
 * nothing came and nothing went.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChangesPage, ListItem, MessagePage, SyncReport } from '../../src/mailbox/rpc.ts';
import { loadOrCreate } from '../support/certificates.ts';
import { type Dovecot, dovecotAvailable, startDovecot } from '../support/dovecot.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';

const COUNT = 1_000;
const PAGE = 200;
const OPERATOR = randomBytes(24).toString('hex');
const available = dovecotAvailable();
if (!available && process.env.CI) throw new Error('Dovecot is not installed, or this is not root; in CI it must be there.');

/** Each changes every unique-id of the one before: number and validity, the file's name, validity and number. */
const FORMATS = ['%08Xu%08Xv', '%f', '%v.%u'] as const;
const uidlFormat = (format: string): string[] => [`pop3_uidl_format = ${format}`];

/** What a renumbering must leave as it was. */
interface Known {
  readonly id: string;
  readonly subject: string | null;
}

describe.skipIf(!available)('a thousand messages on a Dovecot that gives them other unique-ids', () => {
  let dir = '';
  let dovecot: Dovecot;
  let gateway: Gateway;
  let account = '';
  let state = '';
  let known: Known[] = [];
  let uidls = new Set<string | null>();

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'popgate-renumbered-'));
    const tls = await loadOrCreate(join(dir, 'certificates'));
    dovecot = await startDovecot({ users: { ann: 'secret' }, tls, settings: uidlFormat(FORMATS[0]) });
    for (let n = 0; n < COUNT; n++) await dovecot.deliver('ann', letter(n));
    const vars = {
      OPERATOR_KEY: OPERATOR,
      MASTER_KEY: `k1:${randomBytes(32).toString('base64')}`,
      ALLOWED_TARGETS: `localhost:${dovecot.port}`,
      // A session that lingers would be the old server's.
      SESSION_LINGER_MS: '0',
    };
    gateway = await startGateway({ persistTo: join(dir, 'state'), caFile: tls.caFile, vars });
  });

  afterAll(async () => {
    await gateway?.stop();
    await dovecot?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function ask<T>(method: string, path: string, json?: unknown): Promise<T> {
    const headers = { authorization: `Bearer ${OPERATOR}`, 'content-type': 'application/json' };
    const body = json === undefined ? {} : { body: JSON.stringify(json) };
    const response = await fetch(gateway.url + path, { method, headers, ...body });
    expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true);
    return (await response.json()) as T;
  }

  /** All messages, oldest first, from the ledger. */
  async function listed(): Promise<ListItem[]> {
    const items: ListItem[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const behind = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: MessagePage = await ask('GET', `${account}/messages?limit=${PAGE}&order=oldest&maxAge=3600${behind}`);
      items.push(...(page.data as ListItem[]));
      cursor = page.nextCursor;
    }
    return items;
  }

  test('are listed, and their headers read', async () => {
    const { account: made } = await ask<{ account: { id: string } }>('POST', '/v1/accounts', {
      server: { host: 'localhost', port: dovecot.port },
      auth: { username: 'ann', password: 'secret' },
      pollSeconds: 0,
      token: null,
    });
    account = `/v1/accounts/${made.id}`;
    const items = await listed();
    known = items.map(({ id, subject }) => ({ id, subject }));
    uidls = new Set(items.map((item) => item.uidl));
    expect(known.map(({ subject }) => subject)).toEqual(Array.from({ length: COUNT }, (_, n) => `letter ${n}`));
    expect(new Set(known.map(({ id }) => id)).size).toBe(COUNT);
    // What was indexed while it was listed is told of once more; from here on there must be nothing.
    state = (await ask<MessagePage>('GET', `${account}/messages?limit=1&maxAge=3600`)).sync.state ?? '';
  });

  test.each(FORMATS.slice(1))('keep their ids through pop3_uidl_format = %s, in one sync', async (format) => {
    await dovecot.restart(uidlFormat(format));
    const report = await ask<SyncReport>('POST', `${account}/sync`);
    expect(report).toMatchObject({ created: 0, destroyed: 0, total: COUNT, renumbered: true, sync: { stale: false } });

    const items = await listed();
    expect(items.map(({ id, subject }) => ({ id, subject }))).toEqual(known);
    // The unique-ids are others, all of them: it is not the old listing that is shown.
    expect(items.filter((item) => uidls.has(item.uidl))).toEqual([]);
    uidls = new Set(items.map((item) => item.uidl));
    expect(uidls.size).toBe(COUNT);

    const changes = await ask<ChangesPage>('GET', `${account}/changes?since=${state}&maxAge=3600`);
    expect(changes).toMatchObject({ created: [], updated: [], destroyed: [], renumbered: true, hasMore: false });
    state = changes.newState;

    const next = await ask<SyncReport>('POST', `${account}/sync`);
    expect(next).toMatchObject({ created: 0, destroyed: 0, total: COUNT, renumbered: false });
  });

  test('are read by what they are called now, and one that comes is new', async () => {
    const { id, subject } = known[COUNT / 2] as Known;
    const message = await ask<{ text: string; subject: string }>('GET', `${account}/messages/${id}`);
    expect(message).toMatchObject({ subject, text: `Text of letter ${COUNT / 2}.\n` });
    await dovecot.deliver('ann', letter(COUNT));
    const changes = await ask<ChangesPage>('GET', `${account}/changes?since=${state}&maxAge=0`);
    expect(changes.created).toMatchObject([{ subject: `letter ${COUNT}` }]);
    expect(changes.destroyed).toEqual([]);
  });
});

function letter(n: number): Buffer {
  const head = `From: Ann <ann@example.com>\r\nSubject: letter ${n}\r\nMessage-ID: <${n}@example.com>\r\nDate: Fri, 20 Nov 2026 10:23:45 +0000\r\n`;
  return Buffer.from(`${head}\r\nText of letter ${n}.\r\n`);
}
