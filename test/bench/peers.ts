/**
 * The other clients, each with its fastest documented settings: Debian's mpop, fetchmail, getmail6, curl and Python's poplib,
 * and node-pop3 from npm. Each reads a whole maildrop over TLS into a place that costs nothing, and leaves the mail there.
 */
import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A mailbox to read: TLS on localhost, with the authority that vouches for it. */
export interface Maildrop {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly caFile: string;
  readonly count: number;
}

export interface Peer {
  readonly name: string;
  /** The Debian package or npm package that brings it. */
  readonly from: string;
  /** Prepares a run in an empty directory and returns its command line; only the command is timed. */
  prepare(drop: Maildrop, dir: string): Promise<{ command: string; args: string[]; env?: Record<string, string> }>;
}

const NOBODY = 65_534;
const NOGROUP = 65_534;

export const PEERS: readonly Peer[] = [
  {
    name: 'mpop',
    from: 'Debian',
    async prepare(drop, dir) {
      await mkdir(join(dir, 'mail', 'new'), { recursive: true });
      await mkdir(join(dir, 'mail', 'tmp'));
      await mkdir(join(dir, 'mail', 'cur'));
      const lines = [
        'account a',
        'host localhost',
        `port ${drop.port}`,
        'tls on',
        'tls_starttls off',
        `tls_trust_file ${drop.caFile}`,
        `user ${drop.user}`,
        `password ${drop.password}`,
        'auth plain',
        'pipelining on',
        'keep on',
        'only_new off',
        'received_header off',
        `uidls_file ${join(dir, 'uidls')}`,
        `delivery maildir ${join(dir, 'mail')}`,
      ];
      await writeFile(join(dir, 'rc'), `${lines.join('\n')}\n`, { mode: 0o600 });
      return { command: 'mpop', args: ['-C', join(dir, 'rc'), '-Q', '-a'] };
    },
  },
  {
    name: 'fetchmail',
    from: 'Debian',
    async prepare(drop, dir) {
      const rc = `set no bouncemail\npoll localhost with proto POP3 service ${drop.port} uidl\n user "${drop.user}" pass "${drop.password}" ssl sslcertck sslcertfile "${drop.caFile}" keep fetchall no rewrite fetchlimit 0 batchlimit 0 bsmtp "/dev/null"\n`;
      await writeFile(join(dir, 'rc'), rc, { mode: 0o600 });
      return {
        command: 'fetchmail',
        args: ['-f', join(dir, 'rc'), '--pidfile', join(dir, 'pid'), '-i', join(dir, 'ids'), '-s'],
        env: { HOME: dir },
      };
    },
  },
  {
    name: 'getmail6',
    from: 'Debian',
    async prepare(drop, dir) {
      for (const part of ['new', 'tmp', 'cur']) await mkdir(join(dir, 'mail', part), { recursive: true });
      // getmail delivers as root for nobody, so it is given somebody else's Maildir.
      for (const part of ['', 'new', 'tmp', 'cur']) await chown(join(dir, 'mail', part), NOBODY, NOGROUP);
      await chmod(dir, 0o755);
      const rc = `[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = ${drop.port}\nusername = ${drop.user}\npassword = ${drop.password}\nca_certs = ${drop.caFile}\n\n[destination]\ntype = Maildir\npath = ${join(dir, 'mail')}/\nuser = nobody\n\n[options]\nread_all = true\ndelete = false\nverbose = 0\ndelivered_to = false\nreceived = false\n`;
      await writeFile(join(dir, 'getmailrc'), rc, { mode: 0o600 });
      return { command: 'getmail', args: ['--getmaildir', dir] };
    },
  },
  {
    name: 'curl',
    from: 'Debian',
    async prepare(drop) {
      const login = `${drop.user}:${drop.password}`;
      return {
        command: 'curl',
        args: ['-s', '-f', '--cacert', drop.caFile, '-u', login, `pop3s://localhost:${drop.port}/[1-${drop.count}]`, '-o', '/dev/null'],
      };
    },
  },
  {
    name: 'poplib',
    from: 'Debian (python3)',
    async prepare(drop, dir) {
      const script = [
        'import poplib, ssl, sys',
        'box = poplib.POP3_SSL("localhost", int(sys.argv[1]), context=ssl.create_default_context(cafile=sys.argv[2]))',
        'box.user(sys.argv[3]); box.pass_(sys.argv[4])',
        'box.stat(); box.uidl()',
        'for n in range(1, len(box.list()[1]) + 1): box.retr(n)',
        'box.quit()',
      ];
      await writeFile(join(dir, 'read.py'), `${script.join('\n')}\n`);
      return { command: 'python3', args: [join(dir, 'read.py'), String(drop.port), drop.caFile, drop.user, drop.password] };
    },
  },
  {
    name: 'node-pop3',
    from: 'npm',
    async prepare(drop, dir) {
      const script = [
        `import Pop3Command from 'node-pop3';`,
        `const [port, user, password] = process.argv.slice(2);`,
        `const box = new Pop3Command({ host: 'localhost', port: Number(port), user, password, tls: true });`,
        `const list = await box.UIDL();`,
        `for (const [number] of list) await box.RETR(number);`,
        `await box.QUIT();`,
      ];
      await writeFile(join(dir, 'read.mjs'), script.join('\n'));
      await runPeer('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', dir, 'node-pop3@0.11.0'], {}, dir);
      return {
        command: process.execPath,
        args: [join(dir, 'read.mjs'), String(drop.port), drop.user, drop.password],
        env: { NODE_EXTRA_CA_CERTS: drop.caFile },
      };
    },
  },
];

/** The longest that one run may take: a hang guard. */
const LONGEST = 120_000;

/** One run of a peer: milliseconds from the start of its process to its end. Rejects with what it printed. */
export async function timePeer(peer: Peer, drop: Maildrop, onCommand: (line: string) => void): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), `popgate-bench-${peer.name}-`));
  try {
    const { command, args, env = {} } = await peer.prepare(drop, dir);
    onCommand([command, ...args].join(' ').replaceAll(drop.password, '***'));
    const start = performance.now();
    await runPeer(command, args, env, dir);
    return performance.now() - start;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Runs a command to its end. Rejects with what it printed if it ends with another code than those, or takes too long. */
export function runPeer(
  command: string,
  args: string[],
  env: Record<string, string>,
  cwd: string,
  fine: readonly number[] = [0],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'], timeout: LONGEST });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-500);
    });
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error(`${command} is not installed`, { cause: error }) : error),
    );
    child.on('close', (code) =>
      code !== null && fine.includes(code) ? resolve() : reject(new Error(`${command} ended with ${code}: ${said.trim()}`)),
    );
  });
}
