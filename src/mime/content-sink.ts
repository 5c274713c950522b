/**
 * Takes the octets of one body as they stream by and measures what they decode to: size and SHA-256, nothing kept.
 * The last line break is held back, because before a boundary it belongs to the boundary (RFC 2046 §5.1.1).
 */
import { createHash, type Hash } from 'node:crypto';
import { Decoder } from './decode.ts';

const LF = 0x0a;
const CR = 0x0d;
const NOTHING = new Uint8Array(0);
const CRLF = new Uint8Array([CR, LF]);

export class ContentSink {
  readonly #decoder: Decoder;
  readonly #hash: Hash | null;
  #size = 0;
  #held: Uint8Array = NOTHING;

  /** `encoding`: the Content-Transfer-Encoding in lower case. `hashed`: whether the hash is wanted; else it is null. */
  constructor(encoding: string, hashed: boolean) {
    this.#decoder = new Decoder(encoding);
    this.#hash = hashed ? createHash('sha256') : null;
  }

  write(octets: Uint8Array): void {
    if (octets.length === 0) return;
    if (octets.length === 1 && octets[0] === LF && this.#held.length === 1 && this.#held[0] === CR) {
      this.#held = CRLF;
      return;
    }
    this.#put(this.#decoder.push(this.#held));
    const end = octets.length - lineBreak(octets);
    this.#put(this.#decoder.push(octets.subarray(0, end)));
    this.#held = octets.slice(end);
  }

  /** Ends the body. `atBoundary`: a boundary line follows, and the line break before it is not content. */
  finish(atBoundary: boolean): { size: number; sha256: string | null } {
    if (!atBoundary) this.#put(this.#decoder.push(this.#held));
    this.#put(this.#decoder.end());
    return { size: this.#size, sha256: this.#hash?.digest('hex') ?? null };
  }

  #put(octets: Uint8Array): void {
    if (octets.length === 0) return;
    this.#size += octets.length;
    this.#hash?.update(octets);
  }
}

/** How many octets at the end are a line break or may become one. */
function lineBreak(octets: Uint8Array): number {
  const last = octets.at(-1);
  if (last === CR) return 1;
  if (last !== LF) return 0;
  return octets.at(-2) === CR ? 2 : 1;
}
