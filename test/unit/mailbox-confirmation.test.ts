/** Before DELE and after it: which message a number stands for, and what a deletion leaves for the next sync to go by. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import type { HintRow } from '../../src/mailbox/store/account-store.ts';
import { hintWithout } from '../../src/mailbox/hint.ts';
import type { DeleteReport } from '../../src/mailbox/rpc.ts';
import { type NodeMailbox, OPERATOR, valueOf } from '../support/node-mailbox.ts';
import type { Pop3Server, Pop3ServerOptions } from '../support/pop3-server.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;
/** UIDLs that the server gives for those of the maildrop, which are all different. */
let names: Map<string, string>;
/** How many messages a full UIDL tells of. */
let told: number;

beforeEach(() => {
  world = new MailWorld();
  names = new Map();
  told = Number.POSITIVE_INFINITY;
});

afterEach(() => world.close());

function named(argument: string): string {
  const uidls = world.uidls.map((uidl) => names.get(uidl) ?? uidl);
  if (argument !== '') return `+OK ${argument} ${uidls[Number(argument) - 1] ?? ''}\r\n`;
  const lines = uidls.map((uidl, index) => `${index + 1} ${uidl}\r\n`).slice(0, told);
  return `+OK\r\n${lines.join('')}.\r\n`;
}

async function serve(options: Partial<Pop3ServerOptions> = {}): Promise<Pop3Server> {
  return world.serve({ answer: ({ verb, argument }) => (verb === 'UIDL' ? named(argument) : null), ...options });
}

/** The maildrop's messages in another order; new ones are as large as the others. */
function arrange(uidls: readonly string[]): void {
  const known = new Map(world.drop.list().map(({ uidl, octets }) => [uidl, octets]));
  for (const uidl of known.keys()) world.drop.remove(uidl);
  for (const uidl of uidls) world.drop.add(known.get(uidl) ?? mail('mail N'), uidl);
}

async function remove(box: NodeMailbox, ids: (string | undefined)[]): Promise<DeleteReport> {
  return valueOf(
    await box.service.deleteMessages(
      OPERATOR,
      ids.map((id) => id ?? ''),
      false,
    ),
  );
}

function since(server: Pop3Server, from: number): string[] {
  return server.commands.slice(from).filter((line) => !/^(CAPA|AUTH|USER|PASS)/.test(line) && line !== '');
}

/** What a sync says to the server. */
async function sync(box: NodeMailbox, server: Pop3Server): Promise<string[]> {
  const from = server.commands.length;
  valueOf(await box.service.sync(OPERATOR));
  return since(server, from).filter((line) => line !== 'QUIT');
}

describe('before DELE, in a session that has not listed', () => {
  it('one flight is enough where the maildrop is as it was left', async () => {
    world.fill(9);
    const server = await serve();
    const { box, ids } = await world.account(server);
    const from = server.commands.length;
    expect((await remove(box, [ids[2], ids[8]])).failed).toEqual([]);
    expect(since(server, from).slice(-6)).toEqual(['STAT', 'UIDL 9', 'UIDL 3', 'DELE 3', 'DELE 9', 'QUIT']);
    expect(world.uidls).toEqual(['u1', 'u2', 'u4', 'u5', 'u6', 'u7', 'u8']);
  });

  it('everything is listed where it has grown, and the right one goes', async () => {
    world.fill(5);
    const server = await serve();
    const { box, ids } = await world.account(server);
    arrange(['u1', 'new', 'u2', 'u3', 'u4', 'u5']);
    const from = server.commands.length;
    expect((await remove(box, [ids[1]])).failed).toEqual([]);
    expect(since(server, from).slice(-8)).toEqual(['STAT', 'UIDL 5', 'UIDL 2', 'STAT', 'UIDL', 'LIST', 'DELE 3', 'QUIT']);
    expect(world.uidls).toEqual(['u1', 'new', 'u3', 'u4', 'u5']);
  });

  for (const [where, uidls] of [
    ['before', ['u1', 'twin', 'u2', 'u3']],
    ['behind', ['u1', 'u2', 'twin', 'u3']],
    ['at the end', ['u1', 'u2', 'u3', 'twin']],
    ['in place of another, of equal size', ['u1', 'u2', 'twin']],
  ] as const)
    it(`a second message under its UIDL, unknown to the ledger, keeps it from being deleted (${where})`, async () => {
      world.fill(3);
      const server = await serve();
      const { box, ids } = await world.account(server);
      arrange(uidls);
      names.set('twin', 'u2');
      const report = await remove(box, [ids[1], ids[0]]);
      expect(report.deleted).toEqual([ids[0]]);
      expect(report.failed).toMatchObject([{ id: ids[1], failure: { kind: 'upstream_refused', upstream: { phase: 'uidl' } } }]);
      expect(world.uidls).toEqual(uidls.filter((uidl) => uidl !== 'u1'));
      expect(sent(server, 'DELE')).toEqual(['DELE 1']);
      expect(box.sql.exec(`SELECT * FROM deletions`)).toEqual([]);
    });

  it('nothing is held for gone that a listing of a small part of the mailbox lacks', async () => {
    world.fill(MAILBOX.suspectLeast + 10);
    const server = await serve();
    const { box, ids } = await world.account(server);
    world.drop.add(mail('new'), 'new');
    told = 3;
    const report = await remove(box, [ids[0], ids[9]]);
    expect(report.deleted).toEqual([ids[0]]);
    expect(report.failed).toMatchObject([{ id: ids[9], failure: { kind: 'upstream_temporary', upstream: { phase: 'uidl' } } }]);
    expect(box.sql.exec(`SELECT id FROM messages WHERE destroyed IS NOT NULL`)).toEqual([{ id: ids[0] }]);
    expect(box.sql.exec(`SELECT * FROM deletions`)).toEqual([]);
  });
});

describe('before DELE, in a session that was listed for somebody else', () => {
  it('a second message under its UIDL keeps it from being deleted', async () => {
    world.fill(8);
    const server = await serve();
    const { box, ids } = await world.account(server, { lingerMs: 300 });
    await expect.poll(() => server.connections.open).toBe(0);
    arrange(['twin', ...world.uidls]);
    names.set('twin', 'u2');
    const from = server.commands.length;
    valueOf(await box.service.messagesById(OPERATOR, { ids: ids.slice(0, 6), fields: null, html: 'none', maxBodyBytes: 100 }));
    const report = await remove(box, [ids[1]]);
    expect(report.failed).toMatchObject([{ id: ids[1], failure: { kind: 'upstream_refused' } }]);
    expect(since(server, from).some((line) => line.startsWith('DELE'))).toBe(false);
    expect(world.uidls.length).toBe(9);
    valueOf(await box.service.remove(OPERATOR));
  });
});

describe('a server that moves its messages within a session', () => {
  /** The server's session has its messages as they were at the login; this is what it says of them. */
  let moved: readonly string[] | null;
  const answer: Pop3ServerOptions['answer'] = ({ verb, argument }) => {
    if (moved === null) return null;
    if (verb === 'STAT') return `+OK ${moved.length} ${moved.length * mail('mail N').length}\r\n`;
    if (verb !== 'UIDL') return null;
    if (argument !== '') return `+OK ${argument} ${moved[Number(argument) - 1] ?? ''}\r\n`;
    return `+OK\r\n${moved.map((uidl, index) => `${index + 1} ${uidl}\r\n`).join('')}.\r\n`;
  };

  beforeEach(() => {
    moved = null;
  });

  it.each([
    ['for a new one', ['new', 'u1', 'u2', 'u3', 'u4'], 'DELE 3'],
    ['into another order', ['u2', 'u1', 'u3', 'u4'], 'DELE 1'],
  ])('%s is sent no DELE for another one', async (_, uidls, line) => {
    world.fill(4);
    const server = await serve({ answer });
    const { box, ids } = await world.account(server, { lingerMs: 20_000 });
    moved = uidls;
    const logins = server.connections.total;
    await remove(box, [ids[1]]);
    expect([sent(server, 'DELE'), server.connections.total]).toEqual([[line], logins]);
    valueOf(await box.service.remove(OPERATOR));
  });
});

describe('an unconfirmed deletion', () => {
  it('is given up once a second message has the UIDL', async () => {
    world.fill(3);
    let lost = true;
    const server = await serve({
      answer: ({ verb, argument }) => {
        if (verb === 'UIDL') return named(argument);
        return lost && verb === 'QUIT' && sent(server, 'DELE').length > 0 ? 'close' : null;
      },
    });
    const { box, ids } = await world.account(server);
    expect((await remove(box, [ids[1]])).failed).toMatchObject([{ failure: { kind: 'delete_unconfirmed' } }]);
    lost = false;
    arrange(['u1', 'u2', 'u3', 'twin']);
    names.set('twin', 'u2');
    await sync(box, server);
    expect(box.sql.exec(`SELECT * FROM deletions`)).toEqual([]);
    expect(sent(server, 'DELE').length).toBe(1);
    expect(world.uidls).toEqual(['u1', 'u2', 'u3', 'twin']);
  });
});

describe('after a deletion the next sync', () => {
  it('finds the maildrop unchanged, whichever went, and then only what is new', async () => {
    world.fill(9);
    const server = await serve();
    const { box, ids } = await world.account(server);
    await remove(box, [ids[8], ids[3]]);
    expect(await sync(box, server)).toEqual(['STAT', 'UIDL 7']);
    world.drop.add(mail('new'), 'new');
    expect((await sync(box, server)).slice(0, 4)).toEqual(['STAT', 'UIDL 7', 'UIDL 8', 'LIST 8']);
    await remove(box, [ids[0]]);
    expect(await sync(box, server)).toEqual(['STAT', 'UIDL 7']);
  });

  it('finds an empty maildrop unchanged', async () => {
    world.fill(2);
    const server = await serve();
    const { box, ids } = await world.account(server);
    await remove(box, ids);
    expect(await sync(box, server)).toEqual(['STAT']);
  });

  it('lists in full where mail that the ledger does not know yet stands in between', async () => {
    world.fill(5);
    const server = await serve();
    const { box, ids } = await world.account(server);
    arrange(['new', 'u1', 'u2', 'u3', 'u4', 'u5']);
    await remove(box, [ids[2]]);
    expect(await sync(box, server)).toContain('UIDL');
    expect(valueOf(await box.service.account(OPERATOR)).mailbox.messages).toBe(5);
  });
});

describe('the hint without what was deleted', () => {
  const hash = (octet: number): Uint8Array => new Uint8Array([octet]);
  const hint: HintRow = { messages: 3, octets: 30, number: 3, uidl_hash: hash(3), full_at: 7, suspect_at: null };
  const before = { messages: 3, octets: 30, last: hash(3) };
  const after = { messages: 2, octets: 20, last: hash(2) };

  it('describes what is left', () => {
    expect(hintWithout(hint, before, after)).toEqual({ ...hint, messages: 2, octets: 20, number: 2, uidl_hash: hash(2) });
    expect(hintWithout(hint, before, { messages: 0, octets: 0, last: null })).toMatchObject({ messages: 0, number: 0, uidl_hash: null });
  });

  it.each([
    ['a ledger that is not the maildrop', hint, { ...before, messages: 4 }],
    ['a STAT that is not the sum of LIST', { ...hint, octets: 31 }, before],
    ['numbers with gaps', { ...hint, number: 9 }, before],
    ['another order', hint, { ...before, last: hash(1) }],
    ['a server without UIDL', { ...hint, uidl_hash: null }, before],
    ['a suspect listing', { ...hint, suspect_at: 1 }, before],
  ])('is not known with %s', (_, row, live) => {
    expect(hintWithout(row, live, after)).toBeNull();
  });
});
