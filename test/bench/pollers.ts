/**
 * The other clients as they look for new mail, again and again: Debian's mpop, fetchmail and getmail6, each with its fastest
 * documented settings, its own record of what it has seen, and mail left on the server. The record is written before the
 * first run, in the client's own format, so that a hundred thousand messages need not be read first; how many messages a
 * run brought is counted afterwards, because a client that doesn't believe its record would read them all.
 */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Maildrop, runPeer } from './peers.ts';

interface Client {
  readonly name: string;
  /** Writes the settings and the record of `uidls` into `dir` and returns the command of every run. */
  prepare(drop: Maildrop, uidls: readonly string[], dir: string): Promise<readonly string[]>;
  /** How many messages all runs have brought. */
  brought(dir: string): Promise<number>;
  /** Exit codes that are no failure. */
  readonly fine: readonly number[];
}

const NOBODY = 65_534;
const NOGROUP = 65_534;

const maildirCount = async (dir: string): Promise<number> => (await readdir(join(dir, 'mail', 'new'))).length;

async function maildir(dir: string): Promise<void> {
  for (const part of ['new', 'tmp', 'cur']) await mkdir(join(dir, 'mail', part), { recursive: true });
}

const MPOP: Client = {
  name: 'mpop',
  async prepare(drop, uidls, dir) {
    await maildir(dir);
    const settings = {
      host: 'localhost',
      port: drop.port,
      tls: 'on',
      tls_starttls: 'off',
      tls_trust_file: drop.caFile,
      user: drop.user,
      password: drop.password,
      auth: 'plain',
      pipelining: 'on',
      keep: 'on',
      received_header: 'off',
      uidls_file: join(dir, 'uidls'),
      delivery: `maildir ${join(dir, 'mail')}`,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
    await writeFile(join(dir, 'rc'), `account a\n${lines.join('')}`, { mode: 0o600 });
    await writeFile(join(dir, 'uidls'), ` ${uidls.length} localhost ${drop.user}\n${[...uidls].sort().join('\n')}\n`);
    return ['mpop', '-C', join(dir, 'rc'), '-Q', '-a'];
  },
  brought: maildirCount,
  fine: [0],
};

/** `fastuidl 1` seeks the first new message by bisection; without it all unique-ids are listed. */
function fetchmail(name: string, fast: string): Client {
  return {
    name,
    async prepare(drop, uidls, dir) {
      const rc = `set no bouncemail\npoll localhost with proto POP3 service ${drop.port} uidl\n user "${drop.user}" pass "${drop.password}" ssl sslcertck sslcertfile "${drop.caFile}" keep ${fast} no rewrite fetchlimit 0 batchlimit 0 bsmtp "${join(dir, 'brought')}"\n`;
      await writeFile(join(dir, 'rc'), rc, { mode: 0o600 });
      await writeFile(join(dir, 'ids'), uidls.map((uidl) => `${drop.user}@localhost ${uidl}\n`).join(''), { mode: 0o600 });
      return ['fetchmail', '-f', join(dir, 'rc'), '--pidfile', join(dir, 'pid'), '-i', join(dir, 'ids'), '-s'];
    },
    async brought(dir) {
      const octets = await readFile(join(dir, 'brought'), 'latin1').catch(() => '');
      return octets.match(/^MAIL FROM:/gm)?.length ?? 0;
    },
    // 1: there was no new mail.
    fine: [0, 1],
  };
}

const GETMAIL: Client = {
  name: 'getmail6',
  async prepare(drop, uidls, dir) {
    await maildir(dir);
    // getmail delivers as root for nobody, so it is given somebody else's Maildir.
    for (const part of ['', 'new', 'tmp', 'cur']) await chown(join(dir, 'mail', part), NOBODY, NOGROUP);
    await chmod(dir, 0o755);
    const rc = `[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = ${drop.port}\nusername = ${drop.user}\npassword = ${drop.password}\nca_certs = ${drop.caFile}\n\n[destination]\ntype = Maildir\npath = ${join(dir, 'mail')}/\nuser = nobody\n\n[options]\nread_all = false\ndelete = false\nverbose = 0\ndelivered_to = false\nreceived = false\n`;
    await writeFile(join(dir, 'getmailrc'), rc, { mode: 0o600 });
    const seen = uidls.map((uidl) => `${uidl}\x001795000000\n`).join('');
    await writeFile(join(dir, `oldmail-localhost-${drop.port}-${drop.user}`), seen);
    return ['getmail', '--getmaildir', dir];
  },
  brought: maildirCount,
  fine: [0],
};

const CLIENTS: readonly Client[] = [MPOP, fetchmail('fetchmail fastuidl', 'fastuidl 1'), fetchmail('fetchmail', 'fastuidl 0'), GETMAIL];

export class Poller {
  readonly name: string;
  readonly #client: Client;
  readonly #dir: string;
  readonly #command: readonly string[];
  #brought = 0;

  private constructor(client: Client, dir: string, command: readonly string[]) {
    this.name = client.name;
    this.#client = client;
    this.#dir = dir;
    this.#command = command;
  }

  /** All of them, each having seen `uidls`. */
  static async all(drop: Maildrop, uidls: readonly string[]): Promise<Poller[]> {
    return Promise.all(
      CLIENTS.map(async (client) => {
        const dir = await mkdtemp(join(tmpdir(), `popgate-poll-${randomBytes(3).toString('hex')}-`));
        return new Poller(client, dir, await client.prepare(drop, uidls, dir));
      }),
    );
  }

  /** What is run each time. */
  get command(): string {
    return this.#command.join(' ');
  }

  /** One poll: milliseconds. Rejects if it fails, or brings another number of messages than `expected`. */
  async poll(expected: number): Promise<number> {
    const [program = '', ...args] = this.#command;
    const start = performance.now();
    await runPeer(program, args, { HOME: this.#dir }, this.#dir, this.#client.fine);
    const milliseconds = performance.now() - start;
    const brought = await this.#client.brought(this.#dir);
    const now = brought - this.#brought;
    this.#brought = brought;
    if (now !== expected) throw new Error(`brought ${now} messages, not ${expected}`);
    return milliseconds;
  }

  async end(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}
