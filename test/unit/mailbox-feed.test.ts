/**
 * The change feed against random histories: whatever comes, goes, comes back, is read, deleted or becomes known, in pages of
 * any size and over restarts of the object, a client that only follows the feed holds what the ledger holds.
 * A failure prints its seed and the shortest history found.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChangesPage, ChangesQuery, ListItem } from '../../src/mailbox/rpc.ts';
import { Maildrop, type Mail } from '../support/maildrop.ts';
import { ALL, nodeMailbox, type NodeMailbox, OPERATOR, settingsFor, SINCE, valueOf } from '../support/node-mailbox.ts';
import { type Pop3Server, startPop3Server } from '../support/pop3-server.ts';

/** Few enough that no listing is ever held for a mistake of the server. */
const MOST_MESSAGES = 18;

type Items = ChangesQuery['include'];

type Step =
  | { do: 'arrive'; count: number }
  | { do: 'remove' | 'return' | 'delete' | 'read'; which: number }
  | { do: 'sync' | 'list' | 'restart' | 'headers fail' | 'headers work' | 'time passes' }
  | { do: 'follow'; limit: number; include: Items };

const which = fc.nat(MOST_MESSAGES);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('arrive' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'return', 'delete', 'read'), which }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('sync' as const, 'sync', 'list', 'restart', 'headers fail', 'headers work', 'time passes'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('follow' as const),
      limit: fc.integer({ min: 1, max: 5 }),
      include: fc.constantFrom<Items>('headers', 'ids'),
    }),
  },
);

/** A client as the contract has it: it holds what it was told and nothing else. */
class Client {
  readonly held = new Map<string, ListItem | { id: string }>();
  /** Every id that was ever in `created`, as often as it was there. */
  readonly created: string[] = [];
  state: string | null = null;
  readonly #include: Items;

  constructor(include: Items) {
    this.#include = include;
  }

  get include(): Items {
    return this.#include;
  }

  apply(page: ChangesPage, limit: number): void {
    expect(page.created.length + page.updated.length + page.destroyed.length).toBeLessThanOrEqual(limit);
    if (this.state !== null) expect(page.oldState).toBe(this.state);
    for (const item of page.created) {
      this.created.push(item.id);
      this.held.set(item.id, item);
    }
    for (const item of page.updated) this.held.set(item.id, item);
    for (const { id } of page.destroyed) this.held.delete(id);
    this.state = page.newState;
  }
}

class History {
  readonly drop = new Maildrop();
  readonly box: NodeMailbox = nodeMailbox();
  readonly clients = [new Client('headers'), new Client('ids')];
  readonly #gone: Mail[] = [];
  /** Subjects of messages that were never gone. */
  readonly #steady = new Set<string>();
  #topFails = false;
  #arrived = 0;
  #server: Pop3Server | null = null;

  async begin(initial: 'all' | 'none'): Promise<void> {
    this.#server = await startPop3Server({
      users: new Map([['ann', { password: 'secret', maildrop: this.drop }]]),
      answer: (command) => (this.#topFails && command.verb === 'TOP' ? '-ERR not now\r\n' : null),
    });
    if (initial === 'none') this.#arrive(2);
    const made = this.box.service.create(this.box.id, settingsFor(this.#server.port, { initial, pollSeconds: 0 }), true, null);
    valueOf(await made);
    valueOf(await this.box.service.sync(OPERATOR));
    // What was there before the feed began is not part of it: a client learns of it from the listing.
    for (const client of this.clients) {
      const page = valueOf(await this.box.service.messages(OPERATOR, ALL));
      if (initial === 'none') for (const item of page.data) client.held.set(item.id ?? '', item as ListItem);
    }
    if (initial === 'none') this.#steady.clear();
  }

  async end(): Promise<void> {
    await this.#server?.close();
  }

  async run(todo: Step): Promise<void> {
    const { service } = this.box;
    switch (todo.do) {
      case 'arrive':
        return this.#arrive(todo.count);
      case 'remove':
        return this.#remove(todo.which);
      case 'return':
        return this.#return(todo.which);
      case 'delete':
      case 'read':
        return this.#ask(todo.do, todo.which);
      case 'sync':
        valueOf(await service.sync(OPERATOR));
        return;
      case 'list':
        valueOf(await service.messages(OPERATOR, { ...ALL, limit: 3 }));
        return;
      case 'restart':
        this.box.restart();
        return;
      case 'headers fail':
      case 'headers work':
        this.#topFails = todo.do === 'headers fail';
        return;
      case 'time passes':
        this.box.advance(300_000);
        return;
      case 'follow':
        for (const client of this.clients) if (client.include === todo.include) await this.follow(client, todo.limit, 0);
    }
  }

  /** One page, after which what is left must be as much as a checkpoint there says. */
  async follow(client: Client, limit: number, maxAge: number | null): Promise<boolean> {
    const { service } = this.box;
    const query = { ...SINCE, since: client.state, limit, maxAge, include: client.include };
    const page = valueOf(await service.changes(OPERATOR, query));
    client.apply(page, limit);
    const change = { state: page.newState, force: true };
    const { checkpoint } = valueOf(await service.setCheckpoint(OPERATOR, 'here', change, { ifMatch: null, ifNoneMatch: null }));
    const rest = valueOf(await service.changes(OPERATOR, { ...SINCE, checkpoint: 'here', maxAge: null, include: 'ids' }));
    expect(checkpoint.behind).toBe(rest.created.length + rest.updated.length + rest.destroyed.length);
    expect(valueOf(await service.changedSince(OPERATOR, page.newState))).toBe(checkpoint.behind > 0);
    expect(page.hasMore).toBe(checkpoint.behind > 0);
    return page.hasMore;
  }

  /** Lets both clients, and one that begins only now, follow to the end and compares them with the ledger. */
  async settle(limit: number, fromStart: boolean): Promise<void> {
    const { service } = this.box;
    this.#topFails = false;
    this.box.advance(24 * 3_600_000);
    valueOf(await service.sync(OPERATOR));
    const { data } = valueOf(await service.messages(OPERATOR, { ...ALL, order: 'oldest' }));
    const all = fromStart ? [...this.clients, new Client('headers')] : this.clients;
    const listed = new Map(data.map((item) => [item.id ?? '', item]));
    for (const client of all) {
      // A message has three places, so no history has more entries than this.
      let pages = 0;
      while (await this.follow(client, limit, null)) expect(++pages).toBeLessThan(3 * MOST_MESSAGES);
      expect([...client.held.keys()].sort()).toEqual([...listed.keys()].sort());
      expect(new Set(client.created).size).toBe(client.created.length);
      for (const [id, item] of listed) {
        // A change of `detail` alone is no update.
        if (client.include === 'headers') expect({ ...client.held.get(id), detail: null }).toEqual({ ...item, detail: null });
        if (this.#steady.has(item.subject ?? '')) expect(client.created).toContain(id);
      }
    }
  }

  #arrive(count: number): void {
    for (let n = 0; n < count && this.#arrived < MOST_MESSAGES; n++) {
      const subject = `mail ${++this.#arrived}`;
      this.#steady.add(subject);
      this.drop.add(
        Buffer.from(`Subject: ${subject}\r\nMessage-ID: <${this.#arrived}@example.com>\r\n\r\n${'x'.repeat(this.#arrived)}\r\n`),
      );
    }
  }

  #remove(index: number): void {
    const mail = this.drop.list()[index];
    if (!mail) return;
    this.drop.remove(mail.uidl);
    this.#noLongerSteady(mail);
    this.#gone.push(mail);
  }

  #return(index: number): void {
    const [mail] = this.#gone.splice(index, 1);
    if (mail) this.drop.add(mail.octets, mail.uidl);
  }

  /** Reads or deletes a message that the ledger knows, if it has so many. It may be gone already. */
  async #ask(what: 'delete' | 'read', index: number): Promise<void> {
    const { service, sql } = this.box;
    const id = sql.exec<{ id: string }>(`SELECT id FROM messages ORDER BY created LIMIT 1 OFFSET ?`, index)[0]?.id;
    if (id === undefined) return;
    const before = this.drop.list();
    const result =
      what === 'delete'
        ? await service.deleteMessage(OPERATOR, id)
        : await service.messagesById(OPERATOR, { ids: [id], fields: null, html: 'none', maxBodyBytes: 100 });
    if (!result.ok) throw new Error(`${what}: ${JSON.stringify(result.failure)}`);
    const left = new Set(this.drop.list().map(({ uidl }) => uidl));
    for (const mail of before) if (!left.has(mail.uidl)) this.#noLongerSteady(mail);
  }

  #noLongerSteady(mail: Mail): void {
    this.#steady.delete(/^Subject: (.*)\r/.exec(Buffer.from(mail.octets).toString())?.[1] ?? '');
  }
}

test.each(['all', 'none'] as const)('who follows the feed holds what the ledger holds (initial: %s)', async (initial) => {
  const histories = fc.record({ steps: fc.array(step, { maxLength: 25, size: 'max' }), limit: fc.integer({ min: 1, max: 6 }) });
  await fc.assert(
    fc.asyncProperty(histories, async ({ steps, limit }) => {
      const history = new History();
      try {
        await history.begin(initial);
        for (const todo of steps) await history.run(todo);
        await history.settle(limit, initial === 'all');
      } finally {
        await history.end();
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 12_000 },
  );
});
