/** Headers that are read in the background, and when they are read for who shows them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import { ALL, type NodeMailbox, OPERATOR, settingsFor, SINCE, nodeMailbox, valueOf } from '../support/node-mailbox.ts';
import type { Pop3Server } from '../support/pop3-server.ts';
import { ring } from './mailbox-calls.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

const OLDER = 60;

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

/** The numbers that TOP was sent for, from the `from`th on. */
function tops(server: Pop3Server, from = 0): number[] {
  return sent(server, 'TOP')
    .slice(from)
    .map((line) => Number(line.split(' ')[1]));
}

function range(from: number, to: number): number[] {
  const step = from <= to ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, n) => from + n * step);
}

async function indexing(box: NodeMailbox): Promise<{ done: number; of: number }> {
  return valueOf(await box.service.account(OPERATOR)).indexing;
}

/** An account without an alarm for polls, which has listed. */
async function listed(server: Pop3Server, options = {}): Promise<NodeMailbox> {
  const box = nodeMailbox(options);
  valueOf(await box.service.create(box.id, settingsFor(server.port, { pollSeconds: 0 }), false, null));
  valueOf(await box.service.sync(OPERATOR));
  return box;
}

describe('a large mailbox', () => {
  it('has its newest headers read in the background, newest first, in one session, and older ones by who shows them', async () => {
    for (let n = 1; n <= MAILBOX.indexedMessages + OLDER; n++) world.drop.add(mail(`mail ${n}`), `u${n}`);
    const last = MAILBOX.indexedMessages + OLDER;
    const server = await world.serve();
    const box = await listed(server, { lingerMs: 20_000 });
    expect(tops(server)).toEqual(range(last, last - MAILBOX.indexedAtOnce + 1));
    expect(await indexing(box)).toEqual({ done: MAILBOX.indexedAtOnce, of: MAILBOX.indexedMessages });

    await ring(box);
    expect(tops(server)).toEqual(range(last, OLDER + 1));
    expect(await indexing(box)).toEqual({ done: MAILBOX.indexedMessages, of: MAILBOX.indexedMessages });
    // Nothing is due any more, and the session of the sync was enough.
    expect(box.alarm()).toBeNull();
    expect(server.connections.total).toBe(1);

    const older = { ...ALL, order: 'oldest', limit: 25, maxAge: 1_000_000 } as const;
    const page = valueOf(await box.service.messages(OPERATOR, older));
    expect(page.data.map((item) => item.subject)).toEqual(range(1, 25).map((n) => `mail ${n}`));
    expect(tops(server, MAILBOX.indexedMessages).toSorted((a, b) => a - b)).toEqual(range(1, 25));
    const next = valueOf(await box.service.changes(OPERATOR, { ...SINCE, limit: 40, maxAge: 1_000_000 }));
    expect(next.created.map((item) => (item as { subject: string }).subject)).toEqual(range(1, 40).map((n) => `mail ${n}`));
    expect(tops(server, MAILBOX.indexedMessages + 25).toSorted((a, b) => a - b)).toEqual(range(26, 40));
    expect(server.connections.total).toBe(1);
    valueOf(await box.service.remove(OPERATOR));
  });

  it('goes on where it was when the object died in the middle', async () => {
    for (let n = 1; n <= 400; n++) world.drop.add(mail(`mail ${n}`), `u${n}`);
    let left = MAILBOX.indexedAtOnce + 75;
    const server = await world.serve({ answer: ({ verb }) => (verb === 'TOP' && left-- <= 0 ? 'close' : null) });
    const box = await listed(server);
    await ring(box);
    const { done } = await indexing(box);
    expect(done).toBeGreaterThanOrEqual(MAILBOX.indexedAtOnce + 50);
    box.restart();
    left = 1_000;
    const before = sent(server, 'TOP').length;
    for (let n = 0; n < 5 && (await indexing(box)).done < 400; n++) await ring(box);
    expect(await indexing(box)).toEqual({ done: 400, of: 400 });
    // None of those that were stored is asked for again.
    expect(sent(server, 'TOP').length - before).toBe(400 - done);
  });
});

describe('a message whose header the server refuses', () => {
  it('is marked, asked for later and later, and never in the way of the others', async () => {
    world.fill(12);
    let refused = true;
    const server = await world.serve({
      answer: ({ verb, argument }) => (refused && verb === 'TOP' && argument.startsWith('12 ') ? '-ERR damaged\r\n' : null),
    });
    const box = await listed(server);
    expect(await indexing(box)).toEqual({ done: 11, of: 12 });
    const waits: number[] = [];
    for (let n = 0; n < 4; n++) {
      waits.push(await ring(box));
    }
    expect(waits.every((wait, n) => n === 0 || wait > 1.5 * (waits[n - 1] ?? 0))).toBe(true);
    expect(tops(server, 12)).toEqual([12, 12, 12, 12]);
    // Who shows it before its time doesn't ask for it either.
    const query = { ...ALL, maxAge: 1_000_000 };
    expect(valueOf(await box.service.messages(OPERATOR, query)).data[0]).toMatchObject({ detail: 'uidl', subject: null });
    expect(tops(server, 12).length).toBe(4);
    refused = false;
    await ring(box);
    expect(await indexing(box)).toEqual({ done: 12, of: 12 });
    expect(box.alarm()).toBeNull();
  });
});

describe('a server that has no TOP', () => {
  it.each([
    ['and does not announce it', ['TOP'] as const],
    ['and announces nothing at all', ['CAPA', 'TOP'] as const],
  ])('%s is asked for whole messages', async (_, hide) => {
    world.fill(3);
    const server = await world.serve({ hide });
    const box = await listed(server);
    expect(await indexing(box)).toEqual({ done: 3, of: 3 });
    expect(sent(server, 'RETR').toSorted()).toEqual(['RETR 1', 'RETR 2', 'RETR 3']);
  });
});
