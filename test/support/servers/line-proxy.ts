/**
 * A proxy in front of a mail server's clear port that reads lines: it hides that the server can pipeline, or hangs up on a
 * client that pipelines, as servers do whose program reads one command and throws away what came with it.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What it does: `hide` takes PIPELINING out of CAPA's answer; `drop` ends a connection on a command before the last one's answer. */
export type Manner = 'hide' | 'drop';

export interface LineProxy {
  readonly port: number;
  /** How many connections were dropped for pipelining. */
  readonly dropped: number;
  /** The most commands that a client of any connection had under way at once. */
  readonly mostUnderWay: number;
  close(): Promise<void>;
}

/** Commands that are answered by many lines if they succeed. */
const MANY_LINES = /^(?:CAPA|TOP .*|RETR .*|LIST|UIDL|AUTH)$/;

/** Listens on a free port, in front of `to`. */
export async function startLineProxy(to: number, manner: Manner): Promise<LineProxy> {
  const sockets = new Set<Socket>();
  const seen = { dropped: 0, mostUnderWay: 0 };
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: to, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setEncoding('latin1');
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    carry(client, upstream, manner, seen);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get dropped() {
      return seen.dropped;
    },
    get mostUnderWay() {
      return seen.mostUnderWay;
    },
    close: async () => {
      const closed = once(server, 'close');
      for (const socket of sockets) socket.destroy();
      server.close();
      await closed;
    },
  };
}

/** Commands go on as they come; whether one was answered is told by the first line of an answer after it. */
function carry(client: Socket, upstream: Socket, manner: Manner, seen: { dropped: number; mostUnderWay: number }): void {
  let command = '';
  const answers = new Answers();
  client.on('data', (text: string) => {
    const lines = (command + text).split('\r\n');
    command = lines.pop() ?? '';
    for (const line of lines) answers.expect(line);
    seen.mostUnderWay = Math.max(seen.mostUnderWay, answers.underWay);
    if (manner === 'drop' && answers.underWay > 1) {
      seen.dropped += 1;
      client.destroy();
      return;
    }
    upstream.write(text, 'latin1');
  });
  upstream.on('data', (text: string) => {
    const told = answers.lines(text).filter(({ line, command: of }) => {
      return manner === 'drop' || of !== 'CAPA' || line.trim().toUpperCase() !== 'PIPELINING';
    });
    // At once, as the server wrote it: a line a write would be a TLS record a line.
    client.write(told.map(({ line }) => line).join(''), 'latin1');
  });
  upstream.on('end', () => client.end());
}

/** The server's answers, line by line, and which commands wait for one. */
class Answers {
  readonly #waiting: string[] = [];
  #greeted = false;
  #inside = false;
  #rest = '';

  get underWay(): number {
    return this.#waiting.length;
  }

  expect(command: string): void {
    this.#waiting.push(command.toUpperCase());
  }

  /** The whole lines that `text` completes, each with the command that it answers; the greeting answers none. */
  lines(text: string): { line: string; command: string }[] {
    const lines = (this.#rest + text).split(/(?<=\r\n)/);
    this.#rest = lines.at(-1)?.endsWith('\r\n') ? '' : (lines.pop() ?? '');
    return lines.map((line) => ({ line, command: this.#read(line) }));
  }

  #read(line: string): string {
    const command = this.#greeted ? (this.#waiting[0] ?? '') : '';
    const goesOn = this.#inside ? line !== '.\r\n' : line.startsWith('+OK') && MANY_LINES.test(command);
    if (!goesOn && this.#greeted) this.#waiting.shift();
    this.#inside = goesOn;
    this.#greeted = true;
    return command;
  }
}
