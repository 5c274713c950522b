/**
 * Short messages that were just stored, still in clear for those who wait for them: what was sealed a moment ago is not
 * read back and opened. Held only while somebody reads the message, and at most `MAILBOX.freshOctets` in all; whoever
 * finds nothing here reads the sealed rows.
 */
import { MAILBOX } from '../limits.ts';
import type { Outline } from '../mime/outline.ts';

/** A complete message of one row. */
export interface FreshCopy {
  readonly outline: Outline;
  /** Not to be changed or given away. */
  readonly octets: Uint8Array;
}

export class FreshCopies {
  readonly #copies = new Map<number, FreshCopy>();
  #octets = 0;

  /** Keeps a copy that is stored, if there is room. */
  keep(created: number, copy: FreshCopy): void {
    this.drop(created);
    if (this.#octets + held(copy) > MAILBOX.freshOctets) return;
    this.#copies.set(created, copy);
    this.#octets += held(copy);
  }

  get(created: number): FreshCopy | null {
    return this.#copies.get(created) ?? null;
  }

  drop(created: number): void {
    const copy = this.#copies.get(created);
    if (!copy) return;
    this.#octets -= held(copy);
    this.#copies.delete(created);
  }
}

/** The whole buffer counts, however little of it the message fills: its size is what the server claimed. */
function held({ octets }: FreshCopy): number {
  return octets.buffer.byteLength;
}
