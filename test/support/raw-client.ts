/** A POP3 client of a few lines for the tests of the test servers: raw octets over Node's sockets, nothing interpreted. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { setTimeout as after } from 'node:timers/promises';

export interface RawClient {
  send(octets: string | Uint8Array): void;
  /** Everything received up to and including `end` since the last call; rejects if the server closes before. */
  until(end: string): Promise<string>;
  /** One status line, with its CRLF. */
  line(): Promise<string>;
  /** Multi-line data after a status line, up to its closing dot. */
  lines(): Promise<string>;
  /** Everything until the server closes. */
  rest(): Promise<string>;
  readonly socket: Socket;
  close(): void;
}

/** Connects in clear, or over TLS when `ca` is given. Text is one character per octet. */
export function rawClient(port: number, ca?: string, socket?: Socket): RawClient {
  const stream = socket ?? (ca === undefined ? connect(port, '127.0.0.1') : connectTls({ port, host: 'localhost', ca }));
  let received = '';
  let closed = false;
  stream.setEncoding('latin1');
  stream.on('data', (chunk: string) => (received += chunk));
  stream.on('close', () => (closed = true));
  stream.on('error', () => (closed = true));
  const take = async (end: string): Promise<string> => {
    for (;;) {
      const at = received.indexOf(end);
      if (at >= 0) {
        const taken = received.slice(0, at + end.length);
        received = received.slice(at + end.length);
        return taken;
      }
      if (closed) throw new Error(`The connection ended after ${JSON.stringify(received.slice(-200))}.`);
      await after(1);
    }
  };
  return {
    socket: stream,
    send: (octets) => void stream.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets),
    until: take,
    line: () => take('\r\n'),
    lines: async () => (received.startsWith('.\r\n') ? take('.\r\n') : take('\r\n.\r\n')),
    rest: async () => {
      while (!closed) await after(1);
      return received;
    },
    close: () => void stream.destroy(),
  };
}

/** What a client holds after multi-line data is undone: RFC 1939 §3. */
export function unstuffed(data: string): Buffer {
  const body = data === '.\r\n' ? '' : data.slice(0, -3);
  return Buffer.from(body.replaceAll(/(^|\r\n)\./g, '$1'), 'latin1');
}
