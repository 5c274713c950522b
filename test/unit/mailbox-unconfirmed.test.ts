/** Deletions whose confirmation did not come, by a lost answer, a crash or a deadline: the next listings settle them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HTTP, MAILBOX } from '../../src/limits.ts';
import { type NodeMailbox, OPERATOR, SINCE, valueOf } from '../support/node-mailbox.ts';
import { destroyed, intents, page, remove, sync } from './mailbox-calls.ts';
import { MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(async () => {
  vi.useRealTimers();
  await world.close();
});

describe('a deletion that was not confirmed', () => {
  /** A server that loses QUIT's answer while `lost` says so; with `removes` it has removed what was marked all the same. */
  async function losing({ removes }: { removes: boolean }) {
    const state = { lost: true };
    const server = await world.serve({
      answer: ({ verb }) => {
        if (verb !== 'QUIT' || !state.lost || sent(server, 'DELE').length === 0) return null;
        if (removes) world.drop.remove('u1');
        return 'close';
      },
    });
    return { server, state, ...(await world.account(server)) };
  }

  it('is asked again in the session of the next listing that still has the message', async () => {
    world.fill(3);
    const { server, state, box, ids } = await losing({ removes: false });
    const since = valueOf(await box.service.changes(OPERATOR, SINCE)).newState;
    expect((await remove(box, [ids[0]!])).failed).toMatchObject([{ id: ids[0], failure: { kind: 'delete_unconfirmed' } }]);
    expect((await page(box, { fields: ['size'], maxAge: 3600 })).total).toBe(3);
    state.lost = false;
    const sessions = server.connections.total;
    expect(await sync(box)).toMatchObject({ created: 0, destroyed: 1, total: 2 });
    expect(server.connections.total).toBe(sessions + 1);
    expect(world.uidls).toEqual(['u2', 'u3']);
    expect(intents(box)).toEqual([]);
    const changes = valueOf(await box.service.changes(OPERATOR, { ...SINCE, since, maxAge: 3600 }));
    expect(changes.destroyed).toEqual([{ id: ids[0], reason: 'api' }]);
  });

  it('is settled by the next listing without the message', async () => {
    world.fill(3);
    const { server, box, ids } = await losing({ removes: true });
    expect((await remove(box, [ids[0]!])).failed).toMatchObject([{ failure: { kind: 'delete_unconfirmed' } }]);
    expect(destroyed(box)).toEqual([]);
    expect(await sync(box)).toMatchObject({ destroyed: 1, total: 2 });
    expect(destroyed(box)).toEqual([{ id: ids[0], reason: 'api' }]);
    expect(intents(box)).toEqual([]);
    expect(sent(server, 'DELE').length).toBe(1);
  });

  it('is settled by asking again for it, whoever finds it gone', async () => {
    world.fill(3);
    const { box, ids } = await losing({ removes: true });
    await remove(box, [ids[0]!]);
    expect((await remove(box, [ids[0]!])).deleted).toEqual([ids[0]]);
    expect(destroyed(box)).toEqual([{ id: ids[0], reason: 'api' }]);
    expect(intents(box)).toEqual([]);
  });

  it('is given up after the last try, and the message stays', async () => {
    world.fill(2);
    const { server, box, ids } = await losing({ removes: false });
    await remove(box, [ids[0]!]);
    for (let n = 0; n < 4; n++) expect(await sync(box)).toMatchObject({ destroyed: 0, total: 2 });
    expect(sent(server, 'DELE').length).toBe(MAILBOX.deleteTries);
    expect(intents(box)).toEqual([]);
    expect(destroyed(box)).toEqual([]);
  });

  it('is not forgotten when asking for it again fails before anything is written', async () => {
    world.fill(2);
    const { server, box, ids } = await losing({ removes: false });
    await remove(box, [ids[0]!]);
    await server.close();
    expect((await remove(box, ids)).failed.map(({ failure }) => failure.kind)).toEqual(['upstream_unreachable', 'upstream_unreachable']);
    expect(intents(box)).toMatchObject([{ written: 1, tries: 1 }]);
  });

  it('does not keep a listing from being believed when it fails again', async () => {
    world.fill(2);
    const { box, ids } = await losing({ removes: false });
    await remove(box, [ids[0]!]);
    world.drop.add(world.drop.list()[0]!.octets, 'new');
    expect(await sync(box)).toMatchObject({ created: 1, total: 3 });
    expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({ state: 'ready', lastError: null });
  });

  it('is asked again by the alarm, and after a restart', async () => {
    world.fill(2);
    const { state, box, ids } = await losing({ removes: false });
    await remove(box, [ids[0]!]);
    box.restart();
    state.lost = false;
    box.advance(3_600_000);
    await box.service.alarm();
    expect(world.uidls).toEqual(['u2']);
    expect(destroyed(box)).toEqual([{ id: ids[0], reason: 'api' }]);
  });
});

describe('after a restart', () => {
  /** An account whose object died when it had sent the first command `verb` of a deletion: its rows are as they were then. */
  async function killedAt(verb: string) {
    world.fill(2);
    const left: number[][] = [];
    let box: NodeMailbox | null = null;
    const server = await world.serve({
      answer: (command) => {
        if (box === null || command.verb !== verb) return null;
        if (left.length === 0) left.push(...intents(box).map(({ message, written, tries }) => [message, written, tries]));
        return 'close';
      },
    });
    const made = await world.account(server);
    box = made.box;
    await remove(box, made.ids);
    expect(left).toHaveLength(2);
    box.sql.exec(`DELETE FROM deletions`);
    for (const row of left) box.sql.exec(`INSERT INTO deletions (message, asked_at, written, tries) VALUES (?, 1, ?, ?)`, ...row);
    box.restart();
    await server.close();
    const again = await world.serve({ port: server.port });
    return { box, server: again };
  }

  it('an intent whose DELE was never written is withdrawn, and nothing is deleted by it', async () => {
    const { box, server } = await killedAt('UIDL');
    expect(await sync(box)).toMatchObject({ destroyed: 0, total: 2 });
    expect(intents(box)).toEqual([]);
    expect(sent(server, 'DELE')).toEqual([]);
  });

  it('an intent whose DELE may have been written lives on until it is settled', async () => {
    const { box } = await killedAt('DELE');
    expect(await sync(box)).toMatchObject({ destroyed: 2, total: 0 });
    expect(destroyed(box).map(({ reason }) => reason)).toEqual(['api', 'api']);
    expect(intents(box)).toEqual([]);
    expect(world.uidls).toEqual([]);
  });
});

describe('a deletion that takes longer than a request may', () => {
  it('goes on, and is known to the next one', async () => {
    world.fill(2);
    let late = false;
    const server = await world.serve({
      answer: ({ verb }) => {
        if (late && verb === 'QUIT') {
          late = false;
          vi.advanceTimersByTime(HTTP.requestTime);
        }
        return null;
      },
    });
    const { box, ids } = await world.account(server);
    late = true;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    expect(await box.service.deleteMessage(OPERATOR, ids[0]!)).toMatchObject({ failure: { kind: 'upstream_timeout' } });
    vi.useRealTimers();
    await vi.waitFor(() => expect(destroyed(box)).toEqual([{ id: ids[0], reason: 'api' }]));
    expect(await box.service.deleteMessage(OPERATOR, ids[0]!)).toMatchObject({ ok: true });
    expect(world.uidls).toEqual(['u2']);
  });
});
