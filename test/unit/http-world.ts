/**
 * The app with the far side of its boundary in memory: bindings whose objects are fakes of the RPC types. Arguments are
 * cloned as RPC does, so that anything but plain data fails here too.
 */
import type { Bindings, Namespace } from '../../src/http/stubs.ts';
import type * as rpc from '../../src/mailbox/rpc.ts';
import { newAccountId } from '../../src/crypto/ids.ts';
import { makeApp } from '../../src/http/app.ts';
import { type Asking, initOf } from '../support/asking.ts';
import { remote } from '../support/remote.ts';
import { FakeDirectory, FakeMailbox, random } from './http-fakes.ts';

export const OPERATOR_KEY = 'operator-key-of-the-tests-0123456789';
export const MASTER_KEY = `k1:${btoa('0123456789abcdef0123456789abcdef')}`;

export class World {
  readonly mailboxes = new Map<string, FakeMailbox>();
  readonly directory = new FakeDirectory();
  readonly hints: unknown[] = [];
  readonly jurisdictions: string[] = [];
  readonly app = makeApp();
  env: Bindings;
  /** Done to each Mailbox when it is first named. */
  behave: (mailbox: FakeMailbox) => void = () => undefined;

  constructor(vars: Partial<Bindings> = {}) {
    const mailboxes: Namespace = {
      getByName: (name, options) => {
        this.hints.push(options?.locationHint);
        return remote(this.mailbox(name));
      },
      jurisdiction: (jurisdiction) => {
        this.jurisdictions.push(jurisdiction);
        return mailboxes;
      },
    };
    const directory: Namespace = { getByName: () => remote(this.directory), jurisdiction: () => directory };
    // Tests ask nobody on the network where a name leads.
    this.env = { MAILBOX: mailboxes, DIRECTORY: directory, OPERATOR_KEY, MASTER_KEY, DNS_CHECK: 'off', ...vars };
  }

  mailbox(id: string): FakeMailbox {
    const known = this.mailboxes.get(id);
    if (known !== undefined) return known;
    const made = new FakeMailbox(id);
    this.behave(made);
    this.mailboxes.set(id, made);
    return made;
  }

  /** An account that exists, with a token of these scopes. */
  account(scopes: rpc.Scope[] = ['manage']): { id: string; mailbox: FakeMailbox; token: string } {
    const id = newAccountId(random, null);
    const mailbox = this.mailbox(id);
    const server = { host: 'pop.example.com', port: 995, security: 'tls' as const };
    mailbox.settings = {
      email: null,
      externalId: null,
      server,
      auth: { username: 'ann', password: 'a secret password', accessToken: null, method: 'auto' },
      initial: 'all',
      pollSeconds: 300,
      paused: false,
      location: null,
      jurisdiction: null,
      cache: { maxBytes: 1, maxMessageBytes: 1 },
    };
    const entry = { id, email: null, externalId: null, host: server.host, createdAt: '2026-11-20T10:24:00Z' };
    this.directory.entries.set(id, { entry, state: 'live' });
    return { id, mailbox, token: mailbox.give({ scopes, expiresAt: null, origins: [], label: '' }) };
  }

  /** Asks the app. */
  async ask(method: string, path: string, asking: Asking = {}): Promise<Response> {
    return this.app.request(path, initOf(method, asking), this.env);
  }
}

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  retryable: boolean;
  errors?: { pointer: string; detail: string }[];
  upstream?: rpc.UpstreamSaid;
  account?: string;
}

export async function problemOf(response: Response): Promise<ProblemBody> {
  if (response.headers.get('Content-Type') !== 'application/problem+json') throw new Error(`not a problem: ${response.status}`);
  return (await response.json()) as ProblemBody;
}

export const NEW_ACCOUNT = {
  server: { host: 'pop.example.com' },
  auth: { username: 'ann@example.com', password: 'a secret password' },
} as const;
