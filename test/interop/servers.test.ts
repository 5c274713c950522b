/**
 * One story, told to every POP3 server there is here and to Dovecot in each way it can be set up or come to a client: a mailbox
 * is listed, every message read octet for octet, two are deleted, and exactly the others are left, under the ids they had.
 * Wants root, Dovecot and what test/support/servers/fetch.ts fetches; what is missing is left out loudly, and fails in CI.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadOrCreate } from '../support/certificates.ts';
import { corpus } from '../support/corpus.ts';
import { dovecotAvailable } from '../support/dovecot.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { fetched } from '../support/servers/cell.ts';
import { startCourier } from '../support/servers/courier.ts';
import { startCyrus } from '../support/servers/cyrus.ts';
import { CLEAR, dovecotAs } from '../support/servers/dovecot-as.ts';
import { type LineProxy, type Manner, startLineProxy } from '../support/servers/line-proxy.ts';
import { startMailutils } from '../support/servers/mailutils.ts';
import { startPopa3d } from '../support/servers/popa3d.ts';
import type { MailServer, Security, ServerOptions } from '../support/servers/server.ts';
import { startSolidPop3d } from '../support/servers/solid-pop3d.ts';

const OPERATOR = randomBytes(24).toString('hex');
const PASSWORD = 'Pa55-word';

/** Messages of most kinds that any store can hold: CRLF throughout, no NUL, no line that begins with "From ". */
const NAMES = [
  'german-utf-8',
  'pdf',
  'forwarded-message',
  'html-only',
  'headers-of-many-lines',
  'japanese-iso-2022-jp',
  'lines-of-dots',
  'only-a-dot',
  'a-line-of-998',
  'text-of-eight-bits',
  'a-line-beyond-998',
  'twenty-files',
  'inline-images',
];
const OCTETS = corpus(new Date()).flatMap(({ name, octets }) => (NAMES.includes(name) ? [octets] : []));

interface Setting {
  /** The user of this story alone; one server may serve several. */
  readonly user: string;
  readonly security: Security;
  /** The login method asked for; default `auto`. */
  readonly method?: string;
  /** The line to the server's port, if it is no straight one. */
  readonly through?: Manner;
}

interface Kind {
  readonly name: string;
  readonly available: boolean;
  readonly start: (options: ServerOptions) => Promise<MailServer>;
  readonly settings: readonly Setting[];
  /** Undoes, in what was given and in what was served, what this server changes in a message's header. */
  readonly plain?: (message: string) => string;
  /** In how many flights an unchanged mailbox is asked over TLS: one, or two where what is written behind a login gets lost. */
  readonly flights?: number;
  /** The server lists messages in no order. */
  readonly unordered?: boolean;
  /** Nothing tells its messages apart but their numbers, so that none may be deleted. */
  readonly undeletable?: boolean;
}

const METHODS = ['plain', 'login', 'user', 'cram-md5', 'scram-sha-1', 'scram-sha-256', 'apop'];
const dovecot = dovecotAvailable();

const KINDS: readonly Kind[] = [
  {
    name: 'Dovecot',
    available: dovecot,
    start: dovecotAs(CLEAR),
    settings: [
      { user: 'tls', security: 'tls' },
      { user: 'starttls', security: 'starttls' },
      { user: 'clear', security: 'none' },
      { user: 'hidden', security: 'none', through: 'hide' },
      { user: 'dropped', security: 'none', through: 'drop' },
      ...METHODS.map((method) => ({ user: method.replaceAll('-', ''), security: 'tls' as const, method })),
    ],
    flights: 1,
  },
  {
    name: 'Dovecot that locks its mailboxes',
    available: dovecot,
    start: dovecotAs(['pop3_lock_session = yes']),
    settings: [{ user: 'ann', security: 'tls' }],
  },
  {
    name: 'Dovecot that gives all messages the same UIDL',
    available: dovecot,
    start: dovecotAs(['pop3_uidl_format = %v']),
    settings: [{ user: 'ann', security: 'tls' }],
    undeletable: true,
  },
  {
    name: 'Cyrus',
    available: fetched('cyrus'),
    start: startCyrus,
    settings: [
      { user: 'tls', security: 'tls' },
      { user: 'starttls', security: 'starttls' },
      { user: 'clear', security: 'none' },
      { user: 'scramsha256', security: 'tls', method: 'scram-sha-256' },
      { user: 'crammd5', security: 'tls', method: 'cram-md5' },
    ],
    flights: 2,
  },
  {
    name: 'Courier',
    available: fetched('courier'),
    start: startCourier,
    settings: [
      { user: 'starttls', security: 'starttls' },
      { user: 'clear', security: 'none' },
    ],
  },
  {
    name: 'GNU Mailutils',
    available: fetched('mailutils'),
    start: startMailutils,
    settings: [
      { user: 'starttls', security: 'starttls' },
      { user: 'clear', security: 'none' },
    ],
    plain: (message) => message.replaceAll(/^(?:X-UIDL|X-IMAPbase|X-UID|Status): .*\r\n/gm, '').replaceAll(/^([\w-]+:) $/gm, '$1'),
  },
  {
    name: 'popa3d',
    available: fetched('popa3d'),
    start: startPopa3d,
    settings: [
      { user: 'tls', security: 'tls' },
      { user: 'clear', security: 'none' },
    ],
  },
  {
    name: 'Solid POP3',
    available: fetched('solid-pop3d'),
    start: startSolidPop3d,
    settings: [{ user: 'clear', security: 'none' }],
    unordered: true,
  },
];

const missing = KINDS.filter(({ available }) => !available).map(({ name }) => name);
if (missing.length > 0 && process.env.CI) throw new Error(`In CI every server must be there (and root): ${missing.join(', ')}.`);
if (missing.length > 0) {
  process.stderr.write(`\n!!! NOT TESTED AGAINST ${missing.join(', ')}: Dovecot isn't installed, this isn't root, or\n`);
  process.stderr.write('!!! `npx node test/support/servers/fetch.ts` (after apt-get update) has not been run here.\n\n');
}

const stories = KINDS.filter(({ available }) => available).flatMap((kind) =>
  kind.settings.map((setting) => ({ kind, setting, title: title(kind, setting) })),
);

describe.skipIf(stories.length === 0)('a mailbox', () => {
  let dir = '';
  let gateway: Gateway;
  const servers = new Map<Kind, MailServer>();
  const proxies = new Map<Setting, LineProxy>();

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'popgate-servers-'));
    const tls = await loadOrCreate(join(dir, 'certificates'));
    for (const kind of new Set(stories.map((story) => story.kind))) {
      const server = await kind.start({ users: Object.fromEntries(kind.settings.map(({ user }) => [user, PASSWORD])), tls });
      servers.set(kind, server);
      process.stderr.write(`${kind.name}: ${server.version}\n`);
      for (const setting of kind.settings) {
        await server.fill(setting.user, OCTETS);
        if (setting.through) proxies.set(setting, await startLineProxy(server.ports[setting.security] ?? 0, setting.through));
      }
    }
    gateway = await startGateway({
      persistTo: join(dir, 'state'),
      caFile: tls.caFile,
      vars: {
        OPERATOR_KEY: OPERATOR,
        MASTER_KEY: `k1:${randomBytes(32).toString('base64')}`,
        ALLOWED_TARGETS: stories.map((story) => `localhost:${port(story.kind, story.setting)}`).join(','),
      },
    });
  });

  afterAll(async () => {
    await gateway?.stop();
    for (const proxy of proxies.values()) await proxy.close();
    for (const server of servers.values()) await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  function port(kind: Kind, setting: Setting): number {
    return proxies.get(setting)?.port ?? servers.get(kind)?.ports[setting.security] ?? 0;
  }

  /** Asks as the operator. A server that wants some time between logins (RFC 2449 §6.5) gets it, as any client would do. */
  async function ask(method: string, path: string, body?: object): Promise<Response> {
    for (let tries = 1; ; tries += 1) {
      const headers = { authorization: `Bearer ${OPERATOR}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
      const answer = await fetch(gateway.url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      if (answer.status !== 429 || tries === 3) return answer;
      expect((await json<{ code: string }>(answer, 429)).code).toBe('login_delay');
      await after(Number(answer.headers.get('retry-after')) * 1000);
    }
  }

  async function listed(account: string): Promise<string[]> {
    const { data } = await json<{ data: { id: string }[] }>(await ask('GET', `${account}/messages?order=oldest&limit=200&maxAge=0`));
    return data.map(({ id }) => id);
  }

  /** The messages as they come out. */
  async function reads(account: string, ids: readonly string[], kind: Kind): Promise<string[]> {
    const texts: string[] = [];
    for (const id of ids) {
      const answer = await ask('GET', `${account}/messages/${id}/raw`);
      expect(answer.status).toBe(200);
      texts.push(Buffer.from(await answer.arrayBuffer()).toString('latin1'));
    }
    return comparable(kind, texts);
  }

  test.concurrent.for(stories)('on $title is listed, read, and loses the two that are deleted', async ({ kind, setting }) => {
    const { user, security, method } = setting;
    const made = await ask('POST', '/v1/accounts', {
      server: { host: 'localhost', port: port(kind, setting), security },
      auth: { username: user, password: PASSWORD, ...(method === undefined ? {} : { method }) },
      pollSeconds: 0,
      token: null,
    });
    await json(made, 201);
    const account = made.headers.get('location') ?? '';
    const ids = await listed(account);
    expect(new Set(ids).size).toBe(OCTETS.length);
    expect(await reads(account, ids, kind)).toEqual(given(kind));
    for (const id of [ids[3], ids[8]]) {
      const deleted = await ask('DELETE', `${account}/messages/${id}`);
      if (kind.undeletable) expect((await json<{ code: string }>(deleted, 502)).code).toBe('upstream_refused');
      else expect(deleted.status, await deleted.text()).toBe(204);
    }
    const left = kind.undeletable ? ids : ids.filter((_, index) => index !== 3 && index !== 8);
    expect(await listed(account)).toEqual(left);
    const proxy = proxies.get(setting);
    if (kind.flights !== undefined && setting.security === 'tls' && setting.method === undefined) {
      const { upstream } = await json<{ upstream: { flights: number } }>(await ask('POST', `${account}/sync`));
      expect(upstream.flights).toBe(kind.flights);
    }
    if (setting.through === 'hide') expect(proxy?.mostUnderWay).toBe(1);
    if (setting.through === 'drop') expect(proxy?.dropped).toBeGreaterThan(0);
  });
});

/** The messages as they went in. */
function given(kind: Kind): string[] {
  return comparable(
    kind,
    OCTETS.map((octets) => Buffer.from(octets).toString('latin1')),
  );
}

function comparable({ plain, unordered }: Kind, texts: readonly string[]): string[] {
  const all = plain === undefined ? [...texts] : texts.map(plain);
  return unordered ? all.sort() : all;
}

function title({ name }: Kind, { security, method, through }: Setting): string {
  const over = { tls: 'over TLS', starttls: 'by STLS', none: 'in clear' }[security];
  const proxied = through === undefined ? '' : { hide: ', PIPELINING hidden', drop: ', dropped when it pipelines' }[through];
  return `${name} ${over}${method === undefined ? '' : `, login by ${method}`}${proxied}`;
}

async function json<T>(response: Response, status = 200): Promise<T> {
  const text = await response.text();
  expect(response.status, text.slice(0, 500)).toBe(status);
  return JSON.parse(text) as T;
}
