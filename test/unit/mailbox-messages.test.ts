/** One message at a time: its very octets, its JSON and attachments, and its deletion on the server. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OPERATOR, sent, valueOf } from '../support/node-mailbox.ts';
import { follow, ids, octets, page, rawOf } from './mailbox-calls.ts';
import { mail, MailWorld } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

describe('reading', () => {
  it('gives back the very octets, once fetched without the server', async () => {
    const whole = Buffer.concat([mail('dots', '.\r\n..two\r\nlone\nlf\r\n'), Buffer.from([0, 255, 0x80, 13, 10])]);
    world.drop.add(whole);
    const server = await world.serve();
    const box = await world.create(server);
    const id = (await ids(box)).get('dots') ?? '';
    const first = await rawOf(box, id);
    expect(await octets(first.body)).toEqual(whole);
    // A short message is read whole before it is answered, so that all is known of it.
    expect(first).toMatchObject({ size: whole.length, sha256: createHash('sha256').update(whole).digest('hex') });
    const retrs = (): number => server.commands.filter((command) => command.includes('RETR')).length;
    const fetched = retrs();
    const again = await rawOf(box, id);
    expect(again).toMatchObject({ size: whole.length, sha256: createHash('sha256').update(whole).digest('hex') });
    expect(await octets(again.body)).toEqual(whole);
    expect(retrs()).toBe(fetched);
  });

  it('does not wait for the end of a message whose size the server does not tell', async () => {
    const body = Buffer.alloc(1_500_000, 'All work and no play makes Jack a dull boy.\r\n');
    const whole = Buffer.concat([mail('large'), body, Buffer.from('\r\n')]);
    world.drop.add(whole);
    const server = await world.serve({ answer: ({ verb }) => (verb === 'LIST' ? '+OK\r\n1 0\r\n.\r\n' : null) });
    const box = await world.create(server);
    const raw = await rawOf(box, (await ids(box)).get('large') ?? '');
    expect(raw.size).toBeNull();
    expect((await octets(raw.body)).equals(whole)).toBe(true);
  });

  it('fetches messages that many callers ask for at once in few sessions, each exactly', async () => {
    world.fill(30);
    const server = await world.serve();
    const box = await world.create(server);
    const known = await ids(box);
    await expect.poll(() => server.connections.open).toBe(0);
    const before = server.connections.total;
    const read = await Promise.all(
      [...known].map(async ([subject, id]) => ({
        subject,
        raw: await octets((await rawOf(box, id)).body),
      })),
    );
    for (const { subject, raw } of read) expect(raw.toString()).toContain(`Subject: ${subject}\r\n`);
    // The session does not linger here, so callers that were not taken up together would have one each.
    expect(server.connections.total - before).toBeLessThanOrEqual(3);
  });

  it('lets many readers follow one transfer of a message of many rows', async () => {
    const body = Buffer.alloc(1_500_000, 'All work and no play makes Jack a dull boy.\r\n');
    world.drop.add(Buffer.concat([mail('large'), body, Buffer.from('\r\n')]));
    const server = await world.serve();
    const box = await world.create(server);
    const id = (await ids(box)).get('large') ?? '';
    const streams = await Promise.all([1, 2, 3].map(async () => (await rawOf(box, id)).body));
    const read = await Promise.all(streams.map(octets));
    for (const copy of read) expect(copy.equals(world.drop.list()[0]?.octets ?? new Uint8Array())).toBe(true);
    expect(server.commands.filter((command) => command.includes('RETR')).length).toBe(1);
  });

  it('gives a message as JSON and its attachment with the digest of the original', async () => {
    const pdf = Buffer.alloc(400_000, 'not really a pdf ');
    const encoded = pdf.toString('base64').replaceAll(/.{76}/g, '$&\r\n');
    world.drop.add(
      Buffer.from(
        `Subject: papers\r\nFrom: ann@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee below\r\n--b\r\n` +
          `Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n--b--\r\n`,
      ),
    );
    const box = await world.create(await world.serve());
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
    expect((await octets(part.body)).equals(pdf)).toBe(true);
    expect(await box.service.attachment(OPERATOR, id, '1', null)).toMatchObject({ failure: { kind: 'not_found' } });
  });

  it('refuses an id never given, and one whose message is gone and not held', async () => {
    world.fill(2);
    const box = await world.create(await world.serve());
    const id = (await ids(box)).get('mail 1') ?? '';
    world.drop.remove(world.drop.list()[0]?.uidl ?? '');
    expect(await box.service.raw(OPERATOR, id, null)).toMatchObject({ failure: { kind: 'message_gone' } });
    expect(await box.service.raw(OPERATOR, 'A'.repeat(22), null)).toMatchObject({ failure: { kind: 'not_found' } });
  });

  it('keeps a message readable that is gone upstream while its octets are held', async () => {
    world.fill(1);
    const box = await world.create(await world.serve());
    const id = (await ids(box)).get('mail 1') ?? '';
    await octets((await rawOf(box, id)).body);
    world.drop.remove(world.drop.list()[0]?.uidl ?? '');
    expect((await page(box)).total).toBe(0);
    expect(sent(await box.service.message(OPERATOR, id, { html: 'safe', maxBodyBytes: 1000 }, null)).message.subject).toBe('mail 1');
  });

  it('finds messages by their UIDL when their numbers have moved', async () => {
    world.fill(6);
    const box = await world.create(await world.serve());
    const known = await ids(box);
    world.drop.remove(world.drop.list()[0]?.uidl ?? '');
    world.drop.remove(world.drop.list()[1]?.uidl ?? '');
    const raw = await rawOf(box, known.get('mail 5') ?? '');
    expect((await octets(raw.body)).toString()).toContain('Subject: mail 5');
  });

  it('throws away what was cut off before its end, and fetches it again', async () => {
    world.fill(1);
    let cut = true;
    const server = await world.serve({
      answer: (command) => (cut && command.verb === 'RETR' ? { last: '+OK\r\nSubject: half\r\n' } : null),
    });
    const box = await world.create(server);
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
    world.fill(3);
    const box = await world.create(await world.serve());
    const known = await ids(box);
    const state = (await page(box)).sync.state;
    const id = known.get('mail 2') ?? '';
    valueOf(await box.service.deleteMessage(OPERATOR, id));
    expect(
      world.drop.list().map(
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
    world.fill(2);
    let cut = true;
    const server = await world.serve({ answer: (command) => (cut && command.verb === 'QUIT' ? 'close' : null) });
    const box = await world.create(server);
    const known = await ids(box);
    const state = (await page(box)).sync.state;
    const id = known.get('mail 1') ?? '';
    expect(await box.service.deleteMessage(OPERATOR, id)).toMatchObject({ failure: { kind: 'delete_unconfirmed' } });
    expect(world.drop.list().length).toBe(2);
    expect((await page(box)).total).toBe(2);
    cut = false;
    world.drop.remove(world.drop.list()[0]?.uidl ?? '');
    const changes = await follow(box, state);
    expect(changes.flatMap((change) => change.destroyed)).toEqual([{ id, reason: 'api' }]);
  });

  it('withdraws the intent when nothing was written', async () => {
    world.fill(1);
    const server = await world.serve();
    const box = await world.create(server);
    const id = (await ids(box)).get('mail 1') ?? '';
    await server.close();
    expect(await box.service.deleteMessage(OPERATOR, id)).toMatchObject({ failure: { kind: 'upstream_unreachable' } });
    expect(box.sql.exec(`SELECT * FROM deletions`)).toEqual([]);
  });
});
