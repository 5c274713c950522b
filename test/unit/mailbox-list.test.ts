/** What is listed and what the feed of changes tells, against a real POP3 server: pages, places, and where the answers come from. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MessagePage } from '../../src/mailbox/rpc.ts';
import { ALL, nodeMailbox, OPERATOR, settingsFor, SINCE, valueOf } from '../support/node-mailbox.ts';
import { follow, ids, page } from './mailbox-calls.ts';
import { mail, MailWorld } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

describe('listing', () => {
  it('shows list items with what headers tell', async () => {
    const received = Buffer.from('Received: from a by b; Fri, 20 Nov 2026 10:24:02 +0000\r\n');
    world.drop.add(Buffer.concat([received, mail('Meeting tomorrow', "Let's meet\r\n  tomorrow at 10\r\n")]), 'u1');
    const box = await world.create(await world.serve());
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
    world.fill(25);
    const box = await world.create(await world.serve());
    const seen: (string | undefined)[] = [];
    let cursor: string | null = null;
    const present = await ids(box);
    const gone = 'mail 13';
    do {
      const next: MessagePage = await page(box, { limit: 10, order, cursor });
      seen.push(...next.data.map((item) => item.id));
      cursor = next.nextCursor;
      world.come(2, `late ${seen.length}`);
      world.drop.remove('u13');
      valueOf(await box.service.sync(OPERATOR));
    } while (cursor);
    expect(new Set(seen).size).toBe(seen.length);
    const missing = [...present].filter(([subject, id]) => subject !== gone && !seen.includes(id));
    expect(missing).toEqual([]);
  });

  it('refuses a cursor of another account or another order', async () => {
    world.fill(3);
    const server = await world.serve();
    const [a, b] = [await world.create(server), nodeMailbox()];
    valueOf(await b.service.create(b.id, settingsFor(server.port), false, null));
    const { nextCursor: cursor } = await page(a, { limit: 1 });
    expect(await b.service.messages(OPERATOR, { ...ALL, cursor })).toMatchObject({ failure: { kind: 'invalid', pointer: '/cursor' } });
    expect(await a.service.messages(OPERATOR, { ...ALL, cursor, order: 'oldest' })).toMatchObject({ failure: { kind: 'invalid' } });
    expect(await a.service.messages(OPERATOR, { ...ALL, cursor, limit: 2 })).toMatchObject({ ok: true });
  });

  it('asks for no header when the fields need none', async () => {
    let cut = true;
    const server = await world.serve({ answer: ({ verb }) => (cut && verb === 'TOP' ? 'close' : null) });
    const box = await world.create(server);
    valueOf(await box.service.sync(OPERATOR));
    world.fill(3);
    expect(await box.service.sync(OPERATOR)).toMatchObject({ failure: { kind: 'upstream_unreachable' } });
    cut = false;
    box.advance(120_000);
    const before = server.commands.length;
    const { data } = await page(box, { fields: ['size', 'uidl'], maxAge: 3600 });
    expect(data.map((item) => Object.keys(item).sort().join())).toEqual(Array(3).fill('id,size,uidl'));
    expect(server.commands.length).toBe(before);
    await page(box, { fields: ['subject'], maxAge: 3600 });
    expect(server.commands.slice(before).filter((command) => command.startsWith('TOP')).length).toBe(3);
  });

  it('answers from the ledger and says so when the server cannot be asked', async () => {
    world.fill(2);
    const server = await world.serve();
    const box = await world.create(server);
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
    world.fill(2);
    const box = await world.create(await world.serve({ hide: ['TOP'] }));
    const { data } = await page(box);
    expect(data.map((item) => [item.subject, item.detail])).toEqual([
      ['mail 2', 'full'],
      ['mail 1', 'full'],
    ]);
  });

  it('shares one session between calls that meet', async () => {
    world.fill(5);
    const server = await world.serve();
    const box = await world.create(server);
    await page(box, { maxAge: 30 });
    const before = server.connections.total;
    await Promise.all([page(box), page(box), box.service.sync(OPERATOR), box.service.changes(OPERATOR, SINCE)]);
    expect(server.connections.total).toBe(before + 1);
  });
});

describe('changes', () => {
  it('gives each message in created exactly once, in pages of any size', async () => {
    world.fill(7);
    const box = await world.create(await world.serve());
    const pages = await follow(box, null, { limit: 3 });
    const created = pages.flatMap((change) => change.created.map((item) => item.id));
    expect(new Set(created).size).toBe(7);
    expect(created.length).toBe(7);
    world.come(2, 'late');
    const later = await follow(box, pages.at(-1)?.newState ?? '', { limit: 1 });
    expect(later.flatMap((change) => change.created.map((item) => (item as { subject: string }).subject))).toEqual(['late 1', 'late 2']);
  });

  it('brings a message that vanished and came back under its old id, as updated', async () => {
    world.fill(2);
    const box = await world.create(await world.serve());
    const known = await ids(box);
    const state = (await page(box)).sync.state;
    const entry = world.drop.list()[0];
    world.drop.remove(entry?.uidl ?? '');
    const [gone] = await follow(box, state);
    expect(gone?.destroyed).toEqual([{ id: known.get('mail 1'), reason: 'server' }]);
    world.drop.add(entry?.octets ?? new Uint8Array(), entry?.uidl);
    const [back] = await follow(box, gone?.newState ?? '');
    expect(back).toMatchObject({ created: [], destroyed: [], updated: [{ id: known.get('mail 1'), subject: 'mail 1' }] });
  });

  it('leaves out what existed before with initial none, but lists it', async () => {
    world.fill(3);
    const box = await world.create(await world.serve(), {}, { initial: 'none' });
    const first = await page(box);
    expect(first.total).toBe(3);
    expect((await follow(box, null)).flatMap((change) => change.created)).toEqual([]);
    world.come(1, 'late');
    const since = await follow(box, null);
    expect(since.flatMap((change) => change.created).length).toBe(1);
  });

  it('refuses a state that this account did not issue', async () => {
    world.fill(1);
    const server = await world.serve();
    const [a, b] = [await world.create(server), nodeMailbox()];
    valueOf(await b.service.create(b.id, settingsFor(server.port), false, null));
    const { state } = (await page(a)).sync;
    for (const forged of [state, `${state?.slice(0, -1)}${state?.endsWith('A') ? 'Q' : 'A'}`, 's1.', 's1.AAAA', ''])
      expect(await b.service.changes(OPERATOR, { ...SINCE, since: forged })).toMatchObject({
        failure: { kind: 'invalid', pointer: '/since' },
      });
  });

  it('lives on through a restart', async () => {
    world.fill(3);
    const box = await world.create(await world.serve());
    const before = await page(box);
    box.restart();
    const after = await page(box, { maxAge: 3600 });
    expect(after.data).toEqual(before.data);
    expect(after.sync.state).toBe(before.sync.state);
    expect((await follow(box, before.sync.state))[0]).toMatchObject({ created: [], updated: [], destroyed: [] });
  });
});
