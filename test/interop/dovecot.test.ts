/**
 * The whole gateway, over HTTP alone, against a mail server that others wrote: Dovecot with the corpus in a Maildir.
 * Needs Debian's dovecot-pop3d and root; without them the suite is skipped, and says so.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadOrCreate } from '../support/certificates.ts';
import { corpus } from '../support/corpus.ts';
import { dovecotAvailable, startDovecot } from '../support/dovecot.ts';
import type { Dovecot } from '../support/dovecot.ts';
import { startGateway } from '../support/gateway.ts';
import type { Gateway } from '../support/gateway.ts';
import { rawClient, unstuffed } from '../support/raw-client.ts';

const available = dovecotAvailable();
if (!available && process.env.CI) throw new Error('Dovecot is not installed, or this is not root; in CI it must be there.');
if (!available)
  process.stderr.write('\n!!! Dovecot is not installed here, or this is not root: NOTHING IS TESTED AGAINST A REAL MAIL SERVER.\n\n');

const OPERATOR = randomBytes(24).toString('hex');
const PASSWORD = 'påss wörd';
const MESSAGES = corpus(new Date());
const USERS = ['ann', 'ben', 'carl', 'dora'] as const;

interface Listed {
  id: string;
  size: number;
  subject: string | null;
}

describe.skipIf(!available)('against Dovecot', () => {
  let dir = '';
  let ca = '';
  let dovecot: Dovecot;
  let gateway: Gateway;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'popgate-interop-'));
    const tls = await loadOrCreate(join(dir, 'certificates'));
    ca = tls.ca;
    dovecot = await startDovecot({ users: Object.fromEntries(USERS.map((user) => [user, PASSWORD])), tls });
    gateway = await startGateway({
      persistTo: join(dir, 'state'),
      caFile: tls.caFile,
      vars: {
        OPERATOR_KEY: OPERATOR,
        MASTER_KEY: `k1:${randomBytes(32).toString('base64')}`,
        ALLOWED_TARGETS: `localhost:${dovecot.port},localhost:${dovecot.startTlsPort}`,
        SESSION_LINGER_MS: '0',
      },
    });
    for (const { octets } of MESSAGES) await dovecot.deliver('ann', octets);
  });

  afterAll(async () => {
    await gateway?.stop();
    await dovecot?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  function ask(method: string, path: string, body?: object): Promise<Response> {
    const headers = { authorization: `Bearer ${OPERATOR}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    return fetch(gateway.url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  }

  function wanted(username: string, password: string, more: object = {}): object {
    return { server: { host: 'localhost', port: dovecot.port }, auth: { username, password, ...more }, pollSeconds: 0, token: null };
  }

  /** Makes an account and returns its path. */
  async function account(username: string, more: object = {}): Promise<string> {
    const made = await json<{ account: { id: string } }>(
      await ask('POST', '/v1/accounts', { ...wanted(username, PASSWORD), ...more }),
      201,
    );
    return `/v1/accounts/${made.account.id}`;
  }

  async function listed(path: string): Promise<Listed[]> {
    return (await json<{ data: Listed[] }>(await ask('GET', `${path}/messages?limit=200&order=oldest&maxAge=0`))).data;
  }

  test('Dovecot itself serves what was delivered, octet for octet', async () => {
    await dovecot.deliver('dora', MESSAGES[0]!.octets);
    const client = rawClient(dovecot.port, ca);
    client.send(`AUTH PLAIN ${Buffer.from(`\0dora\0${PASSWORD}`).toString('base64')}\r\nRETR 1\r\nQUIT\r\n`);
    for (let line = 0; line < 3; line += 1) expect(await client.line()).toMatch(/^\+OK/);
    expect(unstuffed(await client.lines()).equals(MESSAGES[0]!.octets)).toBe(true);
    await client.rest();
  });

  test('every message is listed in order, and comes out octet for octet', async () => {
    const path = await account('ann');
    const rows = await listed(path);
    expect(rows.map(({ size }) => size)).toEqual(MESSAGES.map(({ octets }) => octets.length));
    for (const [index, { id }] of rows.entries()) {
      const raw = await ask('GET', `${path}/messages/${id}/raw`);
      expect(raw.status, MESSAGES[index]!.name).toBe(200);
      expect(digest(new Uint8Array(await raw.arrayBuffer())), MESSAGES[index]!.name).toBe(digest(MESSAGES[index]!.octets));
    }
  });

  test('every attachment is found and comes out octet for octet', async () => {
    const path = await account('ann');
    const rows = await listed(path);
    for (const [index, { id }] of rows.entries()) {
      const { name, attachments } = MESSAGES[index]!;
      const message = await json<{ attachments: { id: string; filename: string | null; size: number; sha256: string; url: string }[] }>(
        await ask('GET', `${path}/messages/${id}`),
      );
      const own = message.attachments.filter((attachment) => !insideAnother(attachment, message.attachments));
      expect(
        own.map(({ size, sha256 }) => ({ size, sha256 })),
        name,
      ).toEqual(attachments.map(({ size, sha256 }) => ({ size, sha256 })));
      for (const { url, sha256 } of own) {
        const octets = new Uint8Array(await (await ask('GET', url)).arrayBuffer());
        expect(digest(octets), `${name} ${url}`).toBe(sha256);
      }
    }
  });

  test('a deleted message is gone from the Maildir, and no other is', async () => {
    const letters = MESSAGES.slice(0, 5).map(({ octets }) => octets);
    for (const octets of letters) await dovecot.deliver('ben', octets);
    const path = await account('ben');
    const rows = await listed(path);
    expect((await ask('DELETE', `${path}/messages/${rows[2]!.id}`)).status).toBe(204);
    expect((await dovecot.files('ben')).map(digest)).toEqual([0, 1, 3, 4].map((index) => digest(letters[index]!)));
    expect((await listed(path)).map(({ id }) => id)).toEqual([0, 1, 3, 4].map((index) => rows[index]!.id));
  });

  test('mail that comes is told once by the change feed', async () => {
    const path = await account('carl');
    const before = await json<{ newState: string }>(await ask('GET', `${path}/changes?maxAge=0`));
    await dovecot.deliver('carl', MESSAGES[1]!.octets);
    type Page = { created: Listed[]; newState: string };
    const after = await json<Page>(await ask('GET', `${path}/changes?since=${before.newState}&maxAge=0`));
    expect(after.created.map(({ size }) => size)).toEqual([MESSAGES[1]!.octets.length]);
    const again = await json<Page>(await ask('GET', `${path}/changes?since=${after.newState}&maxAge=0`));
    expect(again.created).toEqual([]);
  });

  test('STLS works, and is required when asked for', async () => {
    const path = await account('dora', { server: { host: 'localhost', port: dovecot.startTlsPort, security: 'starttls' } });
    expect((await listed(path)).length).toBe((await dovecot.files('dora')).length);
  });

  test.each(['plain', 'user'])('logs in by %s', async (method) => {
    const made = await ask('POST', '/v1/accounts', wanted('dora', PASSWORD, { method }));
    await json(made, 201);
  });

  test('a wrong password is the mail server’s refusal, and nothing is stored', async () => {
    const before = await json<{ data: unknown[] }>(await ask('GET', '/v1/accounts?limit=200'));
    const problem = await json<{ code: string }>(await ask('POST', '/v1/accounts', wanted('ann', 'wrong')), 424);
    expect(problem.code).toBe('upstream_auth_failed');
    expect(await json(await ask('GET', '/v1/accounts?limit=200'))).toEqual(before);
  });
});

async function json<T>(response: Response, status = 200): Promise<T> {
  const text = await response.text();
  expect(response.status, text.slice(0, 500)).toBe(status);
  return JSON.parse(text) as T;
}

function digest(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** Whether an attachment's path lies inside a nested message's: the corpus counts the nested message alone. */
function insideAnother(attachment: { id: string }, all: readonly { id: string }[]): boolean {
  return all.some((other) => other !== attachment && attachment.id.startsWith(`${other.id}.`));
}
