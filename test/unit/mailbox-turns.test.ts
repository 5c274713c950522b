/** People who wait while background work holds the session: what goes ahead of what, in which session. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEADLINES, MAILBOX } from '../../src/limits.ts';
import { ALL, type NodeMailbox, OPERATOR, SINCE, valueOf } from '../support/node-mailbox.ts';
import type { Pop3Server } from '../support/pop3-server.ts';
import { mail, MailWorld, sent } from './mailbox-world.ts';

let world: MailWorld;
let gate: Gate;

beforeEach(() => {
  world = new MailWorld();
  gate = new Gate();
});

afterEach(async () => {
  gate.open();
  await world.close();
});

/** Holds back the server's answers to some command, one by one, once it is shut. */
class Gate {
  #verb: string | null = null;
  #held: (() => void)[] = [];
  readonly answer = async ({ verb }: { verb: string }): Promise<null> => {
    if (verb !== this.#verb) return null;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.push(resolve);
    await promise;
    return null;
  };

  shut(verb: string): void {
    this.#verb = verb;
  }

  get holds(): number {
    return this.#held.length;
  }

  /** The session that waits gets its answer. */
  step(): void {
    for (const release of this.#held.splice(0)) release();
  }

  open(): void {
    this.#verb = null;
    this.step();
  }
}

/** Answers one after another until `work` is done. */
async function stepping<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => gate.step(), 1);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** An account whose first message is known, and a poll that holds the session at the first header of `arrivals` more. */
async function polling(arrivals: number, options = {}) {
  world.fill(1);
  const server = await world.serve({ answer: gate.answer });
  const { box, ids } = await world.account(server, options);
  // Its header may still be under way, and is not what is to be held back.
  await expect.poll(async () => valueOf(await box.service.account(OPERATOR)).indexing.done).toBe(1);
  for (let n = 1; n <= arrivals; n++) world.drop.add(mail(`late ${n}`), `late${n}`);
  gate.shut('TOP');
  box.advance(Math.max(0, (box.alarm() ?? 0) - Date.now()));
  const begun = { logins: server.connections.total, commands: server.commands.length };
  const poll = box.service.alarm();
  await expect.poll(() => gate.holds).toBe(1);
  return { server, box, id: ids[0] ?? '', poll, begun };
}

async function raw(box: NodeMailbox, id: string): Promise<string> {
  const answer = valueOf(await box.service.raw(OPERATOR, id, null));
  if (answer.notModified || answer.body === null) throw new Error('There are no octets.');
  return new Response(answer.body).text();
}

function verbs(server: Pop3Server, from: number): string[] {
  return server.commands.slice(from).map((line) => line.split(' ')[0] ?? '');
}

async function details(box: NodeMailbox): Promise<Set<string | undefined>> {
  const query = { ...ALL, limit: 200, fields: ['detail'], maxAge: 1_000_000 };
  return new Set(valueOf(await box.service.messages(OPERATOR, query)).data.map((item) => item.detail));
}

describe('somebody who waits', () => {
  it("goes ahead of a poll's headers at the next boundary, in the same session, and the poll goes on", async () => {
    const { server, box, id, poll, begun } = await polling(150);
    const read = raw(box, id);
    expect(await stepping(read)).toContain('Subject: mail 1\r\n');
    await stepping(poll);
    const seen = verbs(server, begun.commands);
    const before = seen.slice(0, seen.indexOf('RETR')).filter((verb) => verb === 'TOP').length;
    expect(before).toBeLessThanOrEqual(MAILBOX.backgroundWindow + 1);
    expect(seen.filter((verb) => verb === 'TOP').length).toBe(150);
    expect(server.connections.total).toBe(begun.logins + 1);
    expect(await details(box)).toEqual(new Set(['headers', 'full']));
  });

  it('goes ahead again and again, and the poll gets on between', async () => {
    const { server, box, poll, begun } = await polling(150);
    const ids = (await world.ids(box)).slice(0, 5);
    const reads = (async () => {
      for (const id of ids) await raw(box, id);
    })();
    await stepping(Promise.all([reads, poll]));
    const seen = verbs(server, begun.commands).join(' ');
    expect(seen.match(/RETR/g)?.length).toBe(5);
    expect(seen.match(/TOP RETR/g)?.length).toBeGreaterThan(3);
    expect(server.connections.total).toBe(begun.logins + 1);
    expect(await details(box)).toEqual(new Set(['headers', 'full']));
  });

  it('for headers that background work has not come to yet is given those alone', async () => {
    world.fill(400);
    const server = await world.serve({ answer: gate.answer });
    const { box } = await world.account(server);
    gate.shut('TOP');
    const begun = { logins: server.connections.total, commands: server.commands.length };
    box.advance(1_000);
    const indexing = box.service.alarm();
    await expect.poll(() => gate.holds).toBe(1);
    const page = box.service.messages(OPERATOR, { ...ALL, order: 'oldest', limit: 20, maxAge: 3600 });
    expect(valueOf(await stepping(page)).data.map((item) => item.subject)).toEqual(Array.from({ length: 20 }, (_, n) => `mail ${n + 1}`));
    const before = verbs(server, begun.commands).filter((verb) => verb === 'TOP').length;
    expect(before).toBeLessThanOrEqual(20 + 2 * (MAILBOX.backgroundWindow + 1));
    await stepping(indexing);
    expect(server.connections.total).toBe(begun.logins + 1);
    expect(verbs(server, begun.commands).filter((verb) => verb === 'TOP').length).toBe(200);
    expect(valueOf(await box.service.account(OPERATOR)).indexing).toEqual({ done: 400, of: 400 });
  });

  it('goes ahead between two messages where headers come by RETR', async () => {
    world.fill(250);
    const server = await world.serve({ answer: gate.answer, hide: ['TOP'] });
    const { box, ids } = await world.account(server);
    await expect.poll(async () => valueOf(await box.service.account(OPERATOR)).indexing.done).toBe(200);
    gate.shut('RETR');
    const begun = { logins: server.connections.total, commands: server.commands.length };
    box.advance(1_000);
    const indexing = box.service.alarm();
    await expect.poll(() => gate.holds).toBe(1);
    expect(await stepping(raw(box, ids[0] ?? ''))).toContain('Subject: mail 1\r\n');
    expect(sent(server, 'RETR').slice(200)).toEqual(['RETR 50', 'RETR 1']);
    await stepping(indexing);
    expect(server.connections.total).toBe(begun.logins + 1);
    expect(await details(box)).toEqual(new Set(['full']));
  });

  it('to delete ends the session, and what headers it left are read by the next alarm', async () => {
    const { server, box, id, poll } = await polling(60);
    valueOf(await stepping(box.service.deleteMessage(OPERATOR, id)));
    await stepping(poll);
    expect(world.uidls.length).toBe(60);
    const before = sent(server, 'TOP').length;
    expect(before).toBeLessThan(60);
    expect(valueOf(await box.service.account(OPERATOR))).toMatchObject({ state: 'ready', consecutiveFailures: 0, lastError: null });
    gate.open();
    box.advance(1_000);
    await box.service.alarm();
    expect(await details(box)).toEqual(new Set(['headers']));
  });

  it('finds a session that a poll opened and lets it linger', async () => {
    const { server, box, id, poll, begun } = await polling(30, { lingerMs: 20_000 });
    await stepping(raw(box, id));
    await stepping(poll);
    gate.open();
    const known = await world.ids(box);
    await raw(box, known[5] ?? '');
    expect(server.connections.total).toBe(begun.logins + 1);
    valueOf(await box.service.remove(OPERATOR));
  });

  it('for a poll makes it one that does not step aside', async () => {
    const { server, box, id, poll, begun } = await polling(60);
    const sync = box.service.sync(OPERATOR);
    const read = raw(box, id);
    expect(valueOf(await stepping(sync))).toMatchObject({ created: 60, total: 61 });
    await stepping(Promise.all([poll, read]));
    const seen = verbs(server, begun.commands);
    expect(seen.slice(0, seen.indexOf('RETR')).filter((verb) => verb === 'TOP').length).toBe(60);
    expect(server.connections.total).toBe(begun.logins + 1);
  });

  it('while an account is being removed is sent away with the work that stepped aside', async () => {
    const { box, id, poll } = await polling(60);
    const read = box.service.raw(OPERATOR, id, null);
    gate.shut('RETR');
    gate.step();
    await expect.poll(() => gate.holds).toBe(1);
    expect(await box.service.remove(OPERATOR)).toMatchObject({ ok: true });
    await poll;
    await read;
    expect(box.sql.exec(`SELECT name FROM sqlite_master`)).toEqual([]);
    expect(box.alarm()).toBeNull();
  });
});

describe('a session', () => {
  it('is not given up for a login that the server would refuse', async () => {
    world.fill(3);
    const capabilities = '+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN\r\nLOGIN-DELAY 60\r\n.\r\n';
    const server = await world.serve({ answer: ({ verb }) => (verb === 'CAPA' ? capabilities : null) });
    const { box, ids } = await world.account(server, { lingerMs: 20_000 });
    expect(await box.service.sync(OPERATOR)).toMatchObject({ failure: { kind: 'login_delay' } });
    expect(await raw(box, ids[0] ?? '')).toContain('Subject: mail 1\r\n');
    expect(server.connections.total).toBe(1);
    valueOf(await box.service.remove(OPERATOR));
  });
});

describe('a session that has been open for long', () => {
  const capabilities = (more: string) => `+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN\r\n${more}.\r\n`;

  it.each([
    ['is not begun another job in: its end is near, whatever goes on in it', '', 2],
    ['goes on where the server would not let us in again yet', 'LOGIN-DELAY 900\r\n', 1],
  ])('%s', async (_, more, logins) => {
    world.fill(2);
    const server = await world.serve({ answer: ({ verb }) => (verb === 'CAPA' ? capabilities(more) : null) });
    const { box, ids } = await world.account(server, { lingerMs: 20_000 });
    await raw(box, ids[0] ?? '');
    expect(server.connections.total).toBe(1);
    box.advance(DEADLINES.session / 2);
    expect(await raw(box, ids[1] ?? '')).toContain('Subject: mail 2\r\n');
    expect(server.connections.total).toBe(logins);
    valueOf(await box.service.remove(OPERATOR));
  });
});

describe('the turn of a poll at its mail host', () => {
  it('is not taken before the account’s own session is free', async () => {
    world.fill(1);
    const server = await world.serve({ answer: gate.answer });
    let taken = 0;
    const turns = () => {
      taken += 1;
      return Promise.resolve({ end: () => undefined });
    };
    const { box, ids } = await world.account(server, { turns });
    gate.shut('RETR');
    const read = raw(box, ids[0] ?? '');
    await expect.poll(() => gate.holds).toBe(1);
    const poll = box.ring();
    // The page is answered by the ledger alone, and behind the poll.
    await world.ids(box);
    expect(taken).toBe(0);
    gate.open();
    await Promise.all([read, poll]);
    expect(taken).toBe(1);
  });

  it('is waited for without giving up the session that a change of the account was proved by', async () => {
    world.fill(2);
    const capabilities = '+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN\r\nLOGIN-DELAY 60\r\n.\r\n';
    const server = await world.serve({ answer: (asked) => (asked.verb === 'CAPA' ? capabilities : gate.answer(asked)) });
    const { box } = await world.account(server);
    await expect.poll(() => server.connections.open).toBe(0);
    box.advance(3_600_000);
    gate.shut('AUTH');
    const changed = box.now();
    const auth = { username: 'ann', password: 'secret', accessToken: null, method: 'auto' } as const;
    const changing = box.service.update(OPERATOR, { auth }, true);
    await expect.poll(() => gate.holds).toBe(1);
    const poll = box.ring();
    await world.ids(box);
    gate.open();
    valueOf(await changing);
    await poll;
    const view = async () => valueOf(await box.service.account(OPERATOR));
    await expect.poll(async () => Date.parse((await view()).sync.checkedAt ?? '')).toBeGreaterThanOrEqual(changed);
    expect(await view()).toMatchObject({ state: 'ready', lastError: null, mailbox: { messages: 2 } });
    expect(server.connections.total).toBe(2);
  });

  it('is not given back by the login of somebody who goes first', async () => {
    world.fill(1);
    const server = await world.serve({ answer: gate.answer });
    const given = Promise.withResolvers<{ end(): void }>();
    let asked = 0;
    let held = 0;
    const turns = () => {
      asked += 1;
      return given.promise;
    };
    const { box, ids } = await world.account(server, { turns });
    await expect.poll(() => server.connections.open).toBe(0);
    const poll = box.ring();
    await expect.poll(() => asked).toBe(1);
    gate.shut('AUTH');
    const read = raw(box, ids[0] ?? '');
    await expect.poll(() => gate.holds).toBe(1);
    held = 1;
    given.resolve({ end: () => (held = 0) });
    // The poll stands behind the one who reads by then.
    await world.ids(box);
    gate.step();
    expect(await read).toContain('Subject: mail 1\r\n');
    await expect.poll(() => gate.holds).toBe(1);
    expect(held).toBe(1);
    gate.open();
    await poll;
    expect(held).toBe(0);
  });
});

describe('what the ledger can answer', () => {
  it('waits for no turn and for no sync', async () => {
    world.fill(3);
    const server = await world.serve({ answer: gate.answer });
    const { box, ids } = await world.account(server);
    const id = ids[0] ?? '';
    await raw(box, id);
    const query = { html: 'safe', maxBodyBytes: 1000 } as const;
    const message = valueOf(await box.service.message(OPERATOR, id, query, null));
    const { newState } = valueOf(await box.service.changes(OPERATOR, { ...SINCE, maxAge: 3600 }));
    gate.shut('STAT');
    const syncing = box.service.sync(OPERATOR);
    await expect.poll(() => gate.holds).toBe(1);
    const answers = await Promise.all([
      box.service.messages(OPERATOR, { ...ALL, maxAge: 3600 }),
      box.service.messages(OPERATOR, { ...ALL, maxAge: 3600, fields: ['size'] }),
      box.service.message(OPERATOR, id, query, null),
      box.service.message(OPERATOR, id, query, [message.etag]),
      box.service.raw(OPERATOR, id, null),
      box.service.messagesById(OPERATOR, { ids: [id], fields: null, ...query }),
      box.service.changes(OPERATOR, { ...SINCE, since: newState, maxAge: 3600 }),
      box.service.changedSince(OPERATOR, newState),
      box.service.setCheckpoint(OPERATOR, 'phone', { state: newState, force: false }, { ifMatch: null, ifNoneMatch: null }),
      box.service.deleteMessages(OPERATOR, [id], true),
      box.service.stats(OPERATOR),
      box.service.account(OPERATOR),
    ]);
    expect(answers.filter((answer) => !answer.ok)).toEqual([]);
    expect(gate.holds).toBe(1);
    gate.open();
    valueOf(await syncing);
  });
});
