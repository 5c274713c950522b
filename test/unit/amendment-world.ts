/** An account that has listed two messages and whose settings are to be changed, with other servers that it may be moved to. */
import { expect } from 'vitest';
import type { AccountView, MessagePage } from '../../src/mailbox/rpc.ts';
import { Maildrop } from '../support/maildrop.ts';
import { type Asking, type MadeAccount, NodeGateway, OPERATOR_KEY } from '../support/node-gateway.ts';
import { type Pop3Server, type Pop3ServerOptions, startPop3Server } from '../support/pop3-server.ts';
import { mail, MailWorld } from './mailbox-world.ts';

/** The gateway and the account may be put in the place of the first ones. */
export class AmendmentWorld {
  readonly mail: MailWorld;
  readonly server: Pop3Server;
  gateway: NodeGateway;
  mine: MadeAccount;
  readonly #servers: Pop3Server[] = [];

  private constructor(drop: MailWorld, server: Pop3Server, gateway: NodeGateway, mine: MadeAccount) {
    this.mail = drop;
    this.server = server;
    this.gateway = gateway;
    this.mine = mine;
  }

  static async make(): Promise<AmendmentWorld> {
    const drop = new MailWorld();
    drop.fill(2);
    const server = await drop.serve();
    const gateway = new NodeGateway({ ports: [server.port] });
    const world = new AmendmentWorld(drop, server, gateway, await gateway.account(server.port));
    await world.list();
    return world;
  }

  /** Another server, with messages of these subjects; `ann` and `bob` may log in. */
  async another(subjectsThere: readonly string[], options: Partial<Pop3ServerOptions> = {}): Promise<Pop3Server> {
    const maildrop = new Maildrop();
    for (const subject of subjectsThere) maildrop.add(mail(subject), subject.replaceAll(' ', '-'));
    const made = await startPop3Server({
      users: new Map([
        ['ann', { password: 'secret', maildrop }],
        ['bob', { password: 'new secret', maildrop }],
      ]),
      ...options,
    });
    this.#servers.push(made);
    return made;
  }

  patch(json: unknown, asking: Asking = {}, to = this.gateway): Promise<Response> {
    return to.ask('PATCH', this.mine.path, { as: OPERATOR_KEY, json, ...asking });
  }

  /** A change that must be accepted. */
  async patched(json: unknown, asking: Asking = {}): Promise<AccountView> {
    const response = await this.patch(json, asking);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return JSON.parse(text) as AccountView;
  }

  async view(): Promise<AccountView> {
    return (await (await this.gateway.ask('GET', this.mine.path, { as: OPERATOR_KEY })).json()) as AccountView;
  }

  async list(query = ''): Promise<MessagePage> {
    const response = await this.gateway.ask('GET', `${this.mine.path}/messages${query}`, { as: OPERATOR_KEY });
    return (await response.json()) as MessagePage;
  }

  async close(): Promise<void> {
    await Promise.all([this.mail.close(), ...this.#servers.map((each) => each.close())]);
  }
}

export const subjects = (page: MessagePage): string[] => page.data.map((item) => String(item.subject)).sort();
