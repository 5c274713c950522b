/**
 * The outline of a message from its octets, read once as they stream by: which parts there are, where each lies to the
 * octet, and the size and hash of what each decodes to. The same however the chunks are cut; linear; memory bounded by
 * `MIME`, not by the message. Never fails: what is malformed or over a limit is in `defects` (RFC 5322, 2045, 2046).
 */
import { createHash, type Hash } from 'node:crypto';
import { MIME } from '../limits.ts';
import { LineScanner } from './line-scanner.ts';
import type { Outline } from './part.ts';
import { PartTree, type Match } from './part-tree.ts';

export { attachments } from './attachments.ts';
export { findPart, type Outline, type Part } from './part.ts';

export class OutlineParser {
  readonly #hash: Hash | null;
  readonly #tree: PartTree;
  readonly #scanner: LineScanner<Match>;
  #octets = 0;

  /** `hashed`: false where only the headers are of interest, as of a message whose beginning is read: there are no hashes then. */
  constructor(hashed = true) {
    this.#hash = hashed ? createHash('sha256') : null;
    this.#tree = new PartTree(hashed);
    this.#scanner = new LineScanner<Match>(this.#tree);
  }

  /** Takes the next octets of the message; they are not kept. */
  push(chunk: Uint8Array): void {
    this.#hash?.update(chunk);
    this.#octets += chunk.length;
    this.#scanner.push(chunk);
  }

  /** The message is complete. To be called once, last. */
  end(): Outline {
    this.#scanner.end();
    this.#tree.end(this.#octets);
    return {
      octets: this.#octets,
      sha256: this.#hash?.digest('hex') ?? '',
      parts: this.#tree.parts,
      defects: [...this.#tree.defects].slice(0, MIME.defects),
    };
  }
}
