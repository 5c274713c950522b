/**
 * A `Channel` over a socket with web streams. Every wait has a deadline and every failure is final: after it the socket
 * is closed, nothing is read again, and nobody waits for the closing, which on a black-holed host takes very long.
 * What happens is known from reads alone; a socket's `closed` may stay pending for ever.
 */
import { READ_OCTETS, type Deadlines } from '../limits.ts';
import type { Channel, Patience, Phase } from '../pop3/channel.ts';
import { NetError } from './error.ts';
import { LATE, Watch } from './watch.ts';

/** What is needed of a socket; the platform's has it, and tests put it over Node's. */
export interface RawSocket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Settles when the connection stands, or won't. */
  readonly opened: Promise<unknown>;
  close(): unknown;
  /** Gives the socket to go on with, once both streams are unlocked. */
  startTls(): RawSocket;
}

type Reader = ReadableStreamBYOBReader | ReadableStreamDefaultReader<Uint8Array>;

/** How the last octets look when a server has forgotten the end of its data (RFC 1939 §3). */
const LOST_TERMINATOR = /\.\r\n$|\r\n\.\r$/;

export class Transport implements Channel {
  readonly #deadlines: Deadlines;
  readonly #end: number;
  /** When the greeting is due: the whole of it, however it trickles in. */
  readonly #greeted: number;
  readonly #watch: Watch;
  #socket: RawSocket;
  #reader: Reader;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #buffer: ArrayBuffer | null = null;
  #tail = '';
  #reading = false;
  #open = true;
  #octetsIn = 0;
  #octetsOut = 0;

  private constructor(socket: RawSocket, deadlines: Deadlines, watch: Watch) {
    this.#deadlines = deadlines;
    this.#watch = watch;
    this.#end = Date.now() + deadlines.session;
    this.#greeted = Date.now() + deadlines.greeting;
    this.#socket = socket;
    this.#reader = readerOf(socket.readable);
    this.#writer = socket.writable.getWriter();
  }

  /** A transport over `socket` once it is open. Whatever prevents that is `unreachable`. */
  static async open(socket: RawSocket, deadlines: Deadlines): Promise<Transport> {
    const watch = new Watch();
    try {
      if ((await watch.within(socket.opened, deadlines.connect)) === LATE) throw new NetError({ kind: 'unreachable' });
      return new Transport(socket, deadlines, watch);
    } catch {
      watch.end();
      abandon(socket);
      throw new NetError({ kind: 'unreachable' });
    }
  }

  get octetsIn(): number {
    return this.#octetsIn;
  }

  get octetsOut(): number {
    return this.#octetsOut;
  }

  async read(phase: Phase, patience: Patience): Promise<Uint8Array | null> {
    if (this.#reading) throw new Error('A read is already under way.');
    this.#reading = true;
    const end = patience === 'greeting' ? Math.min(this.#greeted, this.#end) : this.#end;
    const result = await this.#settle(phase, this.#deadlines[patience], () => this.#next(), end).finally(() => {
      this.#reading = false;
    });
    if (result === LATE) {
      const lost = patience === 'chunk' && LOST_TERMINATOR.test(this.#tail);
      throw this.#fail({ kind: 'timeout', phase, note: lost ? 'The server seems to have lost the line that ends its data.' : null });
    }
    if (result === null) return null;
    this.#octetsIn += result.length;
    this.#tail = (this.#tail + String.fromCharCode(...result.subarray(-4))).slice(-4);
    return result;
  }

  async write(phase: Phase, octets: Uint8Array): Promise<void> {
    const result = await this.#settle(phase, this.#deadlines.reply, () => this.#writer.write(octets));
    if (result === LATE) throw this.#fail({ kind: 'timeout', phase, note: null });
    this.#octetsOut += octets.length;
  }

  async startTls(): Promise<void> {
    if (this.#reading) throw new Error('A read is under way.');
    const result = await this.#settle('tls', this.#deadlines.connect, async () => {
      this.#reader.releaseLock();
      this.#writer.releaseLock();
      this.#socket = this.#socket.startTls();
      await this.#socket.opened;
    });
    if (result === LATE) throw this.#fail({ kind: 'timeout', phase: 'tls', note: null });
    this.#reader = readerOf(this.#socket.readable);
    this.#writer = this.#socket.writable.getWriter();
    this.#buffer = null;
    this.#tail = '';
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.end();
    abandon(this.#socket);
  }

  /** One read. The octets come in the transport's own buffer where the stream can fill it. */
  async #next(): Promise<Uint8Array | null> {
    for (;;) {
      const result =
        this.#reader instanceof ReadableStreamBYOBReader
          ? await this.#reader.read(new Uint8Array(this.#buffer ?? new ArrayBuffer(READ_OCTETS)))
          : await this.#reader.read();
      if (result.done || result.value === undefined) return null;
      if (this.#reader instanceof ReadableStreamBYOBReader) this.#buffer = result.value.buffer as ArrayBuffer;
      if (result.value.length > 0) return result.value;
    }
  }

  /** Runs `work` against its own deadline and one in time, the session's. A failure closes the socket and is `reset`, or `unreachable`. */
  async #settle<T>(phase: Phase, milliseconds: number, work: () => Promise<T>, end = this.#end): Promise<T | typeof LATE> {
    if (!this.#open) throw new NetError({ kind: 'reset', phase });
    const left = end - Date.now();
    if (left <= 0) return LATE;
    try {
      return await this.#watch.within(work(), Math.min(milliseconds, left));
    } catch {
      // Some networks call a connection open before it is; what breaks before the first octet was never there.
      throw this.#fail(phase === 'greeting' && this.#octetsIn === 0 ? { kind: 'unreachable' } : { kind: 'reset', phase });
    }
  }

  #fail(failure: NetError['failure']): NetError {
    this.close();
    return new NetError(failure);
  }
}

/** Closes without waiting; what comes of it is of no interest any more. */
function abandon(socket: RawSocket): void {
  Promise.resolve()
    .then(() => socket.close())
    .catch(() => undefined);
}

/** The platform's own reader gives 4 KiB at a time; one that is handed a buffer fills it. */
function readerOf(readable: ReadableStream<Uint8Array>): Reader {
  try {
    return readable.getReader({ mode: 'byob' });
  } catch {
    return readable.getReader();
  }
}
