/**
 * A TCP proxy that makes a server far away: what arrives on either side goes on after a fixed time, in order and at any
 * rate, so that a round trip costs twice the delay and nothing else does. A side that stops reading stops its sender.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface DelayProxyOptions {
  /** Where connections go to, on loopback. */
  readonly to: number;
  /** Milliseconds each way. */
  readonly delay: number;
}

export interface DelayProxy {
  readonly port: number;
  /** Octets of both directions so far, of all connections. */
  readonly octets: { up: number; down: number };
  /** How often a client spoke after its server had, or first: the round trips at least, those of TLS too. */
  readonly turns: { count: number };
  /** Connections that are open now. */
  readonly open: () => number;
  close(): Promise<void>;
}

/** Octets under way in one direction before the sender is stopped: far more than a window of TCP on such a line. */
const UNDER_WAY = 64 * 1024 * 1024;

/** Starts the proxy on a free port. */
export async function startDelayProxy({ to, delay }: DelayProxyOptions): Promise<DelayProxy> {
  const octets = { up: 0, down: 0 };
  const turns = { count: 0 };
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    // TCP's handshake with the proxy takes no time. On a real line its three ways come first: what the client says arrives
    // after them at the earliest, and what the server says of itself takes a fourth.
    let answered = true;
    carry(client, upstream, delay, 3 * delay, (count) => {
      octets.up += count;
      if (answered) turns.count += 1;
      answered = false;
    });
    carry(upstream, client, delay, 4 * delay, (count) => {
      octets.down += count;
      answered = true;
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    octets,
    turns,
    open: () => sockets.size / 2,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

/** Passes on what `from` sends after `delay`, nothing of it before `first` milliseconds from now. */
function carry(from: Socket, to: Socket, delay: number, first: number, count: (octets: number) => void): void {
  const queue: { at: number; chunk: Buffer | null }[] = [];
  const notBefore = performance.now() + first;
  let held = 0;
  let timer: NodeJS.Timeout | null = null;
  const pass = (): void => {
    timer = null;
    const now = performance.now();
    for (let next = queue[0]; next && next.at <= now; next = queue[0]) {
      queue.shift();
      if (next.chunk === null) to.end();
      else {
        held -= next.chunk.length;
        to.write(next.chunk);
      }
    }
    if (held < UNDER_WAY && to.writableLength < UNDER_WAY) from.resume();
    if (queue[0]) timer = setTimeout(pass, Math.max(0, queue[0].at - performance.now()));
  };
  const add = (chunk: Buffer | null): void => {
    queue.push({ at: Math.max(performance.now() + delay, notBefore), chunk });
    timer ??= setTimeout(pass, Math.max(0, (queue[0]?.at ?? 0) - performance.now()));
  };
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    held += chunk.length;
    if (held >= UNDER_WAY) from.pause();
    add(chunk);
  });
  from.on('end', () => add(null));
}
