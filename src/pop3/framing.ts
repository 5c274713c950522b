/**
 * Octets in, status lines and message data out, however the network cut them (RFC 1939 §3).
 * One framing, strict: a status line ends in CRLF and data ends in CRLF.CRLF. A bare LF ends neither, and no line
 * begins after one: whoever takes it for a line end lets the sender of a message speak as the server.
 * Everything else survives exactly: NUL, 8-bit octets, bare CR and LF inside data, lines of any length.
 * Both decoders are linear in what they are fed and hold at most one status line.
 */
import { POP3 } from '../limits.ts';

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const PLUS = 0x2b;
const MINUS = 0x2d;

export type StatusStep =
  /** All was taken, and the line goes on. */
  | { readonly kind: 'more' }
  /** One line without its CRLF, a copy; `next` is where the octets behind it begin. */
  | { readonly kind: 'line'; readonly octets: Uint8Array; readonly next: number }
  /** Not a status line. `seen` is as much of it as has come, bounded. */
  | { readonly kind: 'defect'; readonly reason: string; readonly seen: Uint8Array };

/** Reads one status line of at most `limit` octets, with at most `POP3.blankLines` blank ones before it. One object for each reply. */
export class StatusDecoder {
  readonly #limit: number;
  #held: Uint8Array | null = null;
  #length = 0;
  #blank = 0;

  constructor(limit: number = POP3.statusLine) {
    this.#limit = limit;
  }

  /** Takes `chunk` from the offset `from` on. To be called until it gives something other than `more`. */
  push(chunk: Uint8Array, from: number): StatusStep {
    let start = from;
    for (;;) {
      const lf = chunk.indexOf(LF, start);
      const end = lf === -1 ? chunk.length : lf + 1;
      // Nearly every line comes in one piece: it is looked at where it lies.
      const whole = lf !== -1 && this.#length === 0 && end - start <= this.#limit + 2;
      const line = whole ? chunk.subarray(start, end) : this.#take(chunk, start, end);
      if (line === null) return this.#defect('an endless status line');
      if (lf === -1) return odd(line) ? this.#defect('the answer is not POP3') : { kind: 'more' };
      if (line[line.length - 2] !== CR) return this.#defect('a line that ends in a bare LF', line);
      if (line.length > 2) {
        if (odd(line)) return this.#defect('the answer is not POP3', line);
        return { kind: 'line', octets: new Uint8Array(line.subarray(0, -2)), next: end };
      }
      this.#blank++;
      if (this.#blank > POP3.blankLines) return this.#defect('too many blank lines', line);
      this.#length = 0;
      start = end;
    }
  }

  /** Adds the octets to the line and returns what there is of it, or null if that is too much. */
  #take(chunk: Uint8Array, start: number, end: number): Uint8Array | null {
    const total = this.#length + end - start;
    const room = this.#limit + 2;
    const fits = Math.min(end, start + room - this.#length);
    this.#held ??= new Uint8Array(room);
    this.#held.set(chunk.subarray(start, fits), this.#length);
    this.#length = Math.min(total, room);
    return total > room ? null : this.#held.subarray(0, total);
  }

  #defect(reason: string, seen = (this.#held ?? new Uint8Array()).subarray(0, this.#length)): StatusStep {
    return { kind: 'defect', reason, seen: new Uint8Array(seen) };
  }
}

/** Whether the line can't be a status line: those begin with `+` or `-`, blank ones with CR. */
function odd(line: Uint8Array): boolean {
  const first = line[0];
  return first !== undefined && first !== PLUS && first !== MINUS && (first !== CR || (line.length > 1 && line[1] !== LF));
}

/** What one chunk held of a multi-line reply's data. */
export interface DataStep {
  /** Whether one CR comes before `data`: it was held back in an earlier chunk, after a dot. */
  readonly cr: boolean;
  /** The unstuffed octets: a view of the chunk, which is overwritten in place. May be empty. */
  readonly data: Uint8Array;
  /** Whether the terminator was met; if so, octets from `next` on belong to the next reply. */
  readonly ended: boolean;
  readonly next: number;
}

/** What came last: text, or as much of CRLF.CRLF as could still become the terminator. */
type At = 'text' | 'cr' | 'line start' | 'dot' | 'dot cr';

/** Removes byte-stuffing and finds the end of one multi-line reply's data. One object for each reply. */
export class DataDecoder {
  #at: At = 'line start';

  /** Whether what came last ends a line: where the server has no more to say, it has lost the terminator. */
  get atLineStart(): boolean {
    return this.#at === 'line start';
  }

  /**
   * Takes `chunk` from the offset `from` on and moves its data together in place, so that nothing is allocated.
   * The CRLF before the terminating dot belongs to the data. Not to be called again once `ended`.
   */
  decode(chunk: Uint8Array, from: number): DataStep {
    const end = chunk.length;
    let read = from;
    let write = from;
    let cr = false;
    while (read < end) {
      const octet = chunk[read];
      if (this.#at === 'text') {
        const dot = findLineDot(chunk, read);
        const stop = dot === -1 ? end : dot;
        // Before the move, which may overwrite the tail.
        this.#at = dot === -1 ? tailOf(chunk, read) : 'dot';
        write = move(chunk, read, stop, write);
        read = dot === -1 ? end : dot + 1;
      } else if (this.#at === 'line start') {
        if (octet === DOT) read++;
        this.#at = octet === DOT ? 'dot' : 'text';
      } else if (this.#at === 'dot') {
        if (octet === CR) read++;
        this.#at = octet === CR ? 'dot cr' : 'text';
      } else if (this.#at === 'dot cr') {
        if (octet === LF) return { cr, data: chunk.subarray(from, write), ended: true, next: read + 1 };
        // The dot was stuffing after all, and the CR is data. Within one chunk the dot has left room for it.
        if (read === from) cr = true;
        else chunk[write++] = CR;
        this.#at = 'cr';
      } else {
        if (octet === CR || octet === LF) chunk[write++] = chunk[read++] as number;
        this.#at = octet === LF ? 'line start' : octet === CR ? 'cr' : 'text';
      }
    }
    return { cr, data: chunk.subarray(from, write), ended: false, next: end };
  }
}

/**
 * The index of the first dot right after a CRLF that lies at or behind `from`, or -1.
 * Looks at every third octet and, from what stands there, knows how far it may skip: an octet that is none of
 * CR, LF and dot rules out three places at once. No input makes it look at an octet more than three times.
 */
function findLineDot(chunk: Uint8Array, from: number): number {
  const end = chunk.length;
  let at = from + 2;
  while (at < end) {
    const octet = chunk[at] as number;
    if (octet > DOT) at += 3;
    else if (octet === DOT) {
      if (chunk[at - 1] === LF && chunk[at - 2] === CR) return at;
      at += 3;
    } else if (octet === LF) at += 1;
    else at += octet === CR ? 2 : 3;
  }
  return -1;
}

/** What the chunk ends with, looking back no further than `from`. */
function tailOf(chunk: Uint8Array, from: number): At {
  const end = chunk.length;
  const last = chunk[end - 1];
  if (last === CR) return 'cr';
  return last === LF && end - 2 >= from && chunk[end - 2] === CR ? 'line start' : 'text';
}

/** Short moves cost less than the call of `copyWithin`. */
const SHORT_MOVE = 48;

/** Moves the octets of [start, stop) down to `to` and returns where they now end. */
function move(chunk: Uint8Array, start: number, stop: number, to: number): number {
  if (start === to) return stop;
  if (stop - start < SHORT_MOVE) for (let at = start; at < stop; at++) chunk[to + at - start] = chunk[at] as number;
  else chunk.copyWithin(to, start, stop);
  return to + stop - start;
}
