/**
 * A thousand messages in a Maildir of Dovecot's, over TLS, while mail is delivered and deleted: what a client sees through
 * the gateway is what lies on the server's disk.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadOrCreate } from '../support/certificates.ts';
import { corpus, type CorpusMessage } from '../support/corpus.ts';
import { type Dovecot, dovecotAvailable, startDovecot } from '../support/dovecot.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';

const COUNT = 1_000;
const OPERATOR = randomBytes(24).toString('hex');
const available = dovecotAvailable();
if (!available && process.env.CI) throw new Error('Dovecot is not installed, or this is not root; in CI it must be there.');

interface Item {
  id: string;
  subject: string | null;
  messageId: string | null;
}

interface Changes {
  newState: string;
  hasMore: boolean;
  created: Item[];
  updated: Item[];
  destroyed: { id: string; reason: string }[];
}

const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

/** Messages made of the corpus, each with a header of its own so that all differ; small ones, so that a thousand are quick. */
function thousand(): { octets: Uint8Array; digests: string[] }[] {
  const small = corpus(new Date()).filter((message: CorpusMessage) => message.octets.length < 60_000);
  return Array.from({ length: COUNT }, (_, n) => {
    const { octets, attachments } = small[n % small.length] as CorpusMessage;
    return {
      octets: Buffer.concat([Buffer.from(`X-Serial: ${n}\r\n`), octets]),
      digests: attachments.map((attachment) => attachment.sha256).sort(),
    };
  });
}

describe.skipIf(!available)('a thousand messages on Dovecot', () => {
  const messages = thousand();
  let dir = '';
  let dovecot: Dovecot;
  let gateway: Gateway;
  let start: () => Promise<Gateway>;
  let account = '';
  const ids: string[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'popgate-thousand-'));
    const tls = await loadOrCreate(join(dir, 'certificates'));
    dovecot = await startDovecot({ users: { ann: 'secret' }, tls });
    for (const { octets } of messages) await dovecot.deliver('ann', octets);
    const vars = {
      OPERATOR_KEY: OPERATOR,
      MASTER_KEY: `k1:${randomBytes(32).toString('base64')}`,
      ALLOWED_TARGETS: `localhost:${dovecot.port}`,
    };
    start = () => startGateway({ persistTo: join(dir, 'state'), caFile: tls.caFile, vars });
    gateway = await start();
  });

  afterAll(async () => {
    await gateway?.stop();
    await dovecot?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${OPERATOR}`, 'content-type': 'application/json' };
    return fetch(gateway.url + path, { ...init, headers });
  }

  async function get<T>(path: string): Promise<T> {
    const response = await ask(account + path);
    expect(response.status, path).toBe(200);
    return (await response.json()) as T;
  }

  /** The digests of the files in the Maildir. */
  async function disk(): Promise<Set<string>> {
    return new Set((await dovecot.files('ann')).map(sha256));
  }

  test('are all listed once, page by page, while mail comes and goes', async () => {
    const body = {
      server: { host: 'localhost', port: dovecot.port },
      auth: { username: 'ann', password: 'secret' },
      pollSeconds: 0,
      token: null,
    };
    const made = await ask('/v1/accounts', { method: 'POST', body: JSON.stringify(body) });
    expect(made.status).toBe(201);
    account = made.headers.get('location') ?? '';
    let cursor: string | null = null;
    let pages = 0;
    do {
      const query = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { data: Item[]; nextCursor: string | null; total: number } = await get(
        `/messages?limit=150&order=oldest&fields=subject${query}`,
      );
      if (pages === 0) expect(page.total).toBe(COUNT);
      ids.push(...page.data.map((item) => item.id));
      cursor = page.nextCursor;
      pages += 1;
      // Behind the reader's back: one comes, and one goes that has been shown.
      await dovecot.deliver('ann', Buffer.from(`Subject: late ${pages}\r\n\r\nlate\r\n`));
      if (pages <= 2) expect((await ask(`${account}/messages/${ids[pages]}`, { method: 'DELETE' })).status).toBe(204);
      expect((await ask(`${account}/sync`, { method: 'POST' })).status).toBe(200);
    } while (cursor !== null && pages < 20);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(COUNT);
  });

  test('come out octet for octet as they lie on the disk, and with the attachments that went in', async () => {
    const onDisk = await disk();
    const byDigest = new Map(messages.map(({ octets, digests }) => [sha256(octets), digests]));
    const live = ids.filter((_, index) => index !== 1 && index !== 2);
    let matched = 0;
    for (const id of live) {
      const octets = Buffer.from(await (await ask(`${account}/messages/${id}/raw`)).arrayBuffer());
      expect(onDisk.has(sha256(octets))).toBe(true);
      const message = await get<{ id: string; attachments: { id: string; sha256: string }[] }>(`/messages/${id}?html=none`);
      const digests = byDigest.get(sha256(octets));
      if (!digests) continue;
      matched += 1;
      const found = message.attachments.map((attachment) => attachment.sha256);
      expect(digests.filter((digest) => !found.includes(digest))).toEqual([]);
    }
    expect(matched).toBe(COUNT - 2);
  });

  test('three of them deleted are gone from the disk, and the feed tells exactly that after a restart', async () => {
    const { sync } = await get<{ sync: { state: string } }>('/messages?limit=1&maxAge=0');
    const doomed = [ids[500], ids[700], ids[999]] as string[];
    const digests: string[] = [];
    for (const id of doomed) {
      digests.push(sha256(Buffer.from(await (await ask(`${account}/messages/${id}/raw`)).arrayBuffer())));
      expect((await ask(`${account}/messages/${id}`, { method: 'DELETE' })).status).toBe(204);
    }
    const left = await disk();
    expect(digests.filter((digest) => left.has(digest))).toEqual([]);
    await dovecot.deliver('ann', Buffer.from('Subject: after the state\r\n\r\nnew\r\n'));
    await gateway.stop();
    gateway = await start();
    const changes = await get<Changes>(`/changes?since=${encodeURIComponent(sync.state)}&maxAge=0`);
    expect(changes.hasMore).toBe(false);
    expect(changes.created.map((item) => item.subject)).toEqual(['after the state']);
    expect(changes.updated).toEqual([]);
    expect(changes.destroyed).toEqual(doomed.map((id) => ({ id, reason: 'api' })));
    expect(await get<Changes>(`/changes?since=${encodeURIComponent(changes.newState)}`)).toMatchObject({
      created: [],
      updated: [],
      destroyed: [],
    });
  });
});
