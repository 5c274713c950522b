/**
 * Fetches the POP3 servers of the interop suite: `node test/support/servers/fetch.ts`. Debian lets only one of them be
 * installed at a time, so each is downloaded by apt-get with the libraries that it loads, and unpacked into a directory of
 * its own, in which it is run by chroot. Nothing is installed and nothing outside .build/ is touched, unless `--install` is
 * given: then apt-get's lists are updated and Dovecot is installed.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CELLS, INSTALLED, PACKAGES, POOL, type PackagedServer, rootOf } from './packages.ts';

const run = promisify(execFile);
const MOST_OUTPUT = 16 * 1024 * 1024;

const APT = ['-q', '-y', '-o', 'Acquire::Retries=3', '-o', 'APT::Sandbox::User=root'];

if (process.argv.includes('--install')) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', [...APT, 'update'], { env, maxBuffer: MOST_OUTPUT });
  await run('apt-get', [...APT, 'install', '--no-upgrade', '--no-install-recommends', ...INSTALLED], { env, maxBuffer: MOST_OUTPUT });
}
const missing = (Object.keys(PACKAGES) as PackagedServer[]).filter((server) => !existsSync(join(rootOf(server), '.complete')));
if (missing.length > 0) await fetchServers(missing);
// What runs that were broken off have left.
await rm(CELLS, { recursive: true, force: true });

async function fetchServers(servers: readonly PackagedServer[]): Promise<void> {
  const wanted = new Map<PackagedServer, string[]>();
  for (const server of servers) wanted.set(server, await withLibraries(PACKAGES[server]));
  await rm(POOL, { recursive: true, force: true });
  await mkdir(POOL, { recursive: true });
  const all = [...new Set([...wanted.values()].flat())];
  await run('apt-get', [...APT, 'download', ...all], { cwd: POOL, maxBuffer: MOST_OUTPUT });
  const files = await readdir(POOL);
  const fileOf = (name: string): string => {
    const file = files.find((candidate) => candidate.startsWith(`${name}_`));
    if (file === undefined) throw new Error(`apt-get brought no package ${name}.`);
    return file;
  };
  const unpack = async ([server, packages]: [PackagedServer, string[]]): Promise<void> => {
    const root = rootOf(server);
    await rm(root, { recursive: true, force: true });
    await mkdir(root, { recursive: true });
    for (const name of packages) {
      await run('dpkg-deb', ['--extract', join(POOL, fileOf(name)), root]);
    }
    await writeFile(join(root, '.complete'), `${await versionOf(join(POOL, fileOf(PACKAGES[server][0])))}\n${packages.join('\n')}\n`);
    console.log(`${server}: ${packages.length} packages in ${root}`);
  };
  await Promise.all([...wanted].map(unpack));
  await rm(POOL, { recursive: true, force: true });
}

/** `packages` and every library package that they depend on, directly or not. Programs that they depend on are left out. */
async function withLibraries(packages: readonly string[]): Promise<string[]> {
  const found = new Set(packages);
  for (let level = [...found]; level.length > 0;) {
    const { stdout } = await run('apt-cache', ['depends', '--important', ...level], { maxBuffer: MOST_OUTPUT });
    level = [...stdout.matchAll(/^ {2}(?:Pre)?Depends: (z?lib[^\s:]+)$/gm)]
      .map(([, name]) => name ?? '')
      .filter((name) => !found.has(name));
    for (const name of level) found.add(name);
  }
  return [...found].sort();
}

async function versionOf(file: string): Promise<string> {
  return (await run('dpkg-deb', ['--field', file, 'Version'])).stdout.trim();
}
