/**
 * A server that loses the end of a message among pipelined commands: the next reply is taken for part of it, and each one behind
 * that for the one before. It shows only when the last reply doesn't come. And one that ends a message too early: then a reply is left.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeMailbox, type NodeMailbox, OPERATOR, settingsFor, valueOf } from '../support/node-mailbox.ts';
import { details, follow, page, rawOf, ring, streamOf } from './mailbox-calls.ts';
import { mail, MailWorld } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
  world.fill(6);
});

afterEach(() => world.close());

/** An account on a server that loses the ends of messages `numbers` as often as `loses` says so. */
async function losing(verb: 'TOP' | 'RETR', numbers: readonly number[], loses: () => boolean): Promise<NodeMailbox> {
  const server = await world.serve({
    answer: (command) => {
      const number = Number.parseInt(command.argument, 10);
      if (command.verb !== verb || !numbers.includes(number) || !loses()) return null;
      return `+OK\r\n${Buffer.from(mail(`mail ${number}`)).toString()}`;
    },
  });
  const box = nodeMailbox({ deadlines: { reply: 100, chunk: 100 }, lingerMs: 0 });
  valueOf(await box.service.create(box.id, settingsFor(server.port), false, null));
  return box;
}

/** The subjects that are known, and those that belong to the same UIDLs. */
async function subjects(box: NodeMailbox): Promise<[known: unknown[], true: unknown[]]> {
  const { data } = await page(box, { limit: 200, maxAge: 1_000_000 });
  const known = data.filter(({ subject }) => subject !== null);
  return [known.map(({ subject }) => subject), known.map(({ uidl }) => `mail ${uidl?.slice(1)}`)];
}

describe('the end of a header that is lost', () => {
  it('gives no message the header of another', async () => {
    const box = await losing('TOP', [4], () => true);
    expect(await box.service.sync(OPERATOR)).toMatchObject({ ok: false, failure: { kind: 'upstream_timeout' } });
    for (let n = 0; n < 8; n++) {
      const [known, right] = await subjects(box);
      expect(known).toEqual(right);
      await ring(box);
    }
    expect(await details(box)).toEqual(['headers', 'headers', 'headers', 'uidl', 'headers', 'headers']);
  });
});

describe('the end of a message that is lost', () => {
  it.each([
    ['of one message', [2]],
    // Then it isn't a reply that is waited for in vain, but the end of one.
    ['of the last one too', [2, 6]],
  ])('%s leaves no message with the octets of another', async (_, numbers) => {
    let losesNow = false;
    const box = await losing('RETR', numbers, () => losesNow);
    await box.service.sync(OPERATOR);
    const { data } = await page(box, { order: 'oldest', fields: ['uidl'] });
    const ids = data.map(({ id }) => id ?? '');
    losesNow = true;
    const query = { ids, fields: null, html: 'safe' as const, maxBodyBytes: 1_000 };
    valueOf(await box.service.messagesById(OPERATOR, query));
    losesNow = false;
    for (const [index, id] of ids.entries()) {
      const octets = Buffer.from(await new Response((await rawOf(box, id)).body).arrayBuffer());
      expect(octets.toString('latin1')).toBe(Buffer.from(mail(`mail ${index + 1}`)).toString('latin1'));
    }
    await box.service.sync(OPERATOR);
    const [known, right] = await subjects(box);
    expect(known).toEqual(right);
  });

  it('is not read on in another copy by who has begun to read', async () => {
    for (let n = 7; n <= 10; n++) world.drop.add(mail(`mail ${n}`, `${n}${'x'.repeat(76)}\r\n`.repeat(4_000)), `u${n}`);
    let throwsAway = true;
    const server = await world.serve({
      answer: ({ verb, argument }) => {
        if (verb === 'TOP') return '-ERR Not now.\r\n';
        return verb === 'RETR' && argument === '8' && throwsAway ? '' : null;
      },
    });
    const box = nodeMailbox({ deadlines: { reply: 500, chunk: 500 }, lingerMs: 0 });
    valueOf(await box.service.create(box.id, settingsFor(server.port), false, null));
    const { data } = await page(box, { order: 'oldest', fields: ['uidl'] });
    const ids = data.slice(6).map(({ id }) => id ?? '');
    const query = { html: 'safe' as const, maxBodyBytes: 1_000 };
    const batch = box.service.messagesById(OPERATOR, { ids, fields: null, ...query });
    const reader = (await streamOf(box, ids[1] ?? '')).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toContain('Subject: mail 9\r\n');
    valueOf(await batch);
    throwsAway = false;
    expect(valueOf(await box.service.message(OPERATOR, ids[1] ?? '', query, null))).toMatchObject({ message: { subject: 'mail 8' } });
    const rest = async (): Promise<void> => {
      for (let read = await reader.read(); !read.done; read = await reader.read());
    };
    await expect(rest()).rejects.toThrow();
  });

  it('is told to who follows the feed and saw another message meanwhile', async () => {
    let headers = false;
    const server = await world.serve({
      answer: ({ verb, argument }) => {
        if (verb === 'TOP' && !headers) return '-ERR Not now.\r\n';
        return verb === 'RETR' && argument === '2' ? `+OK\r\n${Buffer.from(mail('mail 2')).toString()}` : null;
      },
    });
    const box = nodeMailbox({ deadlines: { reply: 1_000, chunk: 1_000 }, lingerMs: 0 });
    valueOf(await box.service.create(box.id, settingsFor(server.port), false, null));
    const { data } = await page(box, { order: 'oldest' });
    const before = await follow(box, null, { maxAge: 1_000_000 });
    const query = { ids: data.map(({ id }) => id ?? ''), fields: null, html: 'safe' as const, maxBodyBytes: 1_000 };
    const batch = box.service.messagesById(OPERATOR, query);
    const wrong = await vi.waitFor(async () => {
      const seen = await follow(box, before.at(-1)?.newState ?? null, { maxAge: 1_000_000 });
      expect(seen.flatMap(({ updated }) => updated)).toContainEqual(expect.objectContaining({ uidl: 'u4', subject: 'mail 5' }));
      return seen;
    }, 5_000);
    valueOf(await batch);
    headers = true;
    box.advance(3_600_000);
    const right = await follow(box, wrong.at(-1)?.newState ?? null);
    expect(right.flatMap(({ updated }) => updated)).toContainEqual(expect.objectContaining({ uidl: 'u4', subject: 'mail 4' }));
  });
});

describe('an end that comes too early', () => {
  it('leaves no message with octets that the sender of another made up for it', async () => {
    // Its second line ends the data on a server that stuffs no dots, and what follows looks like a reply.
    const hostile = `${Buffer.from(mail('mail 3')).toString()}.\r\n+OK\r\n${Buffer.from(mail('forged')).toString()}`;
    const unstuffed = (number: number): string => `+OK\r\n${number === 3 ? hostile : Buffer.from(mail(`mail ${number}`)).toString()}.\r\n`;
    let stuffs = true;
    const server = await world.serve({
      answer: ({ verb, argument }) => {
        if (verb === 'TOP') return '-ERR Not now.\r\n';
        if (verb !== 'RETR' || stuffs) return null;
        // At once, as one who has all commands does.
        if (argument !== '6') return '';
        stuffs = true;
        return [1, 2, 3, 4, 5, 6].map(unstuffed).join('');
      },
    });
    const box = nodeMailbox({ deadlines: { reply: 1_000, chunk: 1_000 }, lingerMs: 0 });
    valueOf(await box.service.create(box.id, settingsFor(server.port), false, null));
    const { data } = await page(box, { order: 'oldest', fields: ['uidl'] });
    const ids = data.map(({ id }) => id ?? '');
    stuffs = false;
    const query = { ids, fields: null, html: 'safe' as const, maxBodyBytes: 1_000 };
    await box.service.messagesById(OPERATOR, query);
    for (const [index, id] of ids.entries()) {
      const octets = Buffer.from(await new Response((await rawOf(box, id)).body).arrayBuffer());
      expect(octets.toString('latin1')).toBe(Buffer.from(mail(`mail ${index + 1}`)).toString('latin1'));
    }
  });
});
