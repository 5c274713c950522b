/**
 * One listing of a maildrop in columns: a hundred thousand messages are a few megabytes of typed arrays, not objects.
 * Entries are added as they stream in, in whatever order; `seal` then takes the keyed hashes of their UIDLs and puts them in the
 * order of their numbers. From there on an entry is meant by its rank in that order, and found by hash and occurrence among equal ones.
 */
import type { Texts } from '../crypto/cmac.ts';
import { POP3 } from '../limits.ts';

/** Octets of a keyed hash, and the 32-bit words that it is compared by. */
export const HASH_OCTETS = 16;
const WORDS = HASH_OCTETS / 4;
const FIRST_ENTRIES = 256;
const FIRST_OCTETS = 8 * 1024;
/** Spreads the occurrences of one UIDL over the slots (2^32 divided by the golden ratio). */
const SPREAD = 0x9e3779b1;

export class ListingTable {
  #count = 0;
  #numbers = new Float64Array(FIRST_ENTRIES);
  #sizes = new Float64Array(FIRST_ENTRIES);
  /** Of each entry, once sealed, its keyed hash. */
  #words = new Uint32Array(0);
  #occurrences = new Uint32Array(0);
  /** Where each UIDL ends in `#uidls`; it begins where the one before it ends. */
  #ends = new Uint32Array(FIRST_ENTRIES);
  #uidls = new Uint8Array(FIRST_OCTETS);
  /** Rank → entry, by ascending number. */
  #order = new Uint32Array(0);
  /** Open addressing: rank + 1, or 0. */
  #slots = new Uint32Array(0);

  /** How many messages are listed; final once sealed. */
  get count(): number {
    return this.#order.length;
  }

  /** The octets are copied. */
  add(number: number, uidl: Uint8Array): void {
    const entry = this.#count;
    if (entry >= POP3.listingEntries) throw new RangeError('too many entries in a listing');
    const start = this.#start(entry);
    if (entry === this.#numbers.length) this.#widen();
    if (start + uidl.length > this.#uidls.length)
      this.#uidls = grown(this.#uidls, Math.max(start + uidl.length, 2 * this.#uidls.length), Uint8Array);
    this.#numbers[entry] = number;
    this.#sizes[entry] = -1;
    this.#uidls.set(uidl, start);
    this.#ends[entry] = start + uidl.length;
    this.#count += 1;
  }

  /** Notes the size of the entry that was added last. */
  noteSize(size: number): void {
    if (this.#count > 0) this.#sizes[this.#count - 1] = size;
  }

  /** The UIDLs of all entries, in the order in which they were added; views. */
  get uidls(): Texts {
    return { octets: this.#uidls, ends: this.#ends.subarray(0, this.#count) };
  }

  /**
   * No more entries: orders them by number, of which the last one of two equal ones stands, and numbers equal UIDLs. `hashes`: what
   * each entry is known by, 16 octets, in the order in which they were added.
   */
  seal(hashes: Uint8Array): this {
    if (hashes.length !== HASH_OCTETS * this.#count) throw new RangeError('not a hash for each entry');
    this.#words = wordsOf(hashes);
    this.#order = this.#sorted();
    const count = this.#order.length;
    this.#occurrences = new Uint32Array(count);
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * count + 2)));
    /** Rank of the first entry of a UIDL → how many have come. */
    const seen = new Uint32Array(count);
    for (let rank = 0; rank < count; rank++) {
      const first = this.#find(this.#words, (this.#order[rank] ?? 0) * WORDS, 0);
      const occurrence = first === -1 ? 0 : (seen[first] ?? 0);
      seen[first === -1 ? rank : first] = occurrence + 1;
      this.#occurrences[rank] = occurrence;
      this.#slots[this.#free(rank, occurrence)] = rank + 1;
    }
    return this;
  }

  /** Notes the size of message `number`; one that isn't listed is nobody's. */
  setSize(number: number, size: number): void {
    const rank = this.rankOf(number);
    if (rank !== -1) this.#sizes[this.#order[rank] ?? 0] = size;
  }

  /** The rank of a message number, or -1. */
  rankOf(number: number): number {
    let low = 0;
    let high = this.#order.length - 1;
    // Mostly numbers run from 1 without a gap.
    if (this.numberAt(number - 1) === number) return number - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.numberAt(middle);
      if (found === number) return middle;
      if (found < number) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** The rank of the message with this UIDL and occurrence, or -1. */
  find(hash: Uint8Array, occurrence: number): number {
    return this.#find(wordsOf(hash), 0, occurrence);
  }

  /** NaN beyond the end. */
  numberAt(rank: number): number {
    const entry = this.#order[rank];
    return entry === undefined ? Number.NaN : (this.#numbers[entry] ?? Number.NaN);
  }

  /** Octets by LIST, or null where it did not tell. */
  sizeAt(rank: number): number | null {
    const size = this.#sizes[this.#order[rank] ?? 0] ?? -1;
    return size < 0 ? null : size;
  }

  occurrenceAt(rank: number): number {
    return this.#occurrences[rank] ?? 0;
  }

  /** The UIDL's octets; a view. */
  uidlAt(rank: number): Uint8Array {
    const entry = this.#order[rank] ?? 0;
    return this.#uidls.subarray(this.#start(entry), this.#ends[entry]);
  }

  /** The UIDL's keyed hash, a copy. */
  hashAt(rank: number): Uint8Array {
    const entry = this.#order[rank] ?? 0;
    return new Uint8Array(this.#words.buffer, entry * HASH_OCTETS, HASH_OCTETS).slice();
  }

  /** The keyed hashes at `ranks`, 16 octets each, one behind another. */
  hashesAt(ranks: readonly number[]): Uint8Array {
    const hashes = new Uint32Array(WORDS * ranks.length);
    for (const [index, rank] of ranks.entries()) {
      const entry = this.#order[rank] ?? 0;
      for (let word = 0; word < WORDS; word++) hashes[index * WORDS + word] = this.#words[entry * WORDS + word] ?? 0;
    }
    return new Uint8Array(hashes.buffer);
  }

  #start(entry: number): number {
    return entry === 0 ? 0 : (this.#ends[entry - 1] ?? 0);
  }

  #sorted(): Uint32Array<ArrayBuffer> {
    const numbers = this.#numbers;
    const order = new Uint32Array(this.#count);
    let ascending = true;
    for (let entry = 0; entry < this.#count; entry++) {
      order[entry] = entry;
      if (entry > 0 && (numbers[entry] ?? 0) <= (numbers[entry - 1] ?? 0)) ascending = false;
    }
    if (ascending) return order;
    order.sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0) || a - b);
    return order.filter((entry, rank) => rank === order.length - 1 || numbers[entry] !== numbers[order[rank + 1] ?? 0]);
  }

  #find(words: Uint32Array, at: number, occurrence: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = slotOf(words[at] ?? 0, occurrence, mask); ; slot = (slot + 1) & mask) {
      const rank = (this.#slots[slot] ?? 0) - 1;
      if (rank === -1) return -1;
      if (this.#occurrences[rank] === occurrence && this.#same(rank, words, at)) return rank;
    }
  }

  #free(rank: number, occurrence: number): number {
    const mask = this.#slots.length - 1;
    let slot = slotOf(this.#words[(this.#order[rank] ?? 0) * WORDS] ?? 0, occurrence, mask);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    return slot;
  }

  #same(rank: number, words: Uint32Array, at: number): boolean {
    const entry = (this.#order[rank] ?? 0) * WORDS;
    for (let word = 0; word < WORDS; word++) if (this.#words[entry + word] !== words[at + word]) return false;
    return true;
  }

  #widen(): void {
    const entries = 2 * this.#numbers.length;
    this.#numbers = grown(this.#numbers, entries, Float64Array);
    this.#sizes = grown(this.#sizes, entries, Float64Array);
    this.#ends = grown(this.#ends, entries, Uint32Array);
  }
}

function grown<T extends { set(from: T): void }>(from: T, length: number, Type: new (length: number) => T): T {
  const to = new Type(length);
  to.set(from);
  return to;
}

function slotOf(word: number, occurrence: number, mask: number): number {
  return (word + Math.imul(occurrence, SPREAD)) & mask;
}

/** Hashes as words. They are compared and never told, so the order of octets in a word is the machine's. */
function wordsOf(hashes: Uint8Array): Uint32Array<ArrayBuffer> {
  return new Uint32Array(Uint8Array.from(hashes).buffer);
}
