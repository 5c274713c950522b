/**
 * Debian's Dovecot with a configuration of its own in a temporary directory: POP3 over TLS and with STLS on free
 * loopback ports, users from a file, Maildir. Needs root, as Dovecot changes users itself; the mail belongs to `nobody`.
 * Penalties for failed logins are off, so that tests don't wait.
 */
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerCertificate } from './certificates.ts';
import { freePort } from './ports.ts';
import { ProcessGroup } from './process-group.ts';
import { listening } from './servers/listening.ts';

export interface DovecotOptions {
  /** User name → password. Names are plain: letters, digits, `.@_-`. */
  readonly users: Readonly<Record<string, string>>;
  readonly tls: ServerCertificate;
  /** Lines appended to the configuration. */
  readonly settings?: readonly string[];
}

export interface Dovecot {
  /** TLS from the first octet. */
  readonly port: number;
  /** Clear text until STLS. */
  readonly startTlsPort: number;
  readonly version: string;
  /** The file that it was started with, for `doveadm -c`. */
  readonly config: string;
  /** The user's Maildir. */
  maildir(user: string): string;
  /** Delivers a message, its octets stored as given. */
  deliver(user: string, octets: Uint8Array): Promise<void>;
  /** The stored messages in order of delivery. */
  files(user: string): Promise<Uint8Array[]>;
  /** What Dovecot has logged. */
  log(): Promise<string>;
  /** Ends it and starts it on the same ports and mail, with other `settings` in place of those it was given before. */
  restart(settings: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

const DOVECOT = '/usr/sbin/dovecot';
/** `nobody` and `nogroup` of Debian. */
const MAIL_ID = 65_534;

/** Whether Dovecot can be run here: installed, and this process is root. */
export function dovecotAvailable(): boolean {
  return existsSync(DOVECOT) && process.getuid?.() === 0;
}

/** Starts Dovecot and waits for its greeting's port. Throws with its log if it doesn't come. */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const dir = await mkdtemp(join(tmpdir(), 'popgate-dovecot-'));
  const ports = { port: await freePort(), startTlsPort: await freePort() };
  await prepare(dir, options);
  const log = (): Promise<string> => readFile(join(dir, 'dovecot.log'), 'utf8').catch(() => '');
  const start = async (settings: readonly string[]): Promise<ProcessGroup> => {
    await writeFile(join(dir, 'dovecot.conf'), [...configuration(dir, ports), ...settings, ''].join('\n'));
    const started = new ProcessGroup(DOVECOT, ['-F', '-c', join(dir, 'dovecot.conf')], {});
    try {
      await listening(ports.port, started);
      return started;
    } catch {
      await started.kill();
      const said = `${started.output()}${await log()}`;
      await rm(dir, { recursive: true, force: true });
      throw new Error(`Dovecot did not start:\n${said}`);
    }
  };
  let group = await start(options.settings ?? []);
  const maildir = (user: string): string => join(dir, 'mail', user);
  let delivered = 0;
  return {
    ...ports,
    version: execFileSync(DOVECOT, ['--version'], { encoding: 'utf8' }).trim(),
    config: join(dir, 'dovecot.conf'),
    maildir,
    deliver: (user, octets) => deliver(maildir(user), (delivered += 1), octets),
    files: (user) => storedMessages(maildir(user)),
    log,
    restart: async (settings) => {
      await group.stop();
      group = await start(settings);
    },
    stop: async () => {
      await group.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function prepare(dir: string, options: DovecotOptions): Promise<void> {
  // Dovecot's unprivileged processes must get through to their own directories.
  await chmod(dir, 0o755);
  await mkdir(join(dir, 'mail'));
  for (const user of Object.keys(options.users)) {
    if (!/^[\w.@-]+$/.test(user)) throw new Error('A user name of Dovecot is plain here.');
    for (const part of ['', 'tmp', 'new', 'cur']) await makeOwned(join(dir, 'mail', user, part));
  }
  const accounts = Object.entries(options.users).map(([user, password]) => `${user}:{PLAIN}${password}\n`);
  await writeFile(join(dir, 'users'), accounts.join(''));
  await writeFile(join(dir, 'cert.pem'), options.tls.cert);
  await writeFile(join(dir, 'key.pem'), options.tls.key, { mode: 0o600 });
}

async function makeOwned(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chown(path, MAIL_ID, MAIL_ID);
}

function configuration(dir: string, { port, startTlsPort }: { port: number; startTlsPort: number }): string[] {
  return [
    'protocols = pop3',
    'listen = 127.0.0.1',
    `base_dir = ${dir}/run`,
    `state_dir = ${dir}/state`,
    `log_path = ${dir}/dovecot.log`,
    'ssl = required',
    `ssl_cert = <${dir}/cert.pem`,
    `ssl_key = <${dir}/key.pem`,
    `mail_location = maildir:${dir}/mail/%u`,
    'first_valid_uid = 1',
    'auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256',
    'auth_failure_delay = 0',
    'mail_max_userip_connections = 100',
    `passdb {\n  driver = passwd-file\n  args = username_format=%u ${dir}/users\n}`,
    `userdb {\n  driver = static\n  args = uid=${MAIL_ID} gid=${MAIL_ID} home=${dir}/mail/%u\n}`,
    'service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}',
    `service pop3-login {\n  inet_listener pop3 {\n    port = ${startTlsPort}\n  }\n  inet_listener pop3s {\n    port = ${port}\n    ssl = yes\n  }\n}`,
  ];
}

/** Written under tmp/ and moved, as Maildir wants it; the name sorts by order of delivery. */
async function deliver(maildir: string, number: number, octets: Uint8Array): Promise<void> {
  const name = `${1_700_000_000 + number}.M${number}P${process.pid}.popgate`;
  await writeFile(join(maildir, 'tmp', name), octets);
  await chown(join(maildir, 'tmp', name), MAIL_ID, MAIL_ID);
  await rename(join(maildir, 'tmp', name), join(maildir, 'new', name));
}

async function storedMessages(maildir: string): Promise<Uint8Array[]> {
  const found: { name: string; path: string }[] = [];
  for (const part of ['new', 'cur']) {
    for (const name of await readdir(join(maildir, part))) found.push({ name, path: join(maildir, part, name) });
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  return Promise.all(found.map(({ path }) => readFile(path)));
}
