/** Messages asked for under assumed numbers: the round trip that it saves, and that a wrong assumption is never believed. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MAILBOX, PIPELINE } from '../../src/limits.ts';
import type { BatchEntry } from '../../src/mailbox/rpc.ts';
import { type DelayProxy, startDelayProxy } from '../support/delay-proxy.ts';
import { type NodeMailbox, OPERATOR, valueOf } from '../support/node-mailbox.ts';
import type { Pop3Server } from '../support/pop3-server.ts';
import { MailWorld, sent } from './mailbox-world.ts';

const WHOLE = { html: 'none', maxBodyBytes: 262_144, fields: null } as const;

let world: MailWorld;
let proxy: DelayProxy | null = null;

beforeEach(() => {
  world = new MailWorld();
});

afterEach(async () => {
  await proxy?.close();
  proxy = null;
  await world.close();
});

async function get(box: NodeMailbox, ids: string[]): Promise<BatchEntry[]> {
  return valueOf(await box.service.messagesById(OPERATOR, { ...WHOLE, ids }));
}

/** Each entry as its subject or the kind of its failure. */
async function outcomes(box: NodeMailbox, ids: string[]): Promise<(string | null | undefined)[]> {
  return (await get(box, ids)).map((entry) => ('failure' in entry ? entry.failure.kind : entry.message.subject));
}

/** An account on `server`, behind a line whose turns are counted, that keeps no session open. */
async function counted(
  server: Pop3Server,
): Promise<{ box: NodeMailbox; ids: string[]; turns: (work: () => Promise<unknown>) => Promise<number> }> {
  const line = await startDelayProxy({ to: server.port, delay: 0 });
  proxy = line;
  const { box, ids } = await world.account({ ...server, port: line.port }, { lingerMs: 0 });
  const turns = async (work: () => Promise<unknown>): Promise<number> => {
    const over = (): Promise<void> => vi.waitFor(() => expect(line.open()).toBe(0), 5_000);
    await over();
    const before = line.turns.count;
    await work();
    await over();
    return line.turns.count - before;
  };
  return { box, ids, turns };
}

const CAPA = '+OK\r\nSASL PLAIN\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nUSER\r\n';

/** Login, a message, and QUIT, each in a flight of its own on a line in clear. */
const IN_ONE_FLIGHT = 3;

describe('a message whose number is assumed', () => {
  it('comes in the flight that confirms it', async () => {
    world.fill(20);
    const server = await world.serve({ answer: ({ verb }) => (verb === 'CAPA' ? `${CAPA}EXPIRE NEVER\r\n.\r\n` : null) });
    const { box, ids, turns } = await counted(server);
    expect(await turns(async () => expect(await outcomes(box, [ids[4]!])).toEqual(['mail 5']))).toBe(IN_ONE_FLIGHT);
    expect(server.commands.slice(-3)).toEqual(['UIDL 5', 'RETR 5', 'QUIT']);
  });

  it('is asked for only once it is confirmed where the server removes what was retrieved (RFC 2449 §6.7)', async () => {
    world.fill(20);
    const server = await world.serve({ answer: ({ verb }) => (verb === 'CAPA' ? `${CAPA}EXPIRE 0\r\n.\r\n` : null) });
    const { box, ids, turns } = await counted(server);
    expect(await turns(async () => expect(await outcomes(box, [ids[4]!])).toEqual(['mail 5']))).toBe(IN_ONE_FLIGHT + 1);
  });

  it('is not assumed where a server has no UIDL: what came would be passed over', async () => {
    world.fill(20);
    const server = await world.serve({ hide: ['UIDL'] });
    const { box, ids } = await counted(server);
    expect(await outcomes(box, [ids[4]!])).toEqual(['mail 5']);
    expect(sent(server, 'RETR')).toEqual(['RETR 5']);
  });

  it('comes with a whole listing where many are wanted', async () => {
    world.fill(20);
    const server = await world.serve();
    const { box, ids, turns } = await counted(server);
    const wanted = ids.slice(3, 15);
    const flights = await turns(async () => expect(await outcomes(box, wanted)).toEqual(wanted.map((_, index) => `mail ${index + 4}`)));
    expect(flights).toBe(IN_ONE_FLIGHT);
    expect(server.commands.slice(-15, -12)).toEqual(['STAT', 'UIDL', 'RETR 4']);
  });

  it.each(['one', 'many'])('is found where another stands at its number, of %s', async (how) => {
    world.fill(20);
    const server = await world.serve();
    const { box, ids } = await counted(server);
    world.drop.remove('u2');
    world.drop.remove('u7');
    const wanted = how === 'one' ? [ids[8]!] : ids.slice(0, 12);
    const expected = ids.map((_, index) => (index === 1 || index === 6 ? 'message_gone' : `mail ${index + 1}`));
    expect(await outcomes(box, wanted)).toEqual(how === 'one' ? ['mail 9'] : expected.slice(0, 12));
    // Of none but those that were asked for is there a copy, and each is its own.
    expect(await outcomes(box, ids)).toEqual(expected);
  });

  it('assumes nothing more once an assumption was wrong', async () => {
    world.fill(300);
    const server = await world.serve();
    const { box, ids } = await counted(server);
    world.drop.remove('u1');
    const before = sent(server, 'RETR').length;
    const wanted = ids.slice(50, 150);
    const more = ids.slice(150, 250);
    const both = await Promise.all([outcomes(box, wanted), outcomes(box, more)]);
    expect(both.flat()).toEqual([...wanted, ...more].map((_, index) => `mail ${index + 51}`));
    // Of each message one RETR is right; what went out before the listing had come, a window of them, was not.
    expect(sent(server, 'RETR').length - before).toBeLessThan(wanted.length + more.length + PIPELINE.commands);
  });

  it('goes into the flight of those that are under way', async () => {
    world.fill(60, `${'All work and no play makes Jack a dull boy. '.repeat(2_000)}\r\n`);
    const server = await world.serve();
    const { box, ids, turns } = await counted(server);
    const halves = [ids.slice(0, 30), ids.slice(30)];
    const sessions = server.connections.total;
    await turns(async () => {
      const subjects = await Promise.all(halves.map((half) => outcomes(box, half)));
      expect(subjects.flat()).toEqual(ids.map((_, index) => `mail ${index + 1}`));
    });
    expect(server.connections.total).toBe(sessions + 1);
    expect(sent(server, 'RETR')).toEqual(ids.map((_, index) => `RETR ${index + 1}`));
    expect(sent(server, 'UIDL').slice(-1)).toEqual(['UIDL']);
  });

  it('waits with so many others at most, and is overloaded beyond', async () => {
    const beyond = 150;
    world.come(MAILBOX.fetchedInTurn + MAILBOX.fetchesWaiting + beyond, 'mail');
    const gate = Promise.withResolvers<null>();
    const server = await world.serve({ answer: ({ verb }) => (verb === 'RETR' ? gate.promise : null) });
    const { box, ids } = await world.account(server);
    const asked = Array.from({ length: Math.ceil(ids.length / 100) }, (_, n) => outcomes(box, ids.slice(n * 100, (n + 1) * 100)));
    // The first have been taken up, none is answered yet: the last find no room.
    expect(await asked.at(-1)).toEqual(Array.from({ length: ids.length % 100 }, () => 'overloaded'));
    gate.resolve(null);
    expect(await asked[0]).toEqual(Array.from({ length: 100 }, (_, index) => `mail ${index + 1}`));
    valueOf(await box.service.remove(OPERATOR));
    await Promise.all(asked);
  });
});
