/**
 * The two ends of a POP3 server's connection: command lines in, octets out (RFC 1939 §3, RFC 2449 §4).
 * Lines end in CRLF and are bounded; pipelined lines wait in the socket until they are asked for, so a client
 * that writes much and reads little is held back by TCP and not by our memory.
 */
import type { Duplex } from 'node:stream';

export type Line = { readonly kind: 'line'; readonly text: string } | { readonly kind: 'end' } | { readonly kind: 'too_long' };

export class LineChannel {
  readonly #stream: Duplex;
  #pending: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('readable', this.#onWake);
    stream.on('drain', this.#onWake);
    stream.on('end', this.#onEnd);
    stream.on('close', this.#onEnd);
    stream.on('error', this.#onEnd);
  }

  /** The next line without its CRLF, one character per octet; `too_long` if `most` octets bring no CRLF. */
  async line(most: number): Promise<Line> {
    for (;;) {
      const at = this.#pending.indexOf('\r\n');
      if (at > most || (at < 0 && this.#pending.length > most)) return { kind: 'too_long' };
      if (at >= 0) {
        const text = this.#pending.toString('latin1', 0, at);
        this.#pending = this.#pending.subarray(at + 2);
        return { kind: 'line', text };
      }
      const chunk = this.#stream.read() as Buffer | null;
      if (chunk !== null) this.#pending = Buffer.concat([this.#pending, chunk]);
      else if (this.#ended) return { kind: 'end' };
      else await this.#woken();
    }
  }

  /** Writes all of `octets` and waits until the socket takes more; false once the connection is gone. */
  async write(octets: Uint8Array | string): Promise<boolean> {
    if (this.#stream.destroyed || this.#stream.writableEnded) return false;
    if (!this.#stream.write(octets)) while (this.#stream.writableNeedDrain && !this.#stream.destroyed) await this.#woken();
    return !this.#stream.destroyed;
  }

  /** Octets have been read and not taken as a line: after STLS they would be an injection (RFC 2595 §4). */
  get hasUnread(): boolean {
    return this.#pending.length > 0 || this.#stream.readableLength > 0;
  }

  /** Ends the connection after what has been written; what still comes in is read to nowhere, so that the peer's end is seen. */
  end(): void {
    this.release();
    this.#stream.resume();
    this.#stream.end();
  }

  /** Lets go of the stream, so that TLS can take it over. */
  release(): void {
    this.#stream.off('readable', this.#onWake);
    this.#stream.off('drain', this.#onWake);
    this.#stream.off('end', this.#onEnd);
    this.#stream.off('close', this.#onEnd);
    this.#stream.off('error', this.#onEnd);
  }

  readonly #onWake = (): void => {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#onWake();
  };

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** `octets` as multi-line data: a dot before every line that begins with one, and the closing line (RFC 1939 §3). */
export function dotStuffed(octets: Uint8Array): Buffer {
  const source = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = source[0] === DOT ? 0 : nextDotLine(source, 0); at >= 0; at = nextDotLine(source, at)) {
    pieces.push(source.subarray(from, at), Buffer.from('.'));
    from = at;
  }
  pieces.push(source.subarray(from), Buffer.from('.\r\n'));
  return Buffer.concat(pieces);
}

const DOT = 0x2e;

function nextDotLine(source: Buffer, from: number): number {
  const at = source.indexOf('\r\n.', from, 'latin1');
  return at < 0 ? -1 : at + 2;
}

/** What TOP sends of a message: its header, the blank line and `lines` lines of the body (RFC 1939 §7). */
export function topOf(octets: Uint8Array, lines: number): Uint8Array {
  const source = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const header = source.subarray(0, 2).toString('latin1') === '\r\n' ? -2 : source.indexOf('\r\n\r\n');
  if (header === -1) return octets;
  let end = header + 4;
  for (let taken = 0; taken < lines && end < source.length; taken += 1) {
    const at = source.indexOf('\r\n', end);
    if (at < 0) return octets;
    end = at + 2;
  }
  return octets.subarray(0, end);
}
