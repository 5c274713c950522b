/**
 * Cuts a stream of octets at boundary lines (RFC 2046 §5.1.1) and nowhere else that would matter to its reader: however
 * the chunks come, the same octets are content and the same lines are boundaries. Linear; holds at most one short line.
 * A line ends in CRLF or a bare LF; blanks after a boundary are allowed; a line longer than a boundary can be is content.
 */
import { MIME } from '../limits.ts';

const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;

/** Two dashes, the boundary, two dashes, blanks that transports add, and a line end. */
const LINE_OCTETS = MIME.boundaryOctets + 256;

export interface LineReader<Match> {
  /** Whether any boundary is open. Without one, content comes in pieces as large as they are. */
  readonly watching: boolean;
  /** Whether content is to come at most one line at a time (a piece may be less than a line). */
  readonly byLine: boolean;
  /** Content from offset `at`. The octets are only lent. */
  content(octets: Uint8Array, at: number): void;
  /** Whether `line` (begins with `--`; no line end, no blanks after it) is an open boundary. */
  match(line: string): Match | null;
  /** A boundary line, whole. `breakOctets`: of the line break before it, which belongs to it. */
  boundary(match: Match, octets: Uint8Array, at: number, breakOctets: number): void;
}

export class LineScanner<Match> {
  readonly #reader: LineReader<Match>;
  /** The offset of the chunk that is being read. */
  #base = 0;
  #atLineStart = true;
  /** The last two octets of the chunks before this one. */
  #last = 0;
  #lastButOne = 0;
  /** The beginning of a line that may be a boundary and isn't complete. */
  readonly #held = new Uint8Array(LINE_OCTETS);
  #heldLength = 0;
  #heldBreak = 0;

  constructor(reader: LineReader<Match>) {
    this.#reader = reader;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) at = this.#heldLength > 0 ? this.#hold(chunk, at) : this.#pass(chunk, at);
    if (chunk.length > 1) this.#lastButOne = chunk.at(-2) ?? 0;
    else if (chunk.length === 1) this.#lastButOne = this.#last;
    this.#last = chunk.at(-1) ?? this.#last;
    this.#base += chunk.length;
  }

  /** The message ends here: a last line without a line end may still be a boundary. */
  end(): void {
    if (this.#heldLength > 0) this.#release(this.#base);
  }

  /** Handles octets from `at` on and returns where it stopped. */
  #pass(chunk: Uint8Array, at: number): number {
    const { watching, byLine } = this.#reader;
    let end = at;
    while (end < chunk.length) {
      if (this.#atLineStart && watching && chunk[end] === DASH) {
        const next = lineEnd(chunk, end);
        const match = next > 0 ? this.#match(chunk.subarray(end, next)) : null;
        if (match !== null || (next < 0 && chunk.length - end < LINE_OCTETS)) {
          this.#give(chunk, at, end);
          return match === null ? this.#hold(chunk, end) : this.#boundary(match, chunk, end, next);
        }
      }
      const next = watching || byLine ? lineEnd(chunk, end) : chunk.length;
      end = next < 0 ? chunk.length : next;
      this.#atLineStart = chunk[end - 1] === LF;
      if (byLine) break;
    }
    this.#give(chunk, at, end);
    return end;
  }

  #give(chunk: Uint8Array, start: number, end: number): void {
    if (end > start) this.#reader.content(chunk.subarray(start, end), this.#base + start);
  }

  #boundary(match: Match, chunk: Uint8Array, start: number, end: number): number {
    this.#atLineStart = true;
    this.#reader.boundary(match, chunk.subarray(start, end), this.#base + start, this.#breakBefore(chunk, start));
    return end;
  }

  /** Collects a line that begins with a dash until it is complete or too long. */
  #hold(chunk: Uint8Array, at: number): number {
    if (this.#heldLength === 0) this.#heldBreak = this.#breakBefore(chunk, at);
    const next = lineEnd(chunk, at);
    const end = Math.min(next < 0 ? chunk.length : next, at + LINE_OCTETS - this.#heldLength);
    this.#held.set(chunk.subarray(at, end), this.#heldLength);
    this.#heldLength += end - at;
    if (chunk[end - 1] === LF || this.#heldLength === LINE_OCTETS) this.#release(this.#base + end);
    return end;
  }

  /** Decides about the held line, which ends at offset `end`. */
  #release(end: number): void {
    const octets = this.#held.subarray(0, this.#heldLength);
    const at = end - this.#heldLength;
    this.#heldLength = 0;
    const complete = octets.length < LINE_OCTETS || octets.at(-1) === LF;
    this.#atLineStart = octets.at(-1) === LF;
    const match = complete ? this.#match(octets) : null;
    if (match === null) this.#reader.content(octets, at);
    else this.#reader.boundary(match, octets, at, this.#heldBreak);
  }

  #match(octets: Uint8Array): Match | null {
    if (octets.length > LINE_OCTETS || octets[1] !== DASH) return null;
    let end = octets.length;
    while (end > 0 && isBlankOrBreak(octets[end - 1])) end--;
    return this.#reader.match(String.fromCharCode(...octets.subarray(0, end)));
  }

  /** How many octets of line break stand before `at`, where a line begins. */
  #breakBefore(chunk: Uint8Array, at: number): number {
    if (this.#base + at === 0) return 0;
    const before = at > 1 ? chunk[at - 2] : at === 1 ? this.#last : this.#lastButOne;
    return before === CR && this.#base + at > 1 ? 2 : 1;
  }
}

/** The offset after the next LF, or -1. */
function lineEnd(chunk: Uint8Array, at: number): number {
  const lineFeed = chunk.indexOf(LF, at);
  return lineFeed < 0 ? -1 : lineFeed + 1;
}

function isBlankOrBreak(octet: number | undefined): boolean {
  return octet === LF || octet === CR || octet === 0x20 || octet === 0x09;
}
