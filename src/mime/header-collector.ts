/**
 * Collects a header block as its lines stream by (RFC 5322 §2.1) and tells where it ends. A block in which no line is a
 * field is no header: its octets are kept, so that they can be read as the body that they are. Bounded: what is over the
 * limit is looked through for the end, not kept.
 */
import { MIME } from '../limits.ts';
import { colonOf } from './headers.ts';

const LF = 0x0a;
const CR = 0x0d;

/** `more`: goes on. `end`: the blank line was read. `none`: there is no header; all that was collected is body. */
export type HeaderState = 'more' | 'end' | 'none';

export class HeaderCollector {
  /** The offset at which the header begins. */
  readonly start: number;
  /** What didn't fit, when the state is `none`. */
  overflow: Uint8Array = new Uint8Array(0);
  #buffer = new Uint8Array(1024);
  #kept = 0;
  #total = 0;
  #dropped = false;
  #lineStart = 0;
  /** Whether the line that is being read holds nothing but a CR so far. */
  #lineIsBlank = true;
  #hasField = false;

  constructor(start: number) {
    this.start = start;
  }

  /** The octets kept, without the blank line at the end of a header. */
  get octets(): Uint8Array {
    return this.#buffer.subarray(0, this.#kept);
  }

  /** Whether anything was read. */
  get isEmpty(): boolean {
    return this.#total === 0;
  }

  /** Whether some of it was over the limit and isn't kept. */
  get isTooLarge(): boolean {
    return this.#dropped;
  }

  /** The offset of the blank line, once it was read. */
  get end(): number {
    return this.start + this.#lineStart;
  }

  /** Takes a line or a piece of one. */
  take(piece: Uint8Array): HeaderState {
    const fits = Math.min(piece.length, MIME.headerOctets - this.#kept);
    this.#keep(piece.subarray(0, fits));
    this.#total += piece.length;
    if (fits < piece.length) {
      this.#hasField ||= this.#isField();
      if (!this.#hasField) {
        this.overflow = piece.subarray(fits);
        return 'none';
      }
      this.#dropped = true;
    }
    const complete = piece.at(-1) === LF;
    const content = complete ? piece.length - 1 : piece.length;
    // A blank line is LF or CR LF; the two may come in two pieces.
    const blankSoFar = content === 0 || (content === 1 && piece[0] === CR && this.#total - piece.length === this.#lineStart);
    this.#lineIsBlank &&= blankSoFar;
    return complete ? this.#endLine() : 'more';
  }

  /** The header ends without a blank line: at a boundary, or with the message. */
  finish(): HeaderState {
    this.#hasField ||= this.#isField();
    return this.#hasField || this.isEmpty ? 'end' : 'none';
  }

  #endLine(): HeaderState {
    if (!this.#lineIsBlank) {
      this.#hasField ||= this.#isField();
      this.#lineStart = this.#total;
      this.#lineIsBlank = true;
      return 'more';
    }
    // No field, but lines before the blank one: a body without a header.
    if (this.#lineStart > 0 && !this.#hasField) return 'none';
    this.#kept = Math.min(this.#kept, this.#lineStart);
    return 'end';
  }

  /** Whether the line that is being read begins as a field does. */
  #isField(): boolean {
    return this.#lineStart < this.#kept && colonOf(this.#buffer, this.#lineStart, this.#kept) >= 0;
  }

  #keep(octets: Uint8Array): void {
    const needed = this.#kept + octets.length;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.min(Math.max(needed, this.#buffer.length * 4), MIME.headerOctets));
      larger.set(this.octets);
      this.#buffer = larger;
    }
    this.#buffer.set(octets, this.#kept);
    this.#kept = needed;
  }
}
