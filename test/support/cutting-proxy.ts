/**
 * A proxy in front of a mail server that lets so many lines of the server's through and then fails in one way, for each
 * connection anew until it is healed. What a client must survive at any point of a session is tested with it.
 */
import { once } from 'node:events';
import net from 'node:net';

/** How a connection fails: ended in order, broken, silent from there on, or going on with what isn't POP3 and then ended. */
export type Cut = 'close' | 'reset' | 'stall' | 'garbage';

/** What becomes of one connection: it fails in place of the line behind so many; null: it is let alone. */
export type Fate = { readonly after: number; readonly how: Cut } | null;

const LF = 0x0a;

export class CuttingProxy {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #target: number;
  #fate: () => Fate = () => null;
  #cuts = 0;
  #connections = 0;
  #lines = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = net.createServer((socket) => this.#serve(socket));
  }

  /** A proxy on a free port of the loopback address, to `target` on the same. It passes everything until told to cut. */
  static async listen(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** How many connections were cut. */
  get cuts(): number {
    return this.#cuts;
  }

  get connections(): number {
    return this.#connections;
  }

  /** How many lines of the server's went through, in all connections. */
  get lines(): number {
    return this.#lines;
  }

  /** Each connection from now on fails once the server has sent `after` lines: in place of the next one. */
  cut(after: number, how: Cut): void {
    this.#fate = () => ({ after, how });
  }

  /** Each connection from now on has a fate of its own. */
  cutEach(fate: () => Fate): void {
    this.#fate = fate;
  }

  /** Connections from now on are let alone. */
  heal(): void {
    this.#fate = () => null;
  }

  /** Breaks the connections that there are, as the death of whoever holds them does. */
  sever(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Doesn't keep the process alive. */
  unref(): void {
    this.#server.unref();
  }

  async close(): Promise<void> {
    this.sever();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #serve(client: net.Socket): void {
    this.#connections++;
    const server = net.connect(this.#target, '127.0.0.1');
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('close', () => server.destroy());
    client.pipe(server);
    const cut = this.#fate();
    let left = cut?.after ?? Number.POSITIVE_INFINITY;
    let failed = false;
    server.on('end', () => !failed && client.end());
    server.on('data', (octets: Buffer) => {
      if (failed) return;
      let end = 0;
      for (; left > 0; left--) {
        const lf = octets.indexOf(LF, end);
        if (lf === -1) break;
        end = lf + 1;
        this.#lines++;
      }
      // The beginning of the line that is not let through is, so that the cut falls inside it.
      client.write(left > 0 ? octets : octets.subarray(0, end + 1));
      failed = left === 0;
      if (failed && cut) this.#fail(client, server, cut.how);
    });
  }

  #fail(client: net.Socket, server: net.Socket, how: Cut): void {
    this.#cuts++;
    if (how === 'close') client.end();
    else if (how === 'reset') client.resetAndDestroy();
    else if (how === 'garbage') client.end('\u0000\u00ff garbage\r\n');
    if (how !== 'stall') server.destroy();
  }
}
