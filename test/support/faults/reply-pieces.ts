/**
 * A channel that hands out what a mail server sends in pieces that mean something: a status line, the data of a reply, the
 * line that ends it (RFC 1939 §3). However the network cut the octets, the pieces are the same in every run, so that
 * they can be numbered and a fault be put at one of them.
 */
import type { Channel, Patience, Phase } from '../../../src/pop3/channel.ts';

type Part = 'status' | 'data' | 'end';

/** A command that was written and whose reply is to come. The greeting answers none. */
export interface Asked {
  readonly verb: string;
  readonly argument: string;
}

export interface Piece {
  readonly asked: Asked;
  readonly part: Part;
}

const GREETING: Asked = { verb: 'greeting', argument: '' };
const TERMINATOR = Buffer.from('.\r\n');
const UNASKED: Asked = { verb: 'nothing', argument: '' };

export class ReplyPieces {
  readonly #inner: Channel;
  readonly #asked: Asked[] = [GREETING];
  #part: Part = 'status';
  #buffer: Buffer = Buffer.alloc(0);

  constructor(inner: Channel) {
    this.#inner = inner;
  }

  /** Notes the commands of a write. */
  wrote(octets: Uint8Array): Asked[] {
    const lines = Buffer.from(octets).toString('latin1').split('\r\n').slice(0, -1);
    const asked = lines.map((line: string) => {
      const space = line.indexOf(' ');
      return space < 0
        ? { verb: line.toUpperCase(), argument: '' }
        : { verb: line.slice(0, space).toUpperCase(), argument: line.slice(space + 1) };
    });
    this.#asked.push(...asked);
    return asked;
  }

  /** What the next read will bring. */
  get next(): Piece {
    return { asked: this.#asked[0] ?? UNASKED, part: this.#part };
  }

  /** The next piece, or null at the end of the stream, before which comes what there is of one. */
  async read(phase: Phase, patience: Patience): Promise<(Piece & { readonly octets: Buffer }) | null> {
    for (;;) {
      const end = this.#pieceEnd();
      if (end > 0) return this.#take(end);
      const chunk = await this.#inner.read(phase, patience);
      if (chunk !== null) {
        this.#buffer = Buffer.concat([this.#buffer, chunk]);
        continue;
      }
      if (this.#buffer.length === 0) return null;
      const octets = this.#buffer;
      this.#buffer = Buffer.alloc(0);
      return { ...this.next, octets };
    }
  }

  /** Where the next piece ends in what has come; 0: not all of it has. */
  #pieceEnd(): number {
    const { part } = this.next;
    if (part === 'status') {
      const end = this.#buffer.indexOf('\r\n');
      return end === -1 ? 0 : end + 2;
    }
    // Data may be empty.
    if (part === 'end' || this.#buffer.subarray(0, 3).equals(TERMINATOR)) return this.#buffer.length >= 3 ? 3 : 0;
    const terminator = this.#buffer.indexOf('\r\n.\r\n');
    return terminator === -1 ? 0 : terminator + 2;
  }

  #take(end: number): Piece & { readonly octets: Buffer } {
    const octets = this.#buffer.subarray(0, end);
    this.#buffer = this.#buffer.subarray(end);
    const { asked, part } = this.next;
    if (part === 'status' && isMultiline(asked) && octets.toString('latin1').startsWith('+OK')) this.#part = 'data';
    else if (part === 'data' && !octets.equals(TERMINATOR)) this.#part = 'end';
    else {
      this.#part = 'status';
      this.#asked.shift();
    }
    return { asked, part, octets };
  }
}

function isMultiline({ verb, argument }: Asked): boolean {
  if (verb === 'CAPA' || verb === 'TOP' || verb === 'RETR') return true;
  return (verb === 'UIDL' || verb === 'LIST') && argument === '';
}
