/**
 * The decoded octets of one part, all or some of them, from the message's encoded ones. What is sent as it is (RFC 2045
 * §6.2) is read from where it is wanted; an encoding is decoded from the part's start, because lines and padding may be
 * of any length, and what lies before is passed over.
 */
import { Decoder } from '../mime/decode.ts';
import type { Part } from '../mime/outline.ts';

/** Octets of the message, `end` exclusive. */
type Read = (start: number, end: number) => AsyncGenerator<Uint8Array>;

const ENCODED: ReadonlySet<string> = new Set(['base64', 'quoted-printable']);

export class PartContent {
  readonly #part: Pick<Part, 'bodyStart' | 'bodyEnd' | 'encoding'>;
  readonly #read: Read;

  constructor(part: Pick<Part, 'bodyStart' | 'bodyEnd' | 'encoding'>, read: Read) {
    this.#part = part;
    this.#read = read;
  }

  /** Octets from `start` to `end`, exclusive, of what the part decodes to. */
  async *octets(start: number, end: number): AsyncGenerator<Uint8Array> {
    const { bodyStart, encoding } = this.#part;
    if (!ENCODED.has(encoding)) return yield* this.#read(bodyStart + start, bodyStart + end);
    let at = 0;
    for await (const piece of this.#decoded()) {
      const wanted = piece.subarray(Math.max(0, start - at), Math.max(0, end - at));
      at += piece.length;
      if (wanted.length > 0) yield wanted;
      if (at >= end) return;
    }
  }

  /** The first octets, at most `count`. */
  async head(count: number): Promise<Uint8Array> {
    const head = new Uint8Array(count);
    let length = 0;
    for await (const piece of this.#decoded()) {
      const fits = piece.subarray(0, count - length);
      head.set(fits, length);
      length += fits.length;
      if (length === count) break;
    }
    return head.subarray(0, length);
  }

  async *#decoded(): AsyncGenerator<Uint8Array> {
    const { bodyStart, bodyEnd, encoding } = this.#part;
    const decoder = new Decoder(encoding);
    for await (const chunk of this.#read(bodyStart, bodyEnd)) yield decoder.push(chunk);
    yield decoder.end();
  }
}
