/**
 * Reads replies from a channel, one after another: a status line, then its data if it has some (RFC 1939 §3).
 * Holds one chunk at a time and gives it out in place; octets behind a reply stay for the next one.
 */
import { POP3 } from '../limits.ts';
import type { Channel, Patience, Phase } from './channel.ts';
import type { Command } from './command.ts';
import { closedError, protocolError } from './error.ts';
import { DataDecoder, StatusDecoder, type DataStep } from './framing.ts';
import { cleanText } from './reply.ts';

const EMPTY = new Uint8Array();
const CR = 0x0d;
const LF = 0x0a;

export class ReplyReader {
  readonly #channel: Channel;
  #chunk: Uint8Array = EMPTY;
  #at = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Octets that have come and belong to no reply yet. */
  get buffered(): number {
    return this.#chunk.length - this.#at;
  }

  /** Forgets blank lines behind the last reply, as many as may stand before the next. */
  skipBlankLines(): void {
    for (let count = 0; count < POP3.blankLines; count++) {
      if (this.#chunk[this.#at] !== CR || this.#chunk[this.#at + 1] !== LF) return;
      this.#at += 2;
    }
  }

  /**
   * The next status line without CRLF, of at most `limit` octets, the caller's to keep.
   * Throws `protocol`, `closed` or the channel's error.
   */
  async status(phase: Phase, patience: Patience, limit: number = POP3.statusLine): Promise<Uint8Array> {
    const decoder = new StatusDecoder(limit);
    let waitFor = patience;
    for (;;) {
      if (this.buffered === 0) {
        await this.#fill(phase, waitFor);
        if (patience !== 'greeting') waitFor = 'chunk';
      }
      const step = decoder.push(this.#chunk, this.#at);
      if (step.kind === 'defect') throw protocolError(phase, step.reason, cleanText(step.seen));
      this.#at = step.kind === 'line' ? step.next : this.#chunk.length;
      if (step.kind === 'line') return step.octets;
    }
  }

  /** The data of the reply whose status line was just read. */
  data(command: Command): DataReader {
    return new DataReader(command, async (decoder) => {
      if (this.buffered === 0) await this.#fill(command.phase, 'chunk');
      const step = decoder.decode(this.#chunk, this.#at);
      this.#at = step.next;
      return step;
    });
  }

  async #fill(phase: Phase, patience: Patience): Promise<void> {
    const chunk = await this.#channel.read(phase, patience);
    if (chunk === null) throw closedError(phase);
    this.#chunk = chunk;
    this.#at = 0;
  }
}

/** The data of one reply. `read` gives what may be delivered; `drain` takes the rest without giving it out. */
export class DataReader {
  readonly #command: Command;
  readonly #next: (decoder: DataDecoder) => Promise<DataStep>;
  readonly #decoder = new DataDecoder();
  #pieces: Uint8Array[] = [];
  #delivered = 0;
  #received = 0;
  #ended = false;

  constructor(command: Command, next: (decoder: DataDecoder) => Promise<DataStep>) {
    this.#command = command;
    this.#next = next;
  }

  /** Whether the terminator was met. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether what has come so far ends with a line, so that it may be all that there is, without its terminator. */
  get atLineStart(): boolean {
    return this.#decoder.atLineStart;
  }

  /**
   * The next octets, valid until the next call, or null when no more are delivered: the data has ended, or was cut
   * at the command's limit. Throws `protocol` where the limit is the protocol's, `closed`, or the channel's error.
   */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const left = this.#command.limitOctets - this.#delivered;
      const piece = this.#pieces.shift()?.subarray(0, left);
      if (piece && piece.length > 0) {
        this.#delivered += piece.length;
        return piece;
      }
      if (this.#ended || (left <= 0 && this.#command.beyondLimit === 'cut')) return null;
      await this.#step();
    }
  }

  /** Takes what is left, at most as much as a message may hold. Nothing is delivered afterwards. */
  async drain(): Promise<void> {
    while (!this.#ended) await this.#step();
    this.#pieces = [];
  }

  async #step(): Promise<void> {
    const { cr, data, ended } = await this.#next(this.#decoder);
    this.#pieces = cr ? [Uint8Array.of(CR), data] : [data];
    this.#ended = ended;
    this.#received += data.length + (cr ? 1 : 0);
    const bound = this.#command.beyondLimit === 'cut' ? POP3.messageOctets : this.#command.limitOctets;
    if (this.#received > bound) throw protocolError(this.#command.phase, 'more data than is allowed');
  }
}

/** The pieces that `next` gives until it gives null. */
export async function* pieces(next: () => Promise<Uint8Array | null>): AsyncGenerator<Uint8Array, void, void> {
  for (let octets = await next(); octets !== null; octets = await next()) yield octets;
}
