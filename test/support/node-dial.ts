/**
 * `dial` over Node's sockets, for tests in plain Node: the same transport, deadlines and errors as on the platform.
 * The streams read nothing ahead of what is asked for, as the platform's don't, so that STLS can be tested.
 */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { Transport, type RawSocket } from '../../src/net/transport.ts';
import type { Target } from '../../src/net/target.ts';
import type { Deadlines } from '../../src/limits.ts';
import type { Channel } from '../../src/pop3/channel.ts';

export interface NodeDialOptions {
  /** Certificates to trust, PEM. */
  readonly ca?: string | readonly string[];
  /** False: any certificate will do, for tests that are not about TLS. Default true. */
  readonly rejectUnauthorized?: boolean;
}

/** A channel to `target`, trusting `options.ca`. Whatever prevents it is `unreachable`. */
export function nodeDial(target: Target, deadlines: Deadlines, options: NodeDialOptions = {}): Promise<Channel> {
  return Transport.open(connectTo(target, options), deadlines);
}

function connectTo(target: Target, options: NodeDialOptions): RawSocket {
  const { host, port } = target;
  if (target.security === 'tls') return rawSocket(tls.connect({ host, port, ...trust(host, options) }), 'secureConnect', target, options);
  return rawSocket(net.connect({ host, port }), 'connect', target, options);
}

function trust(host: string, { ca, rejectUnauthorized = true }: NodeDialOptions): tls.ConnectionOptions {
  return {
    rejectUnauthorized,
    ...(net.isIP(host) ? {} : { servername: host }),
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
  };
}

/** Puts web streams over a Node socket. `ready` is the event that says it is open. */
export function rawSocket(
  socket: net.Socket,
  ready: 'connect' | 'secureConnect',
  target: Pick<Target, 'host'> = { host: '127.0.0.1' },
  options: NodeDialOptions = {},
): RawSocket {
  // An error event without a listener ends the process; reads and writes report the error themselves.
  socket.on('error', () => undefined);
  const opened = once(socket, ready);
  opened.catch(() => undefined);
  return {
    opened,
    readable: readableOf(socket),
    writable: writableOf(socket),
    close: () => socket.destroy(),
    startTls: () => {
      if (socket.readableLength > 0) throw new Error('Octets were read ahead of TLS.');
      socket.removeAllListeners('readable');
      const upgraded = tls.connect({ socket, host: target.host, ...trust(target.host, options) });
      return rawSocket(upgraded, 'secureConnect', target, options);
    },
  };
}

function readableOf(socket: net.Socket): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        const chunk = await nextChunk(socket);
        if (chunk) return controller.enqueue(chunk);
        controller.close();
        controller.byobRequest?.respond(0);
      },
    },
    { highWaterMark: 0 },
  );
}

/** What has arrived, a copy, or null at the end. Throws the socket's error. */
async function nextChunk(socket: net.Socket): Promise<Uint8Array<ArrayBuffer> | null> {
  for (;;) {
    if (socket.errored) throw socket.errored;
    const chunk = socket.read() as Buffer | null;
    if (chunk) return new Uint8Array(chunk);
    if (socket.readableEnded || socket.destroyed) return null;
    await readiness(socket);
  }
}

function readiness(socket: net.Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = ['readable', 'end', 'close', 'error'];
  const settle = (): void => {
    for (const event of events) socket.off(event, settle);
    resolve();
  };
  for (const event of events) socket.on(event, settle);
  return promise;
}

function writableOf(socket: net.Socket): WritableStream<Uint8Array> {
  return new WritableStream({
    write: (octets: Uint8Array) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      socket.write(octets, (error) => (error ? reject(error) : resolve()));
      return promise;
    },
    abort: () => {
      socket.destroy();
    },
  });
}
