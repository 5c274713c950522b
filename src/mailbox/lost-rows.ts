/**
 * Rows of the ledger that no listing finds under their UIDLs any more, in columns: of a large mailbox they may be all, and as
 * objects they would take more memory than a listing. A row is meant by its index here, in the order of the ledger.
 */
import { chunks } from './batches.ts';
import type { KeyStore } from './store/key-store.ts';

/** Octets of a fingerprint. */
const PRINT_OCTETS = 16;

export class LostRows {
  /** Places of creation, ascending. */
  readonly created: Float64Array<ArrayBuffer>;
  readonly sizes: Float64Array<ArrayBuffer>;
  readonly #prints: Uint8Array;
  readonly #read: Uint8Array;
  #count = 0;

  /** Those of `places`, which ascend. */
  constructor(places: readonly number[], keys: KeyStore) {
    this.created = new Float64Array(places.length);
    this.sizes = new Float64Array(places.length);
    this.#prints = new Uint8Array(places.length * PRINT_OCTETS);
    this.#read = new Uint8Array(places.length);
    for (const batch of chunks(places)) for (const row of keys.recognisable(batch)) this.#add(row);
  }

  get count(): number {
    return this.#count;
  }

  /** The fingerprint of a row, or null where its headers were never read. */
  printOf(index: number): Uint8Array | null {
    const at = index * PRINT_OCTETS;
    return this.#read[index] === 1 ? this.#prints.subarray(at, at + PRINT_OCTETS) : null;
  }

  #add({ created, size, fingerprint }: { created: number; size: number; fingerprint: Uint8Array | null }): void {
    const index = this.#count++;
    this.created[index] = created;
    this.sizes[index] = size;
    if (fingerprint === null) return;
    this.#prints.set(fingerprint, index * PRINT_OCTETS);
    this.#read[index] = 1;
  }
}
