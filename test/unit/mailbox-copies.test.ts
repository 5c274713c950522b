/** Copies of messages while they arrive and while they are read: kept, evicted, cut off and tried again. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import { type NodeMailbox, nodeMailbox, OPERATOR, settingsFor, TOKEN, valueOf } from '../support/node-mailbox.ts';
import type { Pop3Server } from '../support/pop3-server.ts';
import { octets, ring, streamOf } from './mailbox-calls.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(() => world.close());

describe('copies', () => {
  it('are read by who asked for them even where the cache has no room at all', async () => {
    const large = Buffer.concat([mail('large'), Buffer.alloc(600_000, 'All work and no play.\r\n'), Buffer.from('\r\n')]);
    world.drop.add(large, 'u1');
    const server = await world.serve();
    const { box, ids } = await world.account(server, {}, { cache: { maxBytes: 0, maxMessageBytes: 16 << 20 } });
    const id = ids[0] ?? '';
    const stream = await streamOf(box, id);
    const { promise, resolve } = Promise.withResolvers<void>();
    // The transfer is over before the reader begins.
    const waiting = setInterval(() => box.sql.exec(`SELECT 1 FROM copies WHERE complete = 0`).length === 0 && resolve(), 5);
    await promise;
    clearInterval(waiting);
    expect((await octets(stream)).equals(large)).toBe(true);
    const message = await box.service.message(OPERATOR, id, { html: 'none', maxBodyBytes: 1000 }, null);
    expect(message).toMatchObject({ ok: true });
    await box.service.alarm();
    expect(box.sql.exec(`SELECT message FROM copies`)).toEqual([]);
  });

  it('that somebody reads at leisure do not ring the alarm without end', async () => {
    world.drop.add(Buffer.concat([mail('large'), Buffer.alloc(600_000, 'All work and no play.\r\n'), Buffer.from('\r\n')]), 'u1');
    const server = await world.serve();
    const { box, ids } = await world.account(server, {}, { cache: { maxBytes: 0, maxMessageBytes: 0 } });
    const stream = await streamOf(box, ids[0] ?? '');
    const reader = stream.getReader();
    await reader.read();
    // The stream may read one piece ahead when it is first looked at; from then on nobody reads.
    for (let passed = 0; passed < 2 * MAILBOX.scratchTime;) passed += await ring(box);
    let waited = 0;
    for (let n = 0; n < 5; n++) waited += await ring(box);
    expect(waited).toBeGreaterThan(4 * MAILBOX.backoffFirst);
    let rest = 0;
    for (let read = await reader.read(); !read.done; read = await reader.read()) rest += read.value.length;
    expect(rest).toBeGreaterThan(0);
  });

  it('are not evicted for a message above the cap that is still arriving', async () => {
    world.drop.add(mail('small'), 'u1');
    world.drop.add(Buffer.concat([mail('large'), Buffer.alloc(2_000_000, 'All work and no play.\r\n'), Buffer.from('\r\n')]), 'u2');
    const server = await world.serve();
    const proxy = await world.proxyTo(server.port);
    const box = nodeMailbox();
    valueOf(
      await box.service.create(box.id, settingsFor(proxy.port, { cache: { maxBytes: 400_000, maxMessageBytes: 400_000 } }), true, TOKEN),
    );
    const [small = '', large = ''] = await world.ids(box);
    valueOf(await box.service.message(OPERATOR, small, { html: 'none', maxBodyBytes: 1000 }, null));
    proxy.cut(80_000, 'stall');
    const stream = await streamOf(box, large);
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = setInterval(() => box.sql.exec(`SELECT 1 FROM copies WHERE octets > 1000000`).length === 1 && resolve(), 5);
    await promise;
    clearInterval(waiting);
    await box.service.alarm();
    expect(box.sql.exec(`SELECT 1 FROM copies WHERE complete = 1`).length).toBe(1);
    proxy.sever();
    await expect(stream.pipeTo(new WritableStream())).rejects.toThrow();
  });
});

describe('a transfer that was cut off', () => {
  /** An account with one message, whose first RETR the server breaks off. */
  async function brokenOff(body: string): Promise<{ server: Pop3Server; box: NodeMailbox; ids: string[] }> {
    world.fill(1, body);
    let cut = true;
    const server = await world.serve({
      answer: ({ verb }) => {
        if (!cut || verb !== 'RETR') return null;
        cut = false;
        return { last: '+OK\r\nSubject: half\r\n' };
      },
    });
    return { server, ...(await world.account(server, { lingerMs: 5_000 })) };
  }

  it('is tried again in another session, unseen where the message is short', async () => {
    const { server, box, ids } = await brokenOff('Hello\r\n');
    const raw = await octets(await streamOf(box, ids[0] ?? ''));
    expect(raw.equals(world.drop.list()[0]?.octets ?? new Uint8Array())).toBe(true);
    expect(sent(server, 'RETR').length).toBe(2);
    valueOf(await box.service.remove(OPERATOR));
  });

  it('and is tried again in another session is waited for, not gone', async () => {
    const { server, box, ids } = await brokenOff(`${'x'.repeat(76)}\r\n`.repeat(4_000));
    const first = await streamOf(box, ids[0] ?? '');
    await expect(first.pipeTo(new WritableStream())).rejects.toThrow('closed');
    const again = await octets(await streamOf(box, ids[0] ?? ''));
    expect(again.equals(world.drop.list()[0]?.octets ?? new Uint8Array())).toBe(true);
    expect(sent(server, 'RETR').length).toBe(2);
    valueOf(await box.service.remove(OPERATOR));
  });
});
