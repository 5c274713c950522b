/**
 * A POP3 server for many accounts at once, as cheap as can be: everybody's password is right, and everybody's maildrop holds the
 * same few messages. It counts the logins that are going on at the same time, from the connection to the answer to the
 * credentials, and tells of each one. Clear text on loopback.
 */
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface FleetServerOptions {
  /** Messages in each maildrop; it may change while the server runs. */
  readonly messages?: () => number;
  /** Milliseconds that the answer to the credentials takes. */
  readonly loginTime?: number;
  /** Told when somebody is let in. */
  readonly onLogin?: (user: string) => void;
  /** Told of each command line that comes, for counting. */
  readonly onCommand?: (verb: string) => void;
  /** Doesn't keep the process alive. */
  readonly unref?: boolean;
}

export interface FleetServer {
  readonly port: number;
  /** Logins going on now, the most there ever were, and those that were accepted. */
  readonly logins: { readonly now: number; readonly most: number; readonly accepted: number };
  /** Counts the most logins anew. */
  forgetMost(): void;
  close(): Promise<void>;
}

const LINE = 4096;

const CAPABILITIES = '+OK\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n';

const header = (n: number): string =>
  `From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: message ${n}\r\nMessage-ID: <${n}@example.com>\r\n` +
  `Date: Fri, 20 Nov 2026 10:23:45 +0000\r\n\r\nHello\r\n`;

/** Starts listening on a free port of loopback. */
export async function startFleetServer(options: FleetServerOptions = {}): Promise<FleetServer> {
  const logins = { now: 0, most: 0, accepted: 0 };
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    logins.now += 1;
    logins.most = Math.max(logins.most, logins.now);
    let entering = true;
    const entered = (user: string | null): void => {
      if (!entering) return;
      entering = false;
      logins.now -= 1;
      if (user === null) return;
      logins.accepted += 1;
      options.onLogin?.(user);
    };
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      entered(null);
    });
    // A client that resets its connection is an end like any other.
    serve(socket, options, entered).catch(() => socket.destroy());
  });
  if (options.unref) server.unref();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    logins,
    forgetMost: () => {
      logins.most = logins.now;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function serve(socket: Socket, options: FleetServerOptions, entered: (user: string | null) => void): Promise<void> {
  let user = '';
  const letIn = async (name: string): Promise<string> => {
    if (options.loginTime) await new Promise((resolve) => setTimeout(resolve, options.loginTime));
    entered(name);
    return '+OK\r\n';
  };
  const count = options.messages?.() ?? 0;
  socket.write('+OK ready\r\n');
  for await (const line of linesOf(socket)) {
    const [verb = '', ...words] = line.split(' ');
    options.onCommand?.(verb.toUpperCase());
    switch (verb.toUpperCase()) {
      case 'USER':
        user = words[0] ?? '';
        socket.write('+OK\r\n');
        break;
      case 'PASS':
        socket.write(await letIn(user));
        break;
      case 'AUTH':
        socket.write(
          await letIn(
            Buffer.from(words[1] ?? '', 'base64')
              .toString('latin1')
              .split('\0')[1] ?? '',
          ),
        );
        break;
      case 'QUIT':
        socket.end('+OK\r\n');
        return;
      default:
        socket.write(answer(verb.toUpperCase(), Number(words[0] ?? 0), count));
    }
  }
}

/** Lines without their CRLF, each at most as long as a command may be. */
async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of socket.setEncoding('latin1') as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split('\r\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE) throw new Error('The line is too long.');
    yield* lines;
  }
}

/** The answer to what a maildrop of `count` messages is asked for; `n`: of one message, 0 of all. */
function answer(verb: string, n: number, count: number): string {
  const all = Array.from({ length: count }, (_, index) => index + 1);
  const lines = (texts: readonly string[]): string => `+OK\r\n${texts.map((text) => `${text}\r\n`).join('')}.\r\n`;
  if (n > count) return '-ERR no such message\r\n';
  switch (verb) {
    case 'CAPA':
      return CAPABILITIES;
    case 'STAT':
      return `+OK ${count} ${all.reduce((sum, number) => sum + header(number).length, 0)}\r\n`;
    case 'UIDL':
      return n > 0 ? `+OK ${n} uidl-${n}\r\n` : lines(all.map((number) => `${number} uidl-${number}`));
    case 'LIST':
      return n > 0 ? `+OK ${n} ${header(n).length}\r\n` : lines(all.map((number) => `${number} ${header(number).length}`));
    case 'TOP':
    case 'RETR':
      return `+OK\r\n${header(n)}.\r\n`;
    default:
      return '-ERR unknown command\r\n';
  }
}
