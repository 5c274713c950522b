/** Several messages in one answer: how they are fetched, what each of them may cost, and what is said of those that can't be had. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import type { BatchEntry, BatchQuery } from '../../src/mailbox/rpc.ts';
import { type NodeMailbox, OPERATOR, valueOf } from '../support/node-mailbox.ts';
import { sync } from './mailbox-calls.ts';
import { MailWorld, sent } from './mailbox-world.ts';

const NEVER = 'A'.repeat(22);
const WHOLE = { html: 'safe', maxBodyBytes: 262_144 } as const;

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

async function get(box: NodeMailbox, ids: string[], change: Partial<BatchQuery> = {}): Promise<BatchEntry[]> {
  return valueOf(await box.service.messagesById(OPERATOR, { ...WHOLE, fields: null, ids, ...change }));
}

/** Each entry as its subject or the kind of its failure. */
function outcomes(entries: BatchEntry[]): (string | null | undefined)[] {
  return entries.map((entry) => ('failure' in entry ? entry.failure.kind : entry.message.subject));
}

describe('reading several messages', () => {
  it('fetches all that is missing in one session, in the order asked', async () => {
    world.fill(9);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    await get(box, [ids[4]!]);
    const sessions = server.connections.total;
    const wanted = [ids[7]!, ids[4]!, ids[0]!, ids[8]!, ids[2]!, ids[5]!];
    const entries = await get(box, wanted);
    expect(entries.map(({ id }) => id)).toEqual(wanted);
    expect(outcomes(entries)).toEqual(['mail 8', 'mail 5', 'mail 1', 'mail 9', 'mail 3', 'mail 6']);
    expect(server.connections.total).toBe(sessions + 1);
    expect(sent(server, 'RETR')).toEqual(['RETR 5', 'RETR 8', 'RETR 1', 'RETR 9', 'RETR 3', 'RETR 6']);
  });

  it('answers an id that comes twice once, where it came first', async () => {
    world.fill(2);
    const { box, ids } = await world.account(await world.serve());
    const [a = '', b = ''] = ids;
    expect((await get(box, [b, NEVER, a, b, NEVER, a])).map(({ id }) => id)).toEqual([b, NEVER, a]);
    expect(await get(box, [])).toEqual([]);
  });

  it('gives just the members that were asked for, each as in the whole', async () => {
    world.fill(1);
    const { box, ids } = await world.account(await world.serve());
    const members = async (fields: string[] | null): Promise<Record<string, unknown>> => {
      const [entry] = await get(box, ids, { fields });
      return entry && 'message' in entry ? entry.message : {};
    };
    const whole = await members(null);
    expect(Object.keys(whole).length).toBeGreaterThan(20);
    for (const [name, value] of Object.entries(whole)) expect(await members([name])).toEqual({ id: ids[0], [name]: value });
    expect(await members(['headers', 'size', 'attachments'])).toEqual({
      id: ids[0],
      headers: whole['headers'],
      size: whole['size'],
      attachments: whole['attachments'],
    });
  });

  it('asks no server for what is held', async () => {
    world.fill(3);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    await get(box, ids.slice(0, 2));
    await server.close();
    expect(outcomes(await get(box, ids))).toEqual(['mail 1', 'mail 2', 'upstream_unreachable']);
  });

  it('joins a transfer that is under way', async () => {
    world.fill(3, 'x'.repeat(900_000) + '\r\n');
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    const [one, many] = await Promise.all([get(box, [ids[1]!]), get(box, ids)]);
    expect(outcomes(one)).toEqual(['mail 2']);
    expect(outcomes(many)).toEqual(['mail 1', 'mail 2', 'mail 3']);
    expect(sent(server, 'RETR').length).toBe(3);
  });

  it('goes on behind a message that is refused or gone', async () => {
    world.fill(4);
    const server = await world.serve({
      answer: ({ verb, argument }) => (verb === 'RETR' && argument === '2' ? '-ERR [SYS/TEMP] No.\r\n' : null),
    });
    const { box, ids } = await world.account(server);
    world.drop.remove('u4');
    expect(outcomes(await get(box, ids))).toEqual(['mail 1', 'upstream_temporary', 'mail 3', 'message_gone']);
  });

  it('keeps what came before the connection broke', async () => {
    world.fill(4);
    const server = await world.serve({
      answer: ({ verb, argument }) => (verb === 'RETR' && argument === '3' ? { last: '+OK\r\nSubject: half\r\n' } : null),
    });
    const { box, ids } = await world.account(server);
    expect(outcomes(await get(box, ids))).toEqual(['mail 1', 'mail 2', 'upstream_unreachable', 'upstream_unreachable']);
    expect(box.sql.exec(`SELECT count(*) AS n, min(complete) AS complete FROM copies`)).toEqual([{ n: 2, complete: 1 }]);
  });

  it('goes on in another session where one that lingered has died, from where it was', async () => {
    world.fill(3);
    let dies = true;
    const server = await world.serve({
      answer: ({ verb, argument }) => {
        if (!dies || verb !== 'RETR' || argument !== '2') return null;
        dies = false;
        return 'close';
      },
    });
    const { box, ids } = await world.account(server, { lingerMs: 60_000 });
    await sync(box);
    const sessions = server.connections.total;
    expect(outcomes(await get(box, ids))).toEqual(['mail 1', 'mail 2', 'mail 3']);
    expect(sent(server, 'RETR').filter((command) => command === 'RETR 1')).toHaveLength(1);
    expect(server.connections.total).toBe(sessions + 1);
    valueOf(await box.service.remove(OPERATOR));
  });

  it('reads all of them where the cache has room for none', async () => {
    world.fill(5);
    const { box, ids } = await world.account(await world.serve(), {}, { cache: { maxBytes: 1, maxMessageBytes: 1 << 20 } });
    expect(outcomes(await get(box, ids))).toEqual(['mail 1', 'mail 2', 'mail 3', 'mail 4', 'mail 5']);
  });
});

describe('the bounds of an answer', () => {
  it('gives 8 MiB at most and says what it had no room for', async () => {
    const count = 60;
    world.fill(count, `${'All work and no play makes Jack a dull boy. '.repeat(6_000)}\r\n`);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    const entries = await get(box, ids);
    const read = entries.filter((entry) => 'message' in entry).length;
    expect(Buffer.byteLength(JSON.stringify({ data: entries }))).toBeLessThanOrEqual(MAILBOX.batchOctetsMost);
    expect(read).toBeGreaterThan(25);
    expect(outcomes(entries).slice(read)).toEqual(Array.from({ length: count - read }, () => 'overloaded'));
    // What isn't going to be shown isn't fetched, but for the flight that was on its way.
    expect(sent(server, 'RETR').length).toBeLessThan(count);
    const rest = await get(box, ids.slice(read));
    expect(outcomes(rest)).toEqual(ids.slice(read).map((_, index) => `mail ${read + index + 1}`));
    // What counts is what is shown, not what is read.
    const few = await get(box, ids, { fields: ['subject', 'textTruncated'] });
    expect(outcomes(few)).toEqual(ids.map((_, index) => `mail ${index + 1}`));
  });

  it('stops after its time, and keeps what it was reading', async () => {
    world.fill(5);
    let late = false;
    let box: NodeMailbox | null = null;
    const server = await world.serve({
      hide: ['PIPELINING'],
      answer: ({ verb, argument }) => {
        if (late && verb === 'RETR' && argument === '3') box?.advance(MAILBOX.batchTime);
        return null;
      },
    });
    const made = await world.account(server);
    box = made.box;
    late = true;
    const first = outcomes(await get(box, made.ids));
    // The second is being stored while the third is asked for: whether it is shown in time is not said.
    expect([first[0], ...first.slice(2)]).toEqual(['mail 1', 'overloaded', 'overloaded', 'overloaded']);
    expect(sent(server, 'RETR')).toEqual(['RETR 1', 'RETR 2', 'RETR 3']);
    late = false;
    expect(outcomes(await get(box, made.ids))).toEqual(['mail 1', 'mail 2', 'mail 3', 'mail 4', 'mail 5']);
    expect(sent(server, 'RETR').length).toBe(5);
  });

  it('keeps the whole flight that was on its way when its time was over', async () => {
    world.fill(5);
    let box: NodeMailbox | null = null;
    const server = await world.serve({
      answer: ({ verb }) => {
        if (verb === 'RETR') box?.advance(MAILBOX.batchTime);
        return null;
      },
    });
    const made = await world.account(server);
    box = made.box;
    expect(outcomes(await get(box, made.ids))).toEqual(made.ids.map(() => 'overloaded'));
    await expect.poll(() => made.box.sql.exec(`SELECT * FROM copies WHERE complete = 1`).length).toBe(5);
    await server.close();
    expect(outcomes(await get(box, made.ids))).toEqual(['mail 1', 'mail 2', 'mail 3', 'mail 4', 'mail 5']);
  });

  it('fetches what somebody else has come to wait for even when its time is over', async () => {
    world.fill(5);
    let other: ReturnType<NodeMailbox['service']['message']> | null = null;
    let box: NodeMailbox | null = null;
    let ids: string[] = [];
    const server = await world.serve({
      hide: ['PIPELINING'],
      answer: ({ verb, argument }) => {
        if (box === null || verb !== 'RETR' || argument !== '2') return null;
        other = box.service.message(OPERATOR, ids[3]!, WHOLE, null);
        box.advance(MAILBOX.batchTime);
        return null;
      },
    });
    ({ box, ids } = await world.account(server));
    expect(outcomes(await get(box, ids)).slice(1)).toEqual(['overloaded', 'overloaded', 'overloaded', 'overloaded']);
    expect(valueOf(await other!)).toMatchObject({ message: { subject: 'mail 4' } });
    expect(sent(server, 'RETR')).toEqual(['RETR 1', 'RETR 2', 'RETR 4']);
  });
});

describe('fields', () => {
  it('filters the message, and id always comes', async () => {
    world.fill(1);
    const { box, ids } = await world.account(await world.serve());
    const [entry] = await get(box, ids, { fields: ['text', 'from', 'attachments'] });
    expect(entry).toEqual({
      id: ids[0],
      message: { id: ids[0], from: [{ name: 'Ann', address: 'ann@example.com' }], text: expect.any(String), attachments: [] },
    });
    expect(await get(box, ids, { fields: [] })).toEqual([{ id: ids[0], message: { id: ids[0] } }]);
  });

  it.each<[string, boolean]>([
    ['headers', true],
    ['text', true],
    ['html', true],
    ['defects', true],
    ['subject', false],
    ['hasAttachments', false],
    ['size', false],
  ])('%s needs the whole message: %s', async (field, whole) => {
    world.fill(1);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    const [entry] = await get(box, ids, { fields: [field] });
    expect(entry && 'message' in entry ? Object.keys(entry.message).sort() : null).toEqual(['id', field].sort());
    expect(sent(server, 'RETR').length).toBe(whole ? 1 : 0);
  });

  it('asks for headers only where they are wanted and not known yet, in one session', async () => {
    world.fill(MAILBOX.indexedAtOnce + 5);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    const before = { tops: sent(server, 'TOP').length, sessions: server.connections.total };
    const oldest = ids.slice(0, 6);
    const sizes = await get(box, oldest, { fields: ['size', 'uidl', 'detail', 'firstSeenAt'] });
    expect(sizes.map((entry) => 'message' in entry && entry.message.uidl)).toEqual(['u1', 'u2', 'u3', 'u4', 'u5', 'u6']);
    expect(server.connections.total).toBe(before.sessions);
    expect(outcomes(await get(box, oldest, { fields: ['subject'] }))).toEqual(['mail 1', 'mail 2', 'mail 3', 'mail 4', 'mail 5', 'mail 6']);
    expect(sent(server, 'TOP').length).toBe(before.tops + 5);
    expect(server.connections.total).toBe(before.sessions + 1);
    expect(sent(server, 'RETR')).toEqual([]);
  });

  it('shows what is known, and the problem for the rest, when headers cannot be asked for', async () => {
    world.fill(MAILBOX.indexedAtOnce + 1);
    const server = await world.serve();
    const { box, ids } = await world.account(server);
    await server.close();
    expect(outcomes(await get(box, ids.slice(0, 2), { fields: ['subject'] }))).toEqual(['upstream_unreachable', 'mail 2']);
  });
});
