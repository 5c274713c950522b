/**
 * A channel to a mail server that breaks where it is told to: it ends, is reset, goes quiet until its deadline, brings
 * something that isn't POP3, brings one octet and then the rest, or is gone together with the life of the object that had
 * it. What the two sides have said is told to a witness, piece by piece.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NetError } from '../../../src/net/error.ts';
import type { Channel, Patience, Phase } from '../../../src/pop3/channel.ts';
import type { Life } from './life.ts';
import type { Fault, PointKind } from './points.ts';
import { type Asked, type Piece, ReplyPieces } from './reply-pieces.ts';

/** Milliseconds after which a stalled wait ends, as a deadline would end it. */
export const STALL_TIME = 15;

const GARBAGE = Buffer.from('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');

/** Hears what is said in one session. */
export interface Listener {
  commands(asked: readonly Asked[]): void;
  /** A piece that was handed over undamaged. */
  heard(piece: Piece, octets: Buffer): void;
}

/** The fault that is to happen at a point; a life that it ends is ended by then. */
export type Pass = (kind: PointKind, what: string) => Fault | null;

export class FaultyChannel implements Channel {
  readonly #inner: Channel;
  readonly #pieces: ReplyPieces;
  readonly #life: Life;
  readonly #pass: Pass;
  readonly #listener: Listener;
  /** What is still to be handed over of a piece. */
  #rest: Buffer | null = null;
  /** The other side has gone: what is written is lost, and nothing more comes. */
  #gone = false;

  constructor(inner: Channel, life: Life, pass: Pass, listener: Listener) {
    this.#inner = inner;
    this.#pieces = new ReplyPieces(inner);
    this.#life = life;
    this.#pass = pass;
    this.#listener = listener;
    life.own(this);
  }

  get octetsIn(): number {
    return this.#inner.octetsIn;
  }

  get octetsOut(): number {
    return this.#inner.octetsOut;
  }

  async read(phase: Phase, patience: Patience): Promise<Uint8Array | null> {
    if (this.#life.ended) return this.#life.never();
    if (this.#rest) return this.#take(this.#rest);
    if (this.#gone) return null;
    const { asked, part } = this.#pieces.next;
    const fault = this.#pass('read', `${asked.verb} ${part}`);
    if (fault === 'garbage') return this.#take(this.#end(GARBAGE));
    await this.#suffer(fault, phase);
    if (this.#gone) return null;
    const piece = await this.#pieces.read(phase, patience);
    if (this.#life.ended) return this.#life.never();
    if (piece === null) return null;
    const { octets } = piece;
    this.#listener.heard(piece, octets);
    if (fault !== 'short' || octets.length < 2) return new Uint8Array(octets);
    this.#rest = octets.subarray(1);
    return new Uint8Array(octets.subarray(0, 1));
  }

  async write(phase: Phase, octets: Uint8Array): Promise<void> {
    if (this.#life.ended) return this.#life.never();
    if (this.#gone) return;
    // Noted before anything is waited for: the reply may be asked for at once.
    const asked = this.#pieces.wrote(octets);
    this.#listener.commands(asked);
    const fault = this.#pass('write', nameOf(asked));
    if (fault === 'short') {
      await this.#inner.write(phase, octets.subarray(0, 1));
      this.close();
      throw new NetError({ kind: 'reset', phase });
    }
    await this.#suffer(fault, phase);
    if (this.#gone) return;
    await this.#inner.write(phase, octets);
    if (this.#life.ended) return this.#life.never();
  }

  async startTls(): Promise<void> {
    if (this.#life.ended) return this.#life.never();
    await this.#suffer(this.#pass('tls', 'startTls'), 'tls');
    await this.#inner.startTls();
    if (this.#life.ended) return this.#life.never();
  }

  close(): void {
    this.#life.disown(this);
    this.#inner.close();
  }

  /** Does what `fault` does to anything that is waited for. */
  async #suffer(fault: Fault | null, phase: Phase): Promise<void> {
    switch (fault) {
      case 'abort':
        return this.#life.never();
      case 'close':
        this.#end(Buffer.alloc(0));
        return;
      case 'reset':
        this.close();
        throw new NetError({ kind: 'reset', phase });
      case 'stall':
        await sleep(STALL_TIME);
        if (this.#life.ended) return this.#life.never();
        this.close();
        throw new NetError({ kind: 'timeout', phase, note: null });
      default:
    }
  }

  /** The server has gone, after `last`. */
  #end(last: Buffer): Buffer {
    this.#gone = true;
    this.#inner.close();
    return last;
  }

  #take(octets: Buffer): Uint8Array | null {
    this.#rest = null;
    return octets.length === 0 ? null : new Uint8Array(octets);
  }
}

function nameOf(asked: readonly Asked[]): string {
  const verbs = asked.map(({ verb }) => (/^[A-Z]{3,4}$/.test(verb) ? verb : 'line'));
  return verbs.length > 4 ? `${verbs.slice(0, 4).join('+')}+…` : verbs.join('+');
}
