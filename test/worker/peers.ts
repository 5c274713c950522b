/**
 * The mail servers that the `worker` suite talks to. They run in Node, in the process that starts vitest; the tests in
 * workerd reach them by sockets and by a small HTTP control that puts mail into a maildrop and tells what was asked for.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { type FleetServer, startFleetServer } from '../support/fleet-server.ts';
import { Maildrop } from '../support/maildrop.ts';
import { type Pop3Server, type Pop3ServerOptions, startPop3Server } from '../support/pop3-server.ts';
import { freePort } from '../support/ports.ts';
import { startSoak } from './soak-control.ts';

/** What the tests get as the variable `PEERS`, as JSON. */
export interface Peers {
  readonly tls: number;
  readonly startTls: number;
  readonly clear: number;
  /** TLS whose certificate names another host. */
  readonly wrongName: number;
  /** TLS by an authority that nobody trusts. */
  readonly untrusted: number;
  /** A server for any user, whose answer to credentials takes a while; `/logins` of the control tells how many came at once. */
  readonly slow: number;
  /** Nobody listens there, though it may be dialled. */
  readonly closed: number;
  readonly control: number;
}

let authority: Authority | null = null;

/** Makes the suite's authority and puts it into NODE_EXTRA_CA_CERTS, beside what is there. */
export async function trustTestAuthority(): Promise<void> {
  authority = await createAuthority();
  const given = process.env.NODE_EXTRA_CA_CERTS;
  const others = given === undefined ? '' : await readFile(given, 'utf8').catch(() => '');
  const dir = await mkdtemp(join(tmpdir(), 'popgate-ca-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'bundle.pem');
  await writeFile(file, `${others}\n${authority.ca}`);
  process.env.NODE_EXTRA_CA_CERTS = file;
}

/** Starts the servers and returns the bindings of the Worker under test. */
export async function workerBindings(): Promise<Record<string, string>> {
  if (!authority) throw new Error('trustTestAuthority comes first');
  const good = await authority.issue({});
  const other = await authority.issue({ names: ['elsewhere.example'], onlyNames: true });
  const stranger = await (await createAuthority()).issue({});
  const users = makeUsers();
  const servers: Pop3Server[] = [];
  const start = async (options: Partial<Pop3ServerOptions>): Promise<number> => {
    const server = await startPop3Server({ users, unref: true, ...options });
    servers.push(server);
    return server.port;
  };
  const slow = await startFleetServer({ loginTime: 50, unref: true });
  const peers: Peers = {
    tls: await start({ tls: good }),
    startTls: await start({ tls: { ...good, mode: 'starttls' } }),
    clear: await start({}),
    wrongName: await start({ tls: other }),
    untrusted: await start({ tls: stranger }),
    slow: slow.port,
    closed: await freePort(),
    control: await startControl(users, servers, slow),
  };
  const soak = await startSoak();
  return {
    OPERATOR_KEY: 'operator-key-of-the-worker-suite-0123456789',
    MASTER_KEY: `k1:${Buffer.alloc(32, 5).toString('base64')}`,
    ALLOWED_TARGETS: [...Object.values(peers), soak.port].map((port: number) => `localhost:${port}`).join(','),
    SESSION_LINGER_MS: '0',
    PEERS: JSON.stringify(peers),
    SOAK: JSON.stringify(soak),
  };
}

/** `user0` and `crash0` to 49, each with the password `secret` and a maildrop of their own, so that no test meets another's mail. */
function makeUsers(): Map<string, { password: string; maildrop: Maildrop }> {
  const names = Array.from({ length: 50 }, (_, n) => [`user${n}`, `crash${n}`]).flat();
  return new Map(names.map((name) => [name, { password: 'secret', maildrop: new Maildrop() }]));
}

/**
 * PUT /drop/{user}: adds the body as a message. GET /drop/{user}: the UIDLs there. DELETE /drop/{user}/{uidl}: removes one.
 * GET /commands: what all servers were asked for, a line each. GET /logins: of `slow`.
 */
async function startControl(users: ReturnType<typeof makeUsers>, servers: readonly Pop3Server[], slow: FleetServer): Promise<number> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [, user = '', uidl] = /^\/drop\/(\w+)(?:\/([\w-]+))?$/.exec(request.url ?? '') ?? [];
      const maildrop = users.get(user)?.maildrop;
      if (maildrop && request.method === 'PUT') maildrop.add(Buffer.concat(chunks));
      if (maildrop && request.method === 'DELETE' && uidl) maildrop.remove(uidl);
      if (maildrop && request.method === 'GET') return void response.end(JSON.stringify(maildrop.list().map((mail) => mail.uidl)));
      if (request.url === '/logins') return void response.end(JSON.stringify(slow.logins));
      response.end(servers.flatMap((peer) => peer.commands).join('\n'));
    });
  });
  server.unref();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}
