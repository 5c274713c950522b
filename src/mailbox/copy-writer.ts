/**
 * Cuts a message that arrives into rows of 256 KiB, each stored as soon as it is full. Holds one row at most, in a buffer of
 * the size that the server told, which grows to a whole row only for a message that long.
 */
import { MAILBOX } from '../limits.ts';
import type { Outline } from '../mime/outline.ts';

/** What becomes of the rows. */
export interface CopySink {
  /** Stores a row, or keeps the last one; its octets are lent, those of the last one given. */
  readonly put: (octets: Uint8Array, last: boolean) => Promise<void>;
  readonly complete: (scratch: boolean, outline: Outline, box: Uint8Array) => void;
  readonly settle: (error: unknown) => void;
}

/** The least that a row's buffer begins with. */
const BUFFER_LEAST = 4096;

/** Cuts a message into rows. `push` waits until a full row is stored, which is the socket's back-pressure. */
export class CopyWriter {
  readonly #sink: CopySink;
  /** The row that is being filled. Most messages are far shorter than one, and the server has told how long about. */
  #buffer: Uint8Array;
  #filled = 0;
  octets = 0;

  constructor(sink: CopySink, size: number) {
    this.#sink = sink;
    this.#buffer = new Uint8Array(Math.min(Math.max(size, BUFFER_LEAST), MAILBOX.rowOctets));
  }

  async push(chunk: Uint8Array): Promise<void> {
    this.octets += chunk.length;
    let rest = chunk;
    while (rest.length > 0) {
      const part = rest.subarray(0, this.#buffer.length - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === MAILBOX.rowOctets) await this.#put(false);
      else if (this.#filled === this.#buffer.length) this.#grow();
    }
  }

  /** No more octets will come: all rows can be read from here on, but the copy isn't complete yet. */
  async flush(): Promise<void> {
    if (this.#filled > 0) await this.#put(true);
  }

  /** Makes the copy complete, within the transaction that also says so in the ledger. `box`: of the outline. */
  complete(scratch: boolean, outline: Outline, box: Uint8Array): void {
    this.#sink.complete(scratch, outline, box);
  }

  /** To be called in any case, once the copy was marked complete, or with why it never will be. */
  settle(error: unknown): void {
    this.#sink.settle(error);
  }

  #grow(): void {
    const larger = new Uint8Array(Math.min(this.#buffer.length * 2, MAILBOX.rowOctets));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }

  async #put(last: boolean): Promise<void> {
    await this.#sink.put(this.#buffer.subarray(0, this.#filled), last);
    this.#filled = 0;
  }
}
