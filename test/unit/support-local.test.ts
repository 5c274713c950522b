/** What `npm start` stands on: certificates, secrets, the demo's mailbox, and processes that end as a whole. */
import { X509Certificate, createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAuthority, loadOrCreate } from '../support/certificates.ts';
import type { IssueOptions } from '../support/certificates.ts';
import { demoMailbox } from '../support/demo-mailbox.ts';
import { ensureSecrets } from '../support/local-secrets.ts';
import type { Mail } from '../support/maildrop.ts';
import { freePort, portTaken } from '../support/ports.ts';
import { ProcessGroup } from '../support/process-group.ts';

let dir = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'popgate-test-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function handshake(options: IssueOptions, host: string): Promise<string> {
  const authority = await createAuthority();
  const server = createTlsServer(await authority.issue(options), (socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const result = await new Promise<string>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', servername: host === '127.0.0.1' ? '' : host, ca: authority.ca }, () =>
      resolve('trusted'),
    );
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.resume();
  });
  server.close();
  return result;
}

test('a certificate is trusted for loopback and for the names asked for, by its own authority', async () => {
  expect(await handshake({}, 'localhost')).toBe('trusted');
  expect(await handshake({}, '127.0.0.1')).toBe('trusted');
  expect(await handshake({ names: ['pop.example.com'] }, 'pop.example.com')).toBe('trusted');
});

test('a certificate can be made wrong: for another name, or expired', async () => {
  expect(await handshake({ names: ['pop.example.com'], onlyNames: true }, 'localhost')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(await handshake({ notAfter: new Date(Date.now() - 86_400_000) }, 'localhost')).toBe('CERT_HAS_EXPIRED');
});

test('certificates are kept while they are good and made again when not', async () => {
  const first = await loadOrCreate(dir);
  expect(await loadOrCreate(dir)).toEqual(first);
  expect(statSync(first.keyFile).mode & 0o777).toBe(0o600);
  expect(new X509Certificate(first.ca).ca).toBe(true);
  const renamed = await loadOrCreate(dir, ['pop.example.com']);
  expect(renamed.cert).not.toBe(first.cert);
  writeFileSync(renamed.certFile, 'torn');
  const mended = await loadOrCreate(dir);
  expect(new X509Certificate(mended.cert).checkIssued(new X509Certificate(mended.ca))).toBe(true);
});

test('secrets are made once, with mode 0600, and a value that is there is never changed', () => {
  const file = join(dir, '.dev.vars');
  writeFileSync(file, 'OTHER=kept\nOPERATOR_KEY="first-key-of-at-least-32-characters,second"', { mode: 0o644 });
  expect(ensureSecrets(file).operatorKey).toBe('first-key-of-at-least-32-characters');
  const after = readFileSync(file, 'utf8');
  expect(after).toMatch(/^OTHER=kept\nOPERATOR_KEY="first-key-of-at-least-32-characters,second"\nMASTER_KEY="k1:[A-Za-z0-9+/]{43}="\n$/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  ensureSecrets(file);
  expect(readFileSync(file, 'utf8')).toBe(after);
  const fresh = join(dir, 'fresh');
  expect(ensureSecrets(fresh).operatorKey.length).toBeGreaterThanOrEqual(32);
  expect(statSync(fresh).mode & 0o777).toBe(0o600);
});

test('targets that are listed beside the secrets are read, however they are written', () => {
  const file = join(dir, '.dev.vars');
  expect(ensureSecrets(file).allowedTargets).toBe('');
  appendFileSync(file, '# For the server in the next room.\nALLOWED_TARGETS="mail.test:1110, 127.0.0.1:995"\n');
  expect(ensureSecrets(file).allowedTargets).toBe('mail.test:1110, 127.0.0.1:995');
});

test('the demo’s mailbox is the same after a restart, without what was deleted', () => {
  const file = join(dir, 'mail.json');
  const first = demoMailbox(file).maildrop;
  expect(first.list().length).toBeGreaterThanOrEqual(30);
  const [gone, ...left] = first.list();
  first.remove(gone!.uidl);
  const second = demoMailbox(file).maildrop;
  expect(second.list().map(digest)).toEqual(left.map(digest));
});

function digest({ uidl, octets }: Mail): string {
  return `${uidl} ${createHash('sha256').update(octets).digest('hex')}`;
}

test('arrivals are kept over a restart, and a deleted one does not come back', () => {
  const file = join(dir, 'mail.json');
  const kept = {
    since: '2026-11-01T00:00:00.000Z',
    deleted: [],
    arrived: [1, 2].map((n) => ({ n, at: `2026-11-0${n}T10:00:00.000Z` })),
    next: 3,
  };
  writeFileSync(file, JSON.stringify(kept));
  const first = demoMailbox(file).maildrop;
  const [one, two] = first.list().slice(-2);
  expect([one?.uidl, two?.uidl].map((uidl) => uidl?.split('.')[0])).toEqual(['arrival-1', 'arrival-2']);
  first.remove(one!.uidl);
  expect(demoMailbox(file).maildrop.list().at(-1)).toEqual(two);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ deleted: [], arrived: [{ n: 2 }], next: 3 });
});

test('a process group ends with its grandchildren, and one that does not listen to SIGTERM is killed', async () => {
  const polite = new ProcessGroup('/bin/sh', ['-c', 'sleep 300 & echo $!; wait'], {});
  await expect.poll(() => polite.output()).toMatch(/^\d+\n$/);
  const grandchild = Number(polite.output());
  expect(alive(grandchild)).toBe(true);
  await polite.stop();
  expect(alive(grandchild)).toBe(false);
  const lines: string[] = [];
  const crashed = new ProcessGroup('/bin/sh', ['-c', 'trap "" TERM; echo up; sleep 300'], { onLine: (line) => lines.push(line) });
  await expect.poll(() => lines).toEqual(['up']);
  await crashed.kill();
  expect(crashed.over).toBe(true);
});

function alive(pid: number): boolean {
  try {
    // A zombie that nobody has reaped yet is dead.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('a program that can’t be started is over at once and says why', async () => {
  const group = new ProcessGroup('/nonexistent/program', [], {});
  await group.ended;
  expect(group.output()).toContain('ENOENT');
  await group.stop();
});

test('a taken port is seen as taken, a free one as free', async () => {
  const port = await freePort();
  expect(await portTaken(port)).toBe(false);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect(await portTaken(port)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});

test('the output that is kept of a process is bounded', async () => {
  const file = join(dir, 'long');
  appendFileSync(file, `${'x'.repeat(99)}\n`.repeat(2_000));
  const group = new ProcessGroup('/bin/cat', [file], {});
  await group.ended;
  await expect.poll(() => group.output().length).toBe(64 * 1024);
});
