import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangesPage, MessagePage, Octets } from '../../src/mailbox/rpc.ts';
import { Maildrop } from '../support/maildrop.ts';
import {
  ALL,
  callerOf,
  nodeMailbox,
  type NodeMailbox,
  type NodeMailboxOptions,
  OPERATOR,
  sent,
  settingsFor,
  SINCE,
  TOKEN,
  valueOf,
} from '../support/node-mailbox.ts';
import { type Pop3Server, type Pop3ServerOptions, startPop3Server } from '../support/pop3-server.ts';

const servers: Pop3Server[] = [];
let drop: Maildrop;

beforeEach(() => {
  drop = new Maildrop();
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(options: Partial<Pop3ServerOptions> = {}): Promise<Pop3Server> {
  const server = await startPop3Server({ users: new Map([['ann', { password: 'secret', maildrop: drop }]]), ...options });
  servers.push(server);
  return server;
}

function mail(subject: string, body = 'Hello\r\n'): Uint8Array {
  return Buffer.from(
    `Received: from a by b; Fri, 20 Nov 2026 10:24:02 +0000\r\nFrom: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: ${subject}\r\n` +
      `Date: Fri, 20 Nov 2026 10:23:45 +0000\r\nMessage-ID: <${subject.replaceAll(' ', '.')}@example.com>\r\n\r\n${body}`,
  );
}

function fill(count: number, prefix = 'mail'): void {
  for (let n = 1; n <= count; n++) drop.add(mail(`${prefix} ${n}`));
}

async function account(server: Pop3Server, options: NodeMailboxOptions = {}, change = {}): Promise<NodeMailbox> {
  const box = nodeMailbox(options);
  valueOf(await box.service.create(box.id, settingsFor(server.port, change), true, TOKEN));
  return box;
}

async function page(box: NodeMailbox, query = {}): Promise<MessagePage> {
  return valueOf(await box.service.messages(OPERATOR, { ...ALL, ...query }));
}

async function follow(box: NodeMailbox, since: string | null, query = {}): Promise<ChangesPage[]> {
  const pages: ChangesPage[] = [];
  for (let state = since; ;) {
    const next = valueOf(await box.service.changes(OPERATOR, { ...SINCE, since: state, ...query }));
    pages.push(next);
    if (!next.hasMore) return pages;
    state = next.newState;
  }
}

async function rawOf(box: NodeMailbox, id: string): Promise<Octets> {
  return sent(await box.service.raw(OPERATOR, id, null));
}

async function octets(stream: ReadableStream<Uint8Array> | null): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function ids(box: NodeMailbox): Promise<Map<string | null | undefined, string>> {
  const { data } = await page(box, { limit: 200 });
  return new Map(data.map((item) => [item.subject, item.id as string]));
}

describe('creating an account', () => {
  it('stores nothing when the login is refused', async () => {
    const server = await serve();
    const box = nodeMailbox();
    const auth = { username: 'ann', password: 'wrong', accessToken: null, method: 'auto' as const };
    const result = await box.service.create(box.id, settingsFor(server.port, { auth }), true, TOKEN);
    expect(result).toMatchObject({ ok: false, failure: { kind: 'upstream_auth_failed' } });
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
    expect(box.alarm()).toBeNull();
  });

  it('stores nothing when the server cannot be reached or is not POP3', async () => {
    const server = await serve();
    await server.close();
    const box = nodeMailbox();
    expect(await box.service.create(box.id, settingsFor(server.port), true, TOKEN)).toMatchObject({
      failure: { kind: 'upstream_unreachable' },
    });
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });

  it('lists in the session that verified it', async () => {
    fill(3);
    const server = await serve();
    const box = await account(server);
    expect((await page(box, { maxAge: 30 })).total).toBe(3);
    expect(server.connections.total).toBe(1);
    const view = valueOf(await box.service.account(OPERATOR));
    expect(view).toMatchObject({ state: 'ready', mailbox: { messages: 3 }, indexing: { done: 3, of: 3 }, consecutiveFailures: 0 });
    expect(view.server.capabilities).toContain('UIDL');
    expect(JSON.stringify(view)).not.toContain('secret');
  });

  it('without verifying needs no server, and asks it by alarm at once', async () => {
    const box = nodeMailbox();
    valueOf(await box.service.create(box.id, settingsFor(1), false, null));
    expect(valueOf(await box.service.account(OPERATOR)).state).toBe('new');
    expect(box.alarm()).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  it('keeps nothing readable at rest', async () => {
    drop.add(mail('Confidential matter', 'The quick brown fox\r\n'), 'uidl-of-this-message');
    const box = await account(await serve());
    const id = (await ids(box)).get('Confidential matter') ?? '';
    valueOf(await box.service.message(OPERATOR, id, { html: 'safe', maxBodyBytes: 262_144 }, null));
    const tables = box.sql.exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`);
    const stored = tables.flatMap(({ name }) => box.sql.exec(`SELECT * FROM ${name}`)).flatMap((row) => Object.values(row));
    const clear = Buffer.concat(
      stored.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value)))),
    ).toString('latin1');
    for (const secret of ['secret', 'Confidential', 'quick brown', 'ann@example.com', 'uidl-of-this-message', '127.0.0.1'])
      expect(clear).not.toContain(secret);
  });
});

describe('who may call', () => {
  it('lets the account token in and no other', async () => {
    const server = await serve();
    const box = nodeMailbox();
    const { token } = valueOf(
      await box.service.create(box.id, settingsFor(server.port), true, { ...TOKEN, scopes: ['read'], origins: ['https://a.example'] }),
    );
    const secret = token?.secret ?? '';
    expect(await box.service.account(callerOf(secret))).toMatchObject({ ok: true });
    expect(await box.service.account(callerOf(secret, 'https://a.example'))).toMatchObject({ ok: true });
    expect(await box.service.account(callerOf(secret, 'https://b.example'))).toMatchObject({ failure: { kind: 'forbidden' } });
    expect(await box.service.account(callerOf(`${secret}x`))).toMatchObject({ failure: { kind: 'unauthorized' } });
    expect(await box.service.remove(callerOf(secret))).toMatchObject({ failure: { kind: 'forbidden' } });
    box.restart();
    expect(await box.service.account(callerOf(secret))).toMatchObject({ ok: true });
  });

  it('answers for an absent account without leaving a trace', async () => {
    const box = nodeMailbox();
    expect(await box.service.account(OPERATOR)).toMatchObject({ failure: { kind: 'not_found' } });
    expect(await box.service.account(callerOf('x'))).toMatchObject({ failure: { kind: 'unauthorized' } });
    await box.service.alarm();
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });

  it('changes nothing while the master key is wrong, and goes on when it is mended', async () => {
    fill(1);
    const box = await account(await serve());
    await page(box);
    const before = box.sql.exec(`SELECT * FROM health`);
    for (const wrong of [`k1:${Buffer.alloc(32, 9).toString('base64')}`, `k2:${Buffer.alloc(32, 7).toString('base64')}`]) {
      const service = box.restart(wrong);
      expect(await service.account(OPERATOR)).toMatchObject({ failure: { kind: 'misconfigured' } });
      await service.alarm();
    }
    // What the alarm stood for is in the row now, because the alarm was put off.
    const [after] = box.sql.exec(`SELECT * FROM health`);
    expect([{ ...after, alarm_interval: before[0]?.alarm_interval }]).toEqual(before);
    expect(after?.alarm_interval).toBeNull();
    box.restart();
    expect((await page(box)).total).toBe(1);
  });
});

describe('listing', () => {
  it('shows list items with what headers tell', async () => {
    drop.add(mail('Meeting tomorrow', "Let's meet\r\n  tomorrow at 10\r\n"), 'u1');
    const box = await account(await serve());
    const { data } = await page(box);
    expect(data).toEqual([
      {
        id: expect.stringMatching(/^[\w-]{22}$/),
        uidl: 'u1',
        size: expect.any(Number),
        detail: 'headers',
        subject: 'Meeting tomorrow',
        from: [{ name: 'Ann', address: 'ann@example.com' }],
        to: [{ name: '', address: 'bob@example.com' }],
        cc: [],
        bcc: [],
        replyTo: [],
        sender: [],
        date: '2026-11-20T10:23:45Z',
        receivedAt: '2026-11-20T10:24:02Z',
        messageId: '<Meeting.tomorrow@example.com>',
        inReplyTo: [],
        references: [],
        preview: "Let's meet tomorrow at 10",
        hasAttachments: false,
        firstSeenAt: expect.any(String),
      },
    ]);
  });

  it.each(['newest', 'oldest'] as const)('pages %s first without skipping or repeating while mail comes and goes', async (order) => {
    fill(25);
    const box = await account(await serve());
    const seen: (string | undefined)[] = [];
    let cursor: string | null = null;
    const present = new Set((await page(box, { limit: 200 })).data.map((item) => item.id));
    const gone = drop.list()[12]?.uidl ?? '';
    do {
      const next: MessagePage = await page(box, { limit: 10, order, cursor });
      seen.push(...next.data.map((item) => item.id));
      cursor = next.nextCursor;
      fill(2, `late ${seen.length}`);
      drop.remove(gone);
      valueOf(await box.service.sync(OPERATOR));
    } while (cursor);
    expect(new Set(seen).size).toBe(seen.length);
    const missing = [...present].filter((id) => !seen.includes(id));
    expect(missing.length).toBeLessThanOrEqual(1);
  });

  it('refuses a cursor of another account or another order', async () => {
    fill(3);
    const server = await serve();
    const [a, b] = [await account(server), nodeMailbox()];
    valueOf(await b.service.create(b.id, settingsFor(server.port), false, null));
    const { nextCursor: cursor } = await page(a, { limit: 1 });
    expect(await b.service.messages(OPERATOR, { ...ALL, cursor })).toMatchObject({ failure: { kind: 'invalid', pointer: '/cursor' } });
    expect(await a.service.messages(OPERATOR, { ...ALL, cursor, order: 'oldest' })).toMatchObject({ failure: { kind: 'invalid' } });
    expect(await a.service.messages(OPERATOR, { ...ALL, cursor, limit: 2 })).toMatchObject({ ok: true });
  });

  it('asks for no header when the fields need none', async () => {
    fill(3);
    const server = await serve();
    const box = nodeMailbox();
    valueOf(await box.service.create(box.id, settingsFor(server.port), true, null));
    const { data } = await page(box, { fields: ['size', 'uidl'], maxAge: 30 });
    expect(Object.keys(data[0] ?? {}).sort()).toEqual(['id', 'size', 'uidl']);
  });

  it('answers from the ledger and says so when the server cannot be asked', async () => {
    fill(2);
    const server = await serve();
    const box = await account(server);
    await page(box);
    await server.close();
    box.advance(60_000);
    expect(await page(box, { maxAge: 30 })).toMatchObject({ total: 2, sync: { stale: true, problem: 'upstream_unreachable' } });
    expect(await box.service.messages(OPERATOR, ALL)).toMatchObject({ ok: false, failure: { kind: 'upstream_unreachable' } });
    expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({
      state: 'unreachable',
      sync: { stale: true },
      lastError: { code: 'upstream_unreachable' },
    });
  });

  it('reads headers by RETR where the server has no TOP', async () => {
    fill(2);
    const box = await account(await serve({ hide: ['TOP'] }));
    const { data } = await page(box);
    expect(data.map((item) => [item.subject, item.detail])).toEqual([
      ['mail 2', 'full'],
      ['mail 1', 'full'],
    ]);
  });

  it('shares one session between calls that meet', async () => {
    fill(5);
    const server = await serve();
    const box = await account(server);
    await page(box, { maxAge: 30 });
    const before = server.connections.total;
    await Promise.all([page(box), page(box), box.service.sync(OPERATOR), box.service.changes(OPERATOR, SINCE)]);
    expect(server.connections.total).toBe(before + 1);
  });
});

describe('reading', () => {
  it('gives back the very octets, once fetched without the server', async () => {
    const whole = Buffer.concat([mail('dots', '.\r\n..two\r\nlone\nlf\r\n'), Buffer.from([0, 255, 0x80, 13, 10])]);
    drop.add(whole);
    const server = await serve();
    const box = await account(server);
    const id = (await ids(box)).get('dots') ?? '';
    const first = await rawOf(box, id);
    expect(await octets(first.stream)).toEqual(whole);
    const retrs = (): number => server.commands.filter((command) => command.includes('RETR')).length;
    const fetched = retrs();
    const again = await rawOf(box, id);
    expect(again).toMatchObject({ size: whole.length, sha256: createHash('sha256').update(whole).digest('hex') });
    expect(await octets(again.stream)).toEqual(whole);
    expect(retrs()).toBe(fetched);
  });

  it('fetches messages that many callers ask for at once in few sessions, each exactly', async () => {
    fill(30);
    const server = await serve();
    const box = await account(server);
    const known = await ids(box);
    await expect.poll(() => server.connections.open).toBe(0);
    const before = server.connections.total;
    const read = await Promise.all(
      [...known].map(async ([subject, id]) => ({
        subject,
        raw: await octets((await rawOf(box, id)).stream),
      })),
    );
    for (const { subject, raw } of read) expect(raw.toString()).toContain(`Subject: ${subject}\r\n`);
    // The session does not linger here, so callers that were not taken up together would have one each.
    expect(server.connections.total - before).toBeLessThanOrEqual(3);
  });

  it('lets many readers follow one transfer of a message of many rows', async () => {
    const body = Buffer.alloc(1_500_000, 'All work and no play makes Jack a dull boy.\r\n');
    drop.add(Buffer.concat([mail('large'), body, Buffer.from('\r\n')]));
    const server = await serve();
    const box = await account(server);
    const id = (await ids(box)).get('large') ?? '';
    const streams = await Promise.all([1, 2, 3].map(async () => (await rawOf(box, id)).stream));
    const read = await Promise.all(streams.map(octets));
    for (const copy of read) expect(copy.equals(drop.list()[0]?.octets ?? new Uint8Array())).toBe(true);
    expect(server.commands.filter((command) => command.includes('RETR')).length).toBe(1);
  });

  it('gives a message as JSON and its attachment with the digest of the original', async () => {
    const pdf = Buffer.alloc(400_000, 'not really a pdf ');
    const encoded = pdf.toString('base64').replaceAll(/.{76}/g, '$&\r\n');
    drop.add(
      Buffer.from(
        `Subject: papers\r\nFrom: ann@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee below\r\n--b\r\n` +
          `Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n--b--\r\n`,
      ),
    );
    const box = await account(await serve());
    const id = (await ids(box)).get('papers') ?? '';
    const message = sent(await box.service.message(OPERATOR, id, { html: 'safe', maxBodyBytes: 262_144 }, null)).message;
    const sha256 = createHash('sha256').update(pdf).digest('hex');
    expect(message).toMatchObject({ detail: 'full', hasAttachments: true, html: null, defects: [] });
    expect(message.text?.trim()).toBe('see below');
    expect(message.attachments).toMatchObject([
      {
        id: '2',
        filename: 'a.pdf',
        contentType: 'application/pdf',
        size: pdf.length,
        sha256,
        url: `/v1/accounts/${box.id}/messages/${id}/attachments/2`,
      },
    ]);
    const part = sent(await box.service.attachment(OPERATOR, id, '2', null));
    expect((await octets(part.stream)).equals(pdf)).toBe(true);
    expect(await box.service.attachment(OPERATOR, id, '1', null)).toMatchObject({ failure: { kind: 'not_found' } });
  });

  it('refuses an id never given, and one whose message is gone and not held', async () => {
    fill(2);
    const box = await account(await serve());
    const id = (await ids(box)).get('mail 1') ?? '';
    drop.remove(drop.list()[0]?.uidl ?? '');
    expect(await box.service.raw(OPERATOR, id, null)).toMatchObject({ failure: { kind: 'message_gone' } });
    expect(await box.service.raw(OPERATOR, 'A'.repeat(22), null)).toMatchObject({ failure: { kind: 'not_found' } });
  });

  it('keeps a message readable that is gone upstream while its octets are held', async () => {
    fill(1);
    const box = await account(await serve());
    const id = (await ids(box)).get('mail 1') ?? '';
    await octets((await rawOf(box, id)).stream);
    drop.remove(drop.list()[0]?.uidl ?? '');
    expect((await page(box)).total).toBe(0);
    expect(sent(await box.service.message(OPERATOR, id, { html: 'safe', maxBodyBytes: 1000 }, null)).message.subject).toBe('mail 1');
  });

  it('finds messages by their UIDL when their numbers have moved', async () => {
    fill(6);
    const box = await account(await serve());
    const known = await ids(box);
    drop.remove(drop.list()[0]?.uidl ?? '');
    drop.remove(drop.list()[1]?.uidl ?? '');
    const raw = await rawOf(box, known.get('mail 5') ?? '');
    expect((await octets(raw.stream)).toString()).toContain('Subject: mail 5');
  });

  it('throws away what was cut off before its end, and fetches it again', async () => {
    fill(1);
    let cut = true;
    const server = await serve({
      answer: (command) => (cut && command.verb === 'RETR' ? { last: '+OK\r\nSubject: half\r\n' } : null),
    });
    const box = await account(server);
    const id = (await ids(box)).get('mail 1') ?? '';
    expect(await box.service.message(OPERATOR, id, { html: 'none', maxBodyBytes: 1000 }, null)).toMatchObject({
      failure: { kind: 'upstream_unreachable' },
    });
    expect(box.sql.exec(`SELECT * FROM copies`)).toEqual([]);
    expect(box.sql.exec(`SELECT * FROM octets`)).toEqual([]);
    cut = false;
    expect(sent(await box.service.message(OPERATOR, id, { html: 'none', maxBodyBytes: 1000 }, null)).message.text?.trim()).toBe('Hello');
  });
});

describe('deleting', () => {
  it('deletes on the server and tells the feed', async () => {
    fill(3);
    const box = await account(await serve());
    const known = await ids(box);
    const state = (await page(box)).sync.state;
    const id = known.get('mail 2') ?? '';
    valueOf(await box.service.deleteMessage(OPERATOR, id));
    expect(
      drop.list().map(
        (entry) =>
          Buffer.from(entry.octets)
            .toString()
            .match(/Subject: (.*)\r/)?.[1],
      ),
    ).toEqual(['mail 1', 'mail 3']);
    const [changes] = await follow(box, state);
    expect(changes).toMatchObject({ created: [], updated: [], destroyed: [{ id, reason: 'api' }] });
    valueOf(await box.service.deleteMessage(OPERATOR, id));
    expect(await box.service.deleteMessage(OPERATOR, 'A'.repeat(22))).toMatchObject({ failure: { kind: 'not_found' } });
  });

  it('says delete_unconfirmed when QUIT is not confirmed, and the next listing tells the truth', async () => {
    fill(2);
    let cut = true;
    const server = await serve({ answer: (command) => (cut && command.verb === 'QUIT' ? 'close' : null) });
    const box = await account(server);
    const known = await ids(box);
    const state = (await page(box)).sync.state;
    const id = known.get('mail 1') ?? '';
    expect(await box.service.deleteMessage(OPERATOR, id)).toMatchObject({ failure: { kind: 'delete_unconfirmed' } });
    expect(drop.list().length).toBe(2);
    expect((await page(box)).total).toBe(2);
    cut = false;
    drop.remove(drop.list()[0]?.uidl ?? '');
    const changes = await follow(box, state);
    expect(changes.flatMap((change) => change.destroyed)).toEqual([{ id, reason: 'api' }]);
  });

  it('withdraws the intent when nothing was written', async () => {
    fill(1);
    const server = await serve();
    const box = await account(server);
    const id = (await ids(box)).get('mail 1') ?? '';
    await server.close();
    expect(await box.service.deleteMessage(OPERATOR, id)).toMatchObject({ failure: { kind: 'upstream_unreachable' } });
    expect(box.sql.exec(`SELECT * FROM deletions`)).toEqual([]);
  });
});

describe('changes', () => {
  it('gives each message in created exactly once, in pages of any size', async () => {
    fill(7);
    const box = await account(await serve());
    const pages = await follow(box, null, { limit: 3 });
    const created = pages.flatMap((change) => change.created.map((item) => item.id));
    expect(new Set(created).size).toBe(7);
    expect(created.length).toBe(7);
    fill(2, 'late');
    const later = await follow(box, pages.at(-1)?.newState ?? '', { limit: 1 });
    expect(later.flatMap((change) => change.created.map((item) => (item as { subject: string }).subject))).toEqual(['late 1', 'late 2']);
  });

  it('brings a message that vanished and came back under its old id, as updated', async () => {
    fill(2);
    const box = await account(await serve());
    const known = await ids(box);
    const state = (await page(box)).sync.state;
    const entry = drop.list()[0];
    drop.remove(entry?.uidl ?? '');
    const [gone] = await follow(box, state);
    expect(gone?.destroyed).toEqual([{ id: known.get('mail 1'), reason: 'server' }]);
    drop.add(entry?.octets ?? new Uint8Array(), entry?.uidl);
    const [back] = await follow(box, gone?.newState ?? '');
    expect(back).toMatchObject({ created: [], destroyed: [], updated: [{ id: known.get('mail 1'), subject: 'mail 1' }] });
  });

  it('leaves out what existed before with initial none, but lists it', async () => {
    fill(3);
    const box = await account(await serve(), {}, { initial: 'none' });
    const first = await page(box);
    expect(first.total).toBe(3);
    expect((await follow(box, null)).flatMap((change) => change.created)).toEqual([]);
    fill(1, 'late');
    const since = await follow(box, null);
    expect(since.flatMap((change) => change.created).length).toBe(1);
  });

  it('refuses a state that this account did not issue', async () => {
    fill(1);
    const server = await serve();
    const [a, b] = [await account(server), nodeMailbox()];
    valueOf(await b.service.create(b.id, settingsFor(server.port), false, null));
    const { state } = (await page(a)).sync;
    for (const forged of [state, `${state?.slice(0, -1)}${state?.endsWith('A') ? 'Q' : 'A'}`, 's1.', 's1.AAAA', ''])
      expect(await b.service.changes(OPERATOR, { ...SINCE, since: forged })).toMatchObject({
        failure: { kind: 'invalid', pointer: '/since' },
      });
  });

  it('lives on through a restart', async () => {
    fill(3);
    const box = await account(await serve());
    const before = await page(box);
    box.restart();
    const after = await page(box, { maxAge: 3600 });
    expect(after.data).toEqual(before.data);
    expect(after.sync.state).toBe(before.sync.state);
    expect((await follow(box, before.sync.state))[0]).toMatchObject({ created: [], updated: [], destroyed: [] });
  });
});

describe('a server with a login delay', () => {
  it('is not logged in to again before it has passed, by nobody and after a restart too', async () => {
    const capabilities = '+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN\r\nLOGIN-DELAY 60\r\n.\r\n';
    const server = await serve({ answer: ({ verb }) => (verb === 'CAPA' ? capabilities : null) });
    const box = await account(server);
    expect((await page(box, { maxAge: 30 })).total).toBe(0);
    box.restart();
    const refused = await box.service.sync(OPERATOR);
    expect(refused).toMatchObject({ ok: false, failure: { kind: 'login_delay' } });
    expect(server.connections.total).toBe(1);
    box.advance(61_000);
    valueOf(await box.service.sync(OPERATOR));
  });
});

describe('a server with a login delay, whose session', () => {
  it('was cut off by the object’s own death, has the delay kept all the same', async () => {
    const capabilities = '+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN\r\nLOGIN-DELAY 600\r\n.\r\n';
    let silent = false;
    const answer = ({ verb }: { verb: string }) => (verb === 'CAPA' ? capabilities : silent && verb === 'STAT' ? '' : null);
    const server = await serve({ answer });
    const stats = (): number => server.commands.filter((command) => command === 'STAT').length;
    const box = await account(server);
    await page(box);
    box.advance(601_000);
    silent = true;
    const asked = stats();
    void box.service.sync(OPERATOR);
    await expect.poll(stats).toBeGreaterThan(asked);
    box.restart();
    expect(await box.service.sync(OPERATOR)).toMatchObject({ ok: false, failure: { kind: 'login_delay' } });
    expect(server.connections.total).toBe(2);
    // By its alarm too.
    expect(box.alarm()).toBeGreaterThan(Date.now() + 601_000 + 590_000);
  });
});

describe('the alarm', () => {
  it('polls, sets itself again, and closes the session at once', async () => {
    fill(1);
    const server = await serve();
    const box = await account(server, { lingerMs: 5_000 });
    await page(box);
    fill(1, 'late');
    const due = box.alarm() ?? 0;
    await box.ring();
    expect(box.alarm()).toBeGreaterThan(due + 0.9 * 300_000 - 1);
    expect((await page(box, { maxAge: 3600 })).total).toBe(2);
  });

  it('survives a server that is down and backs off', async () => {
    fill(1);
    const server = await serve();
    const box = await account(server);
    await page(box);
    await server.close();
    await box.ring();
    expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({ state: 'unreachable', consecutiveFailures: 1 });
    expect(box.alarm()).not.toBeNull();
  });
});

describe('removing an account', () => {
  it('leaves no row and no alarm', async () => {
    fill(2);
    const box = await account(await serve());
    await page(box);
    valueOf(await box.service.remove(OPERATOR));
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
    expect(box.alarm()).toBeNull();
    expect(await box.service.remove(OPERATOR)).toMatchObject({ failure: { kind: 'not_found' } });
  });

  it('ends a sync that is under way', async () => {
    fill(40);
    const box = await account(await serve());
    const [removed] = await Promise.all([box.service.remove(OPERATOR), box.service.sync(OPERATOR), box.service.messages(OPERATOR, ALL)]);
    expect(removed).toMatchObject({ ok: true });
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
  });
});
