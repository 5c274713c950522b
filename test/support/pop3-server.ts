/**
 * A POP3 server over loopback sockets, in clear, with TLS from the start, or with STLS (RFC 1939, RFC 2595, RFC 8314),
 * whose maildrops are in memory. It serves the demo and the tests; odd servers are scripted elsewhere.
 * Bounded: connections, line length, idle time and the command log.
 */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { TLSSocket, createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { CommandLog } from './command-log.ts';
import { LineChannel } from './pop3-lines.ts';
import { Pop3Session } from './pop3-session.ts';
import type { Answer, Hidden, Pop3User } from './pop3-host.ts';
import { Maildrop } from './maildrop.ts';

export interface Pop3ServerOptions {
  /** User name → password, and the maildrop (several users may share one). Without a maildrop an empty one is made. */
  readonly users: ReadonlyMap<string, { readonly password: string; readonly maildrop?: Maildrop }>;
  /** PEM. Absent: clear text. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly mode?: 'implicit' | 'starttls' };
  /** 0 (default): any free port. */
  readonly port?: number;
  readonly host?: string;
  readonly greeting?: string;
  /** Commands and capabilities to lack. */
  readonly hide?: readonly Hidden[];
  /** A test's own answers; see `Answer`. */
  readonly answer?: Answer;
  /** Milliseconds without a command before the connection is dropped (RFC 1939 §3 asks for ten minutes). */
  readonly idle?: number;
  /** Doesn't keep the process alive. */
  readonly unref?: boolean;
}

export interface Pop3Server {
  readonly port: number;
  readonly maildrops: ReadonlyMap<string, Maildrop>;
  /** Connections accepted so far, and open now. */
  readonly connections: { readonly total: number; readonly open: number };
  /** The newest commands of all sessions in order, without secrets. */
  readonly commands: readonly string[];
  /** From the next login on. */
  setPassword(user: string, password: string): void;
  /** Drops every connection and stops listening. */
  close(): Promise<void>;
}

const MOST_CONNECTIONS = 64;
const IDLE = 600_000;

/** Starts listening; rejects with the system's error if the port is taken. */
export async function startPop3Server(options: Pop3ServerOptions): Promise<Pop3Server> {
  const users = new Map<string, Pop3User>();
  for (const [name, { password, maildrop = new Maildrop() }] of options.users) users.set(name, { password, maildrop });
  const sockets = new Set<Socket>();
  const counts = { total: 0, open: 0 };
  const log = new CommandLog();
  const serve = connectionHandler(options, users, log);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    counts.total += 1;
    if (sockets.size >= MOST_CONNECTIONS) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    counts.open = sockets.size;
    socket.on('close', () => {
      sockets.delete(socket);
      counts.open = sockets.size;
    });
    void serve(socket);
  });
  if (options.unref) server.unref();
  await listening(server, options.port ?? 0, options.host ?? '127.0.0.1');
  return {
    port: (server.address() as AddressInfo).port,
    maildrops: new Map([...users].map(([name, user]) => [name, user.maildrop])),
    connections: counts,
    commands: log.entries,
    setPassword: (name, password) => {
      const user = users.get(name);
      if (user) users.set(name, { ...user, password });
    },
    close: () => closed(server, sockets),
  };
}

function connectionHandler(options: Pop3ServerOptions, users: ReadonlyMap<string, Pop3User>, log: CommandLog) {
  const context = options.tls === undefined ? null : createSecureContext({ ...options.tls, minVersion: 'TLSv1.2' });
  const implicit = context !== null && options.tls?.mode !== 'starttls';
  return async (socket: Socket): Promise<void> => {
    // A client that resets its connection is an end like any other.
    socket.on('error', () => socket.destroy());
    socket.setTimeout(options.idle ?? IDLE, () => socket.destroy());
    const upgrade = (to: SecureContext): LineChannel => new LineChannel(secured(socket, to));
    const session = new Pop3Session(
      {
        users,
        hide: new Set(options.hide),
        greeting: options.greeting ?? 'Popgate test server ready.',
        answer: options.answer ?? null,
        encrypted: implicit,
        startTls: context !== null && !implicit ? () => Promise.resolve(upgrade(context)) : null,
        log,
      },
      implicit ? upgrade(context) : new LineChannel(socket),
    );
    await session.run();
    session.end();
  };
}

/** `socket` under TLS. Its failures (no TLS spoken, an untrusted authority) end the connection and nothing else. */
function secured(socket: Socket, secureContext: SecureContext): TLSSocket {
  const tls = new TLSSocket(socket, { isServer: true, secureContext });
  tls.on('error', () => socket.destroy());
  return tls;
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closed(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}
