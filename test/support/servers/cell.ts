/**
 * A cell: a throw-away copy of an unpacked server's file system with users of its own, that the server is run in by chroot.
 * So each run has its own /etc and /var, several run at once, and the machine's users, mail and settings are not touched.
 * Needs root, and stays on one file system with what was unpacked: the copy is made of hard links.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CELLS, type PackagedServer, rootOf } from './packages.ts';

const run = promisify(execFile);

export interface CellUser {
  readonly name: string;
  readonly uid: number;
  readonly password: string;
}

export interface Cell {
  /** Its root, as the machine sees it. */
  readonly dir: string;
  readonly users: readonly CellUser[];
  /** The command line by which `argv` runs inside. */
  inside(argv: readonly string[]): string[];
  /** The user of that name, or one of the daemons. */
  owner(name: string): { readonly uid: number };
  /** Runs a program inside to its end and returns what it printed. Throws with its errors if it fails. */
  run(argv: readonly string[], input?: string | Uint8Array): Promise<string>;
  /** Writes a file, its directories made as needed, in place of one that came unpacked. */
  write(path: string, content: string | Uint8Array, owner?: { readonly uid: number }): Promise<void>;
  /** Gives a file to `owner`. */
  own(path: string, owner: { readonly uid: number }): Promise<void>;
  /** The version of the Debian package that the server came in. */
  packageVersion(): Promise<string>;
  /** Makes a directory that belongs to `owner`. */
  directory(path: string, owner: { readonly uid: number }): Promise<void>;
  remove(): Promise<void>;
}

/** Whether `server` was fetched and can be run here. */
export function fetched(server: PackagedServer): boolean {
  return process.getuid?.() === 0 && existsSync(join(rootOf(server), '.complete'));
}

/** Makes a cell whose users are `users` (name → password) and `daemons`, which can't log in. Names are plain words. */
export async function makeCell(
  server: PackagedServer,
  users: Readonly<Record<string, string>>,
  daemons: readonly string[] = [],
): Promise<Cell> {
  await mkdir(CELLS, { recursive: true });
  const dir = await mkdtemp(join(CELLS, `${server}-`));
  await chmod(dir, 0o755);
  await run('cp', ['--archive', '--link', `${rootOf(server)}/.`, dir]);
  const people = Object.entries(users).map(([name, password], index) => ({ name, password, uid: FIRST_USER + index }));
  const cell = cellIn(dir, people, daemons);
  await accounts(cell, daemons);
  for (const path of ['root', 'tmp', 'run', 'dev', 'var/mail', 'var/run', 'var/empty']) await mkdir(join(dir, path), { recursive: true });
  for (const path of ['tmp', 'var/mail']) await chmod(join(dir, path), 0o1777);
  for (const [name, minor] of [
    ['null', '3'],
    ['urandom', '9'],
  ] as const) {
    await run('mknod', ['-m', '666', join(dir, 'dev', name), 'c', '1', minor]);
  }
  return cell;
}

const FIRST_USER = 20_000;
const FIRST_DAEMON = 200;

function cellIn(dir: string, users: readonly CellUser[], daemons: readonly string[]): Cell {
  const inside = (argv: readonly string[]): string[] => ['chroot', dir, ...argv];
  return {
    dir,
    users,
    inside,
    owner: (name) => users.find((user) => user.name === name) ?? { uid: FIRST_DAEMON + daemons.indexOf(name) },
    run: async (argv, input) => {
      const [command = '', ...rest] = inside(argv);
      const running = run(command, rest);
      running.child.stdin?.end(input);
      return (await running).stdout;
    },
    write: async (path, content, owner) => {
      const file = join(dir, path);
      await mkdir(dirname(file), { recursive: true });
      // Not written through: the file may be a link that other cells have too.
      await rm(file, { force: true });
      await writeFile(file, content, { mode: owner === undefined ? 0o644 : 0o600 });
      if (owner !== undefined) await chown(file, owner.uid, owner.uid);
    },
    own: (path, owner) => chown(join(dir, path), owner.uid, owner.uid),
    packageVersion: async () => (await readFile(join(dir, '.complete'), 'utf8')).split('\n')[0] ?? '',
    directory: async (path, owner) => {
      await mkdir(join(dir, path), { recursive: true });
      await chmod(join(dir, path), 0o700);
      await chown(join(dir, path), owner.uid, owner.uid);
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

async function accounts(cell: Cell, daemons: readonly string[]): Promise<void> {
  const entries = [
    { name: 'root', uid: 0, home: '/root', secret: '*' },
    ...daemons.map((name, index) => ({ name, uid: FIRST_DAEMON + index, home: '/var/empty', secret: '*' })),
    { name: 'nobody', uid: 65_534, home: '/var/empty', secret: '*' },
  ];
  for (const { name, uid, password } of cell.users) {
    if (!/^[a-z][a-z0-9]*$/.test(name)) throw new Error('A user name of a cell is a plain word.');
    entries.push({ name, uid, home: `/home/${name}`, secret: await hashed(password) });
    await cell.directory(`home/${name}`, { uid });
  }
  await cell.write('etc/passwd', entries.map(({ name, uid, home }) => `${name}:x:${uid}:${uid}::${home}:/bin/sh\n`).join(''));
  await cell.write('etc/group', `${entries.map(({ name, uid }) => `${name}:x:${uid}:\n`).join('')}mail:x:8:\n`);
  await cell.write('etc/shadow', entries.map(({ name, secret }) => `${name}:${secret}:20000:0:99999:7:::\n`).join(''));
  await cell.write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n');
  for (const kind of ['auth', 'account', 'password', 'session']) {
    await cell.write(`etc/pam.d/common-${kind}`, `${kind} required pam_unix.so\n`);
  }
  await cell.write('etc/pam.d/other', '@include common-auth\n@include common-account\n');
  await cell.write('etc/hosts', '127.0.0.1 localhost\n');
}

async function hashed(password: string): Promise<string> {
  const running = run('openssl', ['passwd', '-6', '-stdin']);
  running.child.stdin?.end(password);
  return (await running).stdout.trim();
}
