/** A maildrop behind a real POP3 server on loopback, and an account on it: what tests of a Mailbox begin with. */
import { OPERATOR, ALL, nodeMailbox, settingsFor, TOKEN, valueOf } from '../support/node-mailbox.ts';
import type { NodeMailbox, NodeMailboxOptions } from '../support/node-mailbox.ts';
import type { AccountSettings, ListQuery, MessagePage } from '../../src/mailbox/rpc.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { Maildrop } from '../support/maildrop.ts';
import { startPop3Server } from '../support/pop3-server.ts';
import type { Pop3Server, Pop3ServerOptions } from '../support/pop3-server.ts';

export function mail(subject: string, body = 'Hello\r\n'): Uint8Array {
  return Buffer.from(
    `From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: ${subject}\r\n` +
      `Date: Fri, 20 Nov 2026 10:23:45 +0000\r\nMessage-ID: <${subject.replaceAll(' ', '.')}@example.com>\r\n\r\n${body}`,
  );
}

export class MailWorld {
  readonly drop = new Maildrop();
  readonly #servers: Pop3Server[] = [];
  readonly #proxies: CuttingProxy[] = [];

  /** Adds messages with the subjects "mail 1" … and the UIDLs "u1" … */
  fill(count: number, body?: string): void {
    for (let n = 1; n <= count; n++) this.drop.add(mail(`mail ${n}`, body), `u${n}`);
  }

  /** Adds messages with the subjects "<name> 1" … and UIDLs of the server's choice. */
  come(count: number, name: string): void {
    for (let n = 1; n <= count; n++) this.drop.add(mail(`${name} ${n}`));
  }

  /** The UIDLs in the maildrop. */
  get uidls(): string[] {
    return this.drop.list().map(({ uidl }) => uidl);
  }

  async serve(options: Partial<Pop3ServerOptions> = {}): Promise<Pop3Server> {
    const server = await startPop3Server({ users: new Map([['ann', { password: 'secret', maildrop: this.drop }]]), ...options });
    this.#servers.push(server);
    return server;
  }

  /** An account whose login was verified. */
  async create(server: Pop3Server, options: NodeMailboxOptions = {}, change: Partial<AccountSettings> = {}): Promise<NodeMailbox> {
    const box = nodeMailbox(options);
    valueOf(await box.service.create(box.id, settingsFor(server.port, change), true, TOKEN));
    return box;
  }

  /** An account that has listed, and the ids of its messages in the order of the maildrop. */
  async account(
    server: Pop3Server,
    options: NodeMailboxOptions = {},
    change: Partial<AccountSettings> = {},
  ): Promise<{ box: NodeMailbox; ids: string[] }> {
    const box = await this.create(server, options, change);
    return { box, ids: await this.ids(box) };
  }

  async ids(box: NodeMailbox): Promise<string[]> {
    const ids: string[] = [];
    for (let cursor: string | null = null; ;) {
      const query: ListQuery = { ...ALL, limit: 200, order: 'oldest', fields: ['size'], maxAge: 3600, cursor };
      const page: MessagePage = valueOf(await box.service.messages(OPERATOR, query));
      ids.push(...page.data.map((item) => item.id ?? ''));
      if (page.nextCursor === null) return ids;
      cursor = page.nextCursor;
    }
  }

  async proxyTo(port: number): Promise<CuttingProxy> {
    const proxy = await CuttingProxy.listen(port);
    this.#proxies.push(proxy);
    return proxy;
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.splice(0).map((proxy) => proxy.close()));
    await Promise.all(this.#servers.splice(0).map((server) => server.close()));
  }
}

/** The commands of `server` that begin with `verb`. */
export function sent(server: Pop3Server, verb: string): string[] {
  return server.commands.filter((command) => command === verb || command.startsWith(`${verb} `));
}
