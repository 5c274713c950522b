/** The demo's and the tests' POP3 server, over real sockets. */
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { corpus } from '../support/corpus.ts';
import { Maildrop } from '../support/maildrop.ts';
import { startPop3Server } from '../support/pop3-server.ts';
import type { Pop3Server, Pop3ServerOptions } from '../support/pop3-server.ts';
import { rawClient, unstuffed } from '../support/raw-client.ts';
import type { RawClient } from '../support/raw-client.ts';

const open: { close(): unknown }[] = [];
let ca = '';
let tls = { cert: '', key: '' };

beforeAll(async () => {
  const authority = await createAuthority();
  ca = authority.ca;
  tls = await authority.issue();
});

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function dropOf(...messages: string[]): Maildrop {
  const maildrop = new Maildrop();
  messages.forEach((message, index) => maildrop.add(Buffer.from(message, 'latin1'), `u${index + 1}`));
  return maildrop;
}

async function serve(maildrop: Maildrop, options: Partial<Pop3ServerOptions> = {}): Promise<Pop3Server> {
  const users = new Map([['ann', { password: 'sécret', maildrop }]]);
  const server = await startPop3Server({ users, ...options });
  open.push(server);
  return server;
}

async function dial(server: Pop3Server, trust?: string): Promise<RawClient> {
  const client = rawClient(server.port, trust);
  open.push(client);
  expect(await client.line()).toMatch(/^\+OK /);
  return client;
}

const PASSWORD = Buffer.from('sécret', 'utf8').toString('latin1');

async function loggedIn(server: Pop3Server, trust?: string): Promise<RawClient> {
  const client = await dial(server, trust);
  client.send(`USER ann\r\nPASS ${PASSWORD}\r\n`);
  await client.line();
  expect(await client.line()).toMatch(/^\+OK /);
  return client;
}

test('a maildrop is counted, listed and named, and a deleted message is left out at once', async () => {
  const client = await loggedIn(await serve(dropOf('a: b\r\n\r\nx\r\n', 'c: d\r\n\r\n', '')));
  client.send('STAT\r\nDELE 2\r\nSTAT\r\nLIST\r\nUIDL\r\nLIST 2\r\nUIDL 3\r\nRETR 9\r\nRETR 01\r\nRETR 2\r\n');
  expect(await client.line()).toBe('+OK 3 19\r\n');
  expect(await client.line()).toMatch(/^\+OK/);
  expect(await client.line()).toBe('+OK 2 11\r\n');
  expect([await client.line(), await client.lines()]).toEqual(['+OK\r\n', '1 11\r\n3 0\r\n.\r\n']);
  expect([await client.line(), await client.lines()]).toEqual(['+OK\r\n', '1 u1\r\n3 u3\r\n.\r\n']);
  expect(await client.line()).toMatch(/^-ERR/);
  expect(await client.line()).toBe('+OK 3 u3\r\n');
  for (let refused = 0; refused < 3; refused += 1) expect(await client.line()).toMatch(/^-ERR/);
});

test('every message of the corpus comes through TLS octet for octet, all commands written at once', async () => {
  const maildrop = new Maildrop();
  const messages = corpus(new Date('2026-11-01T00:00:00Z'));
  for (const { octets } of messages) maildrop.add(octets);
  const client = await loggedIn(await serve(maildrop, { tls }), ca);
  client.send(messages.map((_, index) => `RETR ${index + 1}\r\n`).join(''));
  for (const { name, octets } of messages) {
    expect(await client.line()).toBe(`+OK ${octets.length} octets\r\n`);
    expect(unstuffed(await client.lines()).equals(octets), name).toBe(true);
  }
});

test('TOP sends the header, the blank line and as many lines as asked, and the dots are stuffed', async () => {
  const client = await loggedIn(await serve(dropOf('h: 1\r\ni: 2\r\n\r\n.one\r\ntwo\r\n', 'only: header\r\n', '\r\n.\r\n')));
  client.send('TOP 1 0\r\nTOP 1 1\r\nTOP 1 99\r\nTOP 2 5\r\nTOP 3 1\r\nTOP 1\r\nTOP 1 -1\r\n');
  for (const data of [
    'h: 1\r\ni: 2\r\n\r\n',
    'h: 1\r\ni: 2\r\n\r\n..one\r\n',
    'h: 1\r\ni: 2\r\n\r\n..one\r\ntwo\r\n',
    'only: header\r\n',
    '\r\n..\r\n',
  ]) {
    expect(await client.line()).toMatch(/^\+OK/);
    expect(await client.lines()).toBe(`${data}.\r\n`);
  }
  expect(await client.line()).toMatch(/^-ERR/);
  expect(await client.line()).toMatch(/^-ERR/);
});

test('DELE removes at QUIT only: not when the connection ends otherwise, not after RSET', async () => {
  const maildrop = dropOf('a\r\n', 'b\r\n');
  const server = await serve(maildrop);
  const first = await loggedIn(server);
  first.send('DELE 1\r\n');
  await first.line();
  first.close();
  await expect.poll(() => maildrop.locked).toBe(false);
  expect(maildrop.list().length).toBe(2);
  const second = await loggedIn(server);
  second.send('DELE 1\r\nRSET\r\nDELE 2\r\nDELE 2\r\nQUIT\r\n');
  const replies = (await second.rest()).split('\r\n');
  expect(replies.map((reply) => reply.slice(0, 4).trim())).toEqual(['+OK', '+OK', '+OK', '-ERR', '+OK', '']);
  expect(maildrop.list().map(({ uidl }) => uidl)).toEqual(['u1']);
});

test('the lock is exclusive and given back, and mail that comes meanwhile is seen by the next session', async () => {
  const maildrop = dropOf('a\r\n');
  const server = await serve(maildrop);
  const first = await loggedIn(server);
  const second = await dial(server);
  maildrop.add(Buffer.from('b\r\n'));
  second.send(`USER ann\r\nPASS ${PASSWORD}\r\n`);
  await second.line();
  expect(await second.line()).toMatch(/^-ERR \[IN-USE\] /);
  first.send('STAT\r\nQUIT\r\n');
  expect(await first.line()).toBe('+OK 1 3\r\n');
  await first.rest();
  second.send(`USER ann\r\nPASS ${PASSWORD}\r\nSTAT\r\n`);
  expect([await second.line(), await second.line(), await second.line()][2]).toBe('+OK 2 6\r\n');
});

function plain(password: string): string {
  return Buffer.from(`\0ann\0${password}`, 'utf8').toString('base64');
}

test('AUTH PLAIN works with and without an initial response, can be cancelled, and a wrong password is [AUTH]', async () => {
  const server = await serve(dropOf());
  const client = await dial(server);
  client.send('AUTH PLAIN\r\n');
  expect(await client.line()).toBe('+ \r\n');
  client.send('*\r\n');
  expect(await client.line()).toMatch(/^-ERR/);
  client.send(`AUTH PLAIN ${plain('wrong')}\r\nAUTH PLAIN !!\r\nAUTH CRAM-MD5\r\nSTAT\r\n`);
  expect(await client.line()).toMatch(/^-ERR \[AUTH\]/);
  for (let refused = 0; refused < 3; refused += 1) expect(await client.line()).toMatch(/^-ERR/);
  client.send('auth plain\r\n');
  await client.line();
  client.send(`${plain('sécret')}\r\nQUIT\r\n`);
  expect(await client.rest()).toMatch(/^\+OK.*\r\n\+OK.*\r\n$/);
  const other = await dial(server);
  other.send(`AUTH PLAIN ${plain('sécret')}\r\n`);
  expect(await other.line()).toMatch(/^\+OK/);
});

test('the command log has no secret, wherever it was sent', async () => {
  const server = await serve(dropOf());
  const client = await dial(server);
  client.send(
    'USER ann\r\nPASS hunter2\r\nAUTH PLAIN aHVudGVyMg==\r\nhunter2\r\nAPOP ann hunter2\r\nAUTH PLAIN\r\naHVudGVyMg==\r\nQUIT\r\n',
  );
  await client.rest();
  expect(server.commands).toEqual(['USER ann', 'PASS ***', 'AUTH PLAIN ***', '***', '***', 'AUTH PLAIN', '***', 'QUIT']);
  expect(server.connections.total).toBe(1);
  await expect.poll(() => server.connections.open).toBe(0);
});

test('capabilities are told, and hidden ones are neither told nor understood', async () => {
  const full = await dial(await serve(dropOf()));
  full.send('CAPA\r\n');
  expect(await full.line()).toMatch(/^\+OK/);
  const told = (await full.lines()).split('\r\n');
  for (const capability of ['TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', 'USER', 'SASL PLAIN'])
    expect(told).toContain(capability);
  const poor = await loggedIn(await serve(dropOf('a\r\n'), { hide: ['CAPA', 'TOP', 'UIDL'] }));
  poor.send('CAPA\r\nTOP 1 0\r\nUIDL\r\n');
  for (let refused = 0; refused < 3; refused += 1) expect(await poor.line()).toMatch(/^-ERR/);
});

test('STLS turns the connection into TLS and forgets the name given before', async () => {
  const server = await serve(dropOf('a\r\n'), { tls: { ...tls, mode: 'starttls' } });
  const clear = await dial(server);
  clear.send('CAPA\r\n');
  expect(await clear.until('\r\n.\r\n')).toContain('STLS');
  clear.send('USER ann\r\nSTLS\r\n');
  await clear.line();
  expect(await clear.line()).toMatch(/^\+OK/);
  clear.socket.removeAllListeners('data');
  const secure = rawClient(0, ca, connectTls({ socket: clear.socket, ca, servername: 'localhost' }));
  open.push(secure);
  secure.send(`PASS ${PASSWORD}\r\nSTLS\r\nUSER ann\r\nPASS ${PASSWORD}\r\nQUIT\r\n`);
  const replies = (await secure.rest()).split('\r\n').map((reply) => reply.slice(0, 4).trim());
  expect(replies).toEqual(['-ERR', '-ERR', '+OK', '+OK', '+OK', '']);
});

test('commands injected behind STLS end the connection', async () => {
  const client = await dial(await serve(dropOf(), { tls: { ...tls, mode: 'starttls' } }));
  client.send('STLS\r\nUSER ann\r\n');
  expect(await client.rest()).toBe('');
});

test('an endless line, an idle client and a fourth refused login end the connection', async () => {
  const server = await serve(dropOf(), { idle: 60_000 });
  const endless = await dial(server);
  endless.send('A'.repeat(4_000));
  expect(await endless.rest()).toMatch(/^-ERR/);
  const guessing = await dial(server);
  guessing.send('USER ann\r\nPASS x\r\n'.repeat(6));
  expect((await guessing.rest()).match(/-ERR \[AUTH\]/g)?.length).toBe(3);
  const idle = await dial(await serve(dropOf(), { idle: 30 }));
  expect(await idle.rest()).toBe('');
});

test('a test can answer a command itself, or drop the connection at one', async () => {
  const answers: Record<string, string> = { NOOP: '-ERR [SYS/TEMP] later\r\n', RSET: 'close' };
  const client = await loggedIn(await serve(dropOf('a\r\n'), { answer: ({ verb }) => answers[verb] ?? null }));
  client.send('NOOP\r\nSTAT\r\nRSET\r\nSTAT\r\n');
  expect(await client.rest()).toBe('-ERR [SYS/TEMP] later\r\n+OK 1 3\r\n');
});

test('a client that writes much and reads nothing is held back, not buffered', async () => {
  const server = await serve(dropOf(`${'x'.repeat(998)}\r\n`.repeat(1_000)));
  const client = await loggedIn(server);
  const taken = (): number => server.commands.filter((command) => command === 'RETR 1').length;
  client.socket.pause();
  client.send('RETR 1\r\n'.repeat(40));
  client.send('QUIT\r\n');
  await expect.poll(taken).toBeGreaterThan(1);
  await setTimeout(50);
  // The kernel's buffers hold a few megabytes of the forty.
  expect(taken()).toBeLessThan(40);
  client.socket.resume();
  expect((await client.rest()).match(/\+OK 1000000 octets/g)?.length).toBe(40);
});

test('a maildrop refuses what POP3 can’t carry: a taken or unprintable UIDL, octets without a last CRLF', () => {
  const maildrop = dropOf('a\r\n');
  expect(() => maildrop.add(Buffer.from('b\r\n'), 'u1')).toThrow(/already/);
  expect(() => maildrop.add(Buffer.from('b\r\n'), 'a b')).toThrow(/printable/);
  expect(() => maildrop.add(Buffer.from('b\n'))).toThrow(/CRLF/);
  expect(maildrop.remove('none')).toBe(false);
  const uidls = Array.from({ length: 5 }, () => maildrop.add(Buffer.from('c\r\n')));
  expect(new Set(uidls).size).toBe(5);
});
