/**
 * A mail server that follows a script to the octet, over a real socket: what it waits for, what it sends and how it
 * cuts, delays, ends or breaks that. It records every line it was sent. One script for each connection, the last one
 * for all further ones. A line that differs from the script ends the connection and is reported by `finished()`.
 */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';

export type Step =
  | { readonly do: 'expect'; readonly line: string | RegExp }
  | { readonly do: 'send'; readonly octets: Uint8Array; readonly pieces: number | null }
  | { readonly do: 'pause'; readonly milliseconds: number }
  | { readonly do: 'starttls' | 'close' | 'reset' | 'stall' };

/** Waits for one line, given without its CRLF. */
export const expectLine = (line: string | RegExp): Step => ({ do: 'expect', line });
/** Sends octets at once; a string's characters are octets. */
export const send = (octets: string | Uint8Array): Step => ({ do: 'send', octets: octetsOf(octets), pieces: null });
/** Sends octets in writes of `size` each, one after another. */
export const sendSplit = (octets: string | Uint8Array, size = 1): Step => ({ do: 'send', octets: octetsOf(octets), pieces: size });
export const pause = (milliseconds: number): Step => ({ do: 'pause', milliseconds });
/** Begins TLS as the server; needs `key` and `cert`. */
export const startTls: Step = { do: 'starttls' };
/** Ends the connection in order. */
export const close: Step = { do: 'close' };
/** Breaks the connection. */
export const reset: Step = { do: 'reset' };
/** Says nothing more until the client goes. */
export const stall: Step = { do: 'stall' };
/** A line and the answer to it: the usual pair. */
export const on = (line: string | RegExp, answer: string | Uint8Array): Step[] => [expectLine(line), send(answer)];

export interface PeerOptions {
  /** PEM. With them and without `starttls` in mind, `tls: true` makes the peer speak TLS from the first octet. */
  readonly key?: string;
  readonly cert?: string;
  readonly tls?: boolean;
  readonly host?: string;
}

/** Octets that a client may send in one line before the peer gives up on it. */
const LINE_OCTETS = 128 * 1024;

export class ScriptedPeer {
  readonly #server: net.Server;
  readonly #options: PeerOptions;
  readonly #scripts: readonly (readonly Step[])[];
  readonly #sockets = new Set<net.Socket>();
  readonly #running: Promise<void>[] = [];
  readonly #mismatches: string[] = [];
  readonly #received: string[][] = [];

  private constructor(scripts: readonly (readonly Step[])[], options: PeerOptions) {
    this.#scripts = scripts;
    this.#options = options;
    const serve = (socket: net.Socket): void => {
      this.#running.push(this.#serve(socket));
    };
    this.#server = options.tls ? tls.createServer(credentialsOf(options), serve) : net.createServer(serve);
    this.#server.on('connection', (socket: net.Socket) => this.#keep(socket));
    this.#server.on('tlsClientError', () => undefined);
  }

  /** A peer on a free port of the loopback address. `scripts`: one for each connection. */
  static async listen(scripts: readonly (readonly Step[])[], options: PeerOptions = {}): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(scripts, options);
    peer.#server.listen(0, options.host ?? '127.0.0.1');
    await once(peer.#server, 'listening');
    return peer;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** The lines of each connection, without CRLF, as they came; characters are octets. */
  get received(): readonly (readonly string[])[] {
    return this.#received;
  }

  get connections(): number {
    return this.#received.length;
  }

  /** Waits until every connection's script is done; throws what differed from it. */
  async finished(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#mismatches.length > 0) throw new Error(this.#mismatches.join('\n'));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) {
      const closed = once(this.#server, 'close');
      this.#server.close();
      await closed;
    }
    await Promise.all(this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #keep(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #serve(first: net.Socket): Promise<void> {
    const script = this.#scripts[Math.min(this.#received.length, this.#scripts.length - 1)] ?? [];
    const lines: string[] = [];
    this.#received.push(lines);
    let connection = new Connection(first);
    for (const step of script) {
      if (step.do === 'starttls') connection = new Connection(await this.#secure(connection));
      else if (step.do === 'expect') {
        const line = await connection.line();
        if (line !== null) lines.push(line);
        if (line === null || !fits(line, step.line)) {
          this.#mismatches.push(
            `expected ${String(step.line)}, received ${line === null ? 'the end of the stream' : JSON.stringify(line)}`,
          );
          connection.socket.destroy();
          return;
        }
      } else await connection.act(step);
    }
    // What comes after the script is recorded, not answered.
    for (let line = await connection.line(); line !== null; line = await connection.line()) lines.push(line);
    connection.socket.end();
  }

  async #secure(connection: Connection): Promise<net.Socket> {
    const socket = new tls.TLSSocket(connection.release(), { isServer: true, ...credentialsOf(this.#options) });
    this.#keep(socket);
    await Promise.race([once(socket, 'secure').catch(() => undefined), once(socket, 'close')]);
    return socket;
  }
}

/** One socket, read line by line. */
class Connection {
  readonly socket: net.Socket;
  #text = '';
  #ended = false;
  #wake: () => void = () => undefined;
  readonly #onData = (chunk: Buffer): void => {
    this.#text += chunk.toString('latin1');
    if (this.#text.length > LINE_OCTETS && !this.#text.includes('\r\n')) this.socket.destroy();
    this.#wake();
  };
  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#wake();
  };

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
    if (socket.destroyed) this.#ended = true;
  }

  /** The next line without CRLF, or null at the end of the stream. */
  async line(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end !== -1) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      if (this.#ended) return null;
      await this.#change();
    }
  }

  async act(step: Exclude<Step, { do: 'expect' | 'starttls' }>): Promise<void> {
    switch (step.do) {
      case 'send':
        return this.#send(step.octets, step.pieces);
      case 'pause':
        return sleep(step.milliseconds);
      case 'close':
        this.socket.end();
        return;
      case 'reset':
        this.socket.resetAndDestroy();
        return;
      case 'stall':
        while (!this.#ended) await this.#change();
    }
  }

  /** Lets go of the socket, so that TLS can have it. */
  release(): net.Socket {
    this.socket.off('data', this.#onData);
    this.socket.pause();
    return this.socket;
  }

  async #send(octets: Uint8Array, pieces: number | null): Promise<void> {
    const size = pieces ?? octets.length;
    // Without this the kernel would join the pieces again.
    this.socket.setNoDelay(true);
    for (let at = 0; at < octets.length && !this.#ended; at += size) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.socket.write(octets.subarray(at, at + size), () => resolve());
      await promise;
      if (pieces !== null) await sleep(0);
    }
  }

  #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}

function credentialsOf({ key, cert }: PeerOptions): { key?: string; cert?: string } {
  return { ...(key === undefined ? {} : { key }), ...(cert === undefined ? {} : { cert }) };
}

function fits(line: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? line === expected : expected.test(line);
}

function octetsOf(octets: string | Uint8Array): Uint8Array {
  return typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets;
}
