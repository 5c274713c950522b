/**
 * The whole gateway in one Node process: the app over a real Mailbox for each account and the real Directory, each with a
 * database in memory, and real sockets to a test's mail server. What the platform does (routing, RPC, alarms) is not here.
 */
import { randomBytes } from 'node:crypto';
import { readConfig } from '../../src/config.ts';
import { parseMasterKeys } from '../../src/crypto/keyring.ts';
import { Registry } from '../../src/directory/registry.ts';
import { makeApp } from '../../src/http/app.ts';
import type { App } from '../../src/http/route.ts';
import type { Bindings, Namespace } from '../../src/http/stubs.ts';
import type { AccountView, NewToken, TokenSettings } from '../../src/mailbox/rpc.ts';
import { targetPolicy } from '../../src/net/admission.ts';
import { type Asking, initOf } from './asking.ts';
import { DEFAULT_MASTER_KEY, nodeMailbox, type NodeMailbox, type NodeMailboxOptions } from './node-mailbox.ts';
import { nodeSql } from './node-sql.ts';
import { remote } from './remote.ts';

export type { Asking } from './asking.ts';

export const OPERATOR_KEY = 'operator-key-of-the-tests-0123456789';

export interface NodeGatewayOptions {
  /** Ports on 127.0.0.1 that accounts may use, and without TLS. */
  readonly ports?: readonly number[];
  readonly vars?: Partial<Bindings>;
  readonly mailbox?: NodeMailboxOptions;
}

/** An account that was made, and its token's secret. */
export interface MadeAccount {
  readonly id: string;
  readonly token: string;
  readonly box: NodeMailbox;
  /** `/v1/accounts/{id}`. */
  readonly path: string;
}

export class NodeGateway {
  readonly app: App = makeApp();
  readonly env: Bindings;
  /** The objects that were named so far, by account. */
  readonly mailboxes = new Map<string, NodeMailbox>();
  readonly #options: NodeGatewayOptions;
  #offset = 0;

  constructor(options: NodeGatewayOptions = {}) {
    this.#options = options;
    const mailbox: Namespace = { getByName: (name) => remote(this.mailbox(name).service), jurisdiction: () => mailbox };
    const registry = remote(this.#registry());
    const directory: Namespace = { getByName: () => registry, jurisdiction: () => directory };
    this.env = {
      MAILBOX: mailbox,
      DIRECTORY: directory,
      OPERATOR_KEY,
      MASTER_KEY: DEFAULT_MASTER_KEY,
      ALLOWED_TARGETS: (options.ports ?? []).map((port) => `127.0.0.1:${port}`).join(),
      // Tests ask nobody on the network where a name leads.
      DNS_CHECK: 'off',
      ...options.vars,
    };
  }

  /** The object of an account, as the platform makes it when it is first named. */
  mailbox(account: string): NodeMailbox {
    const known = this.mailboxes.get(account);
    if (known !== undefined) return known;
    const config = readConfig(this.env);
    const policy = config.ok ? { policy: targetPolicy(config.config, (url, init) => fetch(url, init)) } : {};
    const made = nodeMailbox({ ...policy, ...this.#options.mailbox });
    made.advance(this.#offset);
    this.mailboxes.set(account, made);
    return made;
  }

  /** Moves the clocks of all objects by so many milliseconds. */
  advance(milliseconds: number): void {
    this.#offset += milliseconds;
    for (const mailbox of this.mailboxes.values()) mailbox.advance(milliseconds);
  }

  /** Asks as a client does. */
  async ask(method: string, path: string, asking: Asking = {}): Promise<Response> {
    return this.app.request(path, initOf(method, asking), this.env);
  }

  /** Creates an account for `ann` with the password `secret` on a mail server at `port`, as the operator. */
  async account(port: number, token: Partial<TokenSettings> = {}, more: Record<string, unknown> = {}): Promise<MadeAccount> {
    const json = {
      server: { host: '127.0.0.1', port, security: 'none' },
      auth: { username: 'ann', password: 'secret' },
      token: { scopes: ['manage'], ...token },
      ...more,
    };
    const response = await this.ask('POST', '/v1/accounts', { as: OPERATOR_KEY, json });
    if (response.status !== 201) throw new Error(`POST /v1/accounts is ${response.status}: ${await response.text()}`);
    const made = (await response.json()) as { account: AccountView; token: NewToken };
    const { id } = made.account;
    return { id, token: made.token.secret, box: this.mailbox(id), path: `/v1/accounts/${id}` };
  }

  #registry(): Registry {
    const keys = parseMasterKeys(DEFAULT_MASTER_KEY);
    if (!keys.ok) throw new Error(keys.problems.join(' '));
    const random = (count: number): Uint8Array<ArrayBuffer> => new Uint8Array(randomBytes(count));
    return new Registry({ sql: nodeSql(), now: () => Date.now() + this.#offset, random }, keys.keyring);
  }
}

/** The members of a problem, of an answer that must be one. */
export async function problemOf(response: Response): Promise<Record<string, unknown>> {
  const type = response.headers.get('Content-Type');
  if (type !== 'application/problem+json') throw new Error(`Not a problem, but ${response.status} ${type}.`);
  return (await response.json()) as Record<string, unknown>;
}
