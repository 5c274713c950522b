/** Reading ahead for whoever goes from page to page of messages whose headers nobody has asked for. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import type { MessagePage } from '../../src/mailbox/rpc.ts';
import { type NodeMailbox, OPERATOR, settingsFor, SINCE, nodeMailbox, valueOf } from '../support/node-mailbox.ts';
import type { Pop3Server } from '../support/pop3-server.ts';
import { page, rawOf } from './mailbox-calls.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

const PAGE = 20;
/** The newest are indexed without being asked for: those of interest are older. */
const COUNT = 1_000 + 6 * PAGE;

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

/** Numbers of the messages whose headers were asked for, of the `PAGE` oldest the 0th, of those behind it the 1st …, in the order of first asking. */
function pagesRead(server: Pop3Server): number[] {
  const pages = sent(server, 'TOP').map((line) => Math.floor((Number(line.split(' ')[1]) - 1) / PAGE));
  return [...new Set(pages)].filter((number) => number < 6);
}

/** An account that has listed, and has read the headers that it reads by itself. */
async function listed(server: Pop3Server, options = {}): Promise<NodeMailbox> {
  const box = nodeMailbox(options);
  valueOf(await box.service.create(box.id, settingsFor(server.port, { pollSeconds: 0 }), false, null));
  valueOf(await box.service.sync(OPERATOR));
  return box;
}

function next(box: NodeMailbox, before: MessagePage | null, query = {}): Promise<MessagePage> {
  return page(box, { order: 'oldest', limit: PAGE, maxAge: 1_000_000, cursor: before?.nextCursor ?? null, ...query });
}

describe('from the second page on', () => {
  beforeEach(() => {
    for (let n = 1; n <= COUNT; n++) world.drop.add(mail(`mail ${n}`), `u${n}`);
  });

  it('the next page is read in the same session before it is asked for, and each header once', async () => {
    const server = await world.serve();
    const box = await listed(server, { lingerMs: 20_000 });
    const first = await next(box, null);
    expect(pagesRead(server)).toEqual([0]);
    let shown = await next(box, first);
    await expect.poll(() => pagesRead(server)).toEqual([0, 1, 2]);
    for (const read of [3, 4, 5]) {
      shown = await next(box, shown);
      expect(shown.data.map(({ subject }) => subject)).toEqual(Array.from({ length: PAGE }, (_, n) => `mail ${(read - 1) * PAGE + n + 1}`));
      await expect.poll(() => pagesRead(server)).toEqual(Array.from({ length: read + 1 }, (_, n) => n));
    }
    const tops = sent(server, 'TOP');
    expect(new Set(tops).size).toBe(tops.length);
    expect(server.connections.total).toBe(1);
    valueOf(await box.service.remove(OPERATOR));
  });

  it('the feed is read ahead too, once somebody follows it', async () => {
    const server = await world.serve();
    const box = await listed(server, { lingerMs: 20_000 });
    const query = { ...SINCE, limit: PAGE, maxAge: 1_000_000 };
    const first = valueOf(await box.service.changes(OPERATOR, query));
    expect(pagesRead(server)).toEqual([0]);
    valueOf(await box.service.changes(OPERATOR, { ...query, since: first.newState }));
    await expect.poll(() => pagesRead(server)).toEqual([0, 1, 2]);
    valueOf(await box.service.remove(OPERATOR));
  });

  it('nothing is read ahead for pages that show no headers', async () => {
    const server = await world.serve();
    const box = await listed(server, { lingerMs: 20_000 });
    const first = await next(box, null);
    const second = await next(box, first, { fields: ['size'] });
    await next(box, second, { fields: ['uidl'] });
    // Behind whatever would be under way.
    valueOf(await box.service.sync(OPERATOR));
    valueOf(await box.service.remove(OPERATOR));
    expect(pagesRead(server)).toEqual([0]);
  });

  it('it costs no login: without a session that lingers nothing is read ahead', async () => {
    const server = await world.serve();
    const box = await listed(server, { lingerMs: 0 });
    const first = await next(box, null);
    await next(box, first);
    const logins = server.connections.total;
    valueOf(await box.service.sync(OPERATOR));
    valueOf(await box.service.remove(OPERATOR));
    expect(pagesRead(server)).toEqual([0, 1]);
    expect(server.connections.total).toBe(logins + 1);
  });

  it('who comes for the page while it is read ahead waits for that, which then makes way for nobody', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const limit = MAILBOX.readAheadWindow + PAGE;
    let holds = false;
    const server = await world.serve({
      answer: async ({ verb, argument }) => {
        if (verb !== 'TOP' || Number(argument.split(' ')[0]) !== 2 * limit + 1) return null;
        holds = true;
        await released;
        return null;
      },
    });
    const box = await listed(server, { lingerMs: 20_000 });
    const first = await next(box, null, { limit });
    const second = await next(box, first, { limit });
    await expect.poll(() => holds).toBe(true);
    const other = rawOf(box, first.data[0]?.id ?? '');
    // What needs no server is shown once whoever came before it waits.
    await next(box, null, { limit });
    const third = next(box, second, { limit });
    await next(box, null, { limit });
    release();
    expect((await third).data.map(({ subject }) => subject)).toEqual(Array.from({ length: limit }, (_, n) => `mail ${2 * limit + n + 1}`));
    await other;
    const before = server.commands.slice(
      0,
      server.commands.findIndex((command) => command.startsWith('RETR ')),
    );
    expect(before).toContain(`TOP ${3 * limit} ${MAILBOX.previewLines}`);
    const tops = sent(server, 'TOP');
    expect(new Set(tops).size).toBe(tops.length);
    valueOf(await box.service.remove(OPERATOR));
  });

  it('nothing is read ahead while somebody waits for the session', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let holds = false;
    const server = await world.serve({
      answer: async ({ verb, argument }) => {
        if (verb !== 'TOP' || Number(argument.split(' ')[0]) !== 2 * PAGE + 3) return null;
        holds = true;
        await released;
        return null;
      },
    });
    const box = await listed(server, { lingerMs: 20_000 });
    const newest = await next(box, null, { order: 'newest', limit: 100 });
    await next(box, await next(box, null));
    await expect.poll(() => holds).toBe(true);
    const asked = box.service.sync(OPERATOR);
    await next(box, newest, { order: 'newest', limit: 100 });
    release();
    valueOf(await asked);
    // It is done once whoever came before it is.
    await next(box, null, { limit: 5 * PAGE });
    const [oldest] = sent(server, 'TOP')
      .map((line) => Number(line.split(' ')[1]))
      .filter((number) => number > 6 * PAGE)
      .sort((a, b) => a - b);
    expect(oldest).toBe(COUNT - 199);
    valueOf(await box.service.remove(OPERATOR));
  });

  it('a line that breaks while it is read ahead hurts nobody: the page that shows it asks again', async () => {
    let breaks = false;
    const server = await world.serve({
      answer: ({ verb, argument }) => {
        const now = breaks && verb === 'TOP' && Number(argument.split(' ')[0]) === 2 * PAGE + 3;
        if (now) breaks = false;
        return now ? 'close' : null;
      },
    });
    const box = await listed(server, { lingerMs: 20_000 });
    const first = await next(box, null);
    breaks = true;
    const second = await next(box, first);
    await expect.poll(() => breaks).toBe(false);
    await expect.poll(() => server.connections.open).toBe(0);
    // Behind whatever would log in again.
    await box.service.sync(OPERATOR);
    expect(server.connections.total).toBe(2);
    expect(pagesRead(server)).toEqual([0, 1, 2]);
    const third = await next(box, second);
    expect(third.sync.problem).toBeNull();
    expect(third.data.map(({ subject }) => subject)).toEqual(Array.from({ length: PAGE }, (_, n) => `mail ${2 * PAGE + n + 1}`));
    valueOf(await box.service.remove(OPERATOR));
  });
});
