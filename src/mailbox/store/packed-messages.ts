/**
 * New messages whose UIDLs lie in packs, in columns of fixed width that SQLite cuts up: far cheaper than an array for each row,
 * and a first listing has very many.
 */
import { Buffer } from 'node:buffer';
import { MESSAGE_CHARACTERS } from '../../crypto/ids.ts';
import type { Sql } from '../deps.ts';

/** Octets of a keyed hash, and digits of a number. */
const HASH = 16;
const DIGITS = 16;

/** The messages of one pack, in its order. `at`: the place of the first of them; `hashes`: 16 octets each. Each UIDL was met once. */
export interface PackOfMessages {
  readonly pack: number;
  readonly at: number;
  readonly ids: readonly string[];
  readonly hashes: Uint8Array;
  readonly sizes: readonly number[];
}

export class PackedMessages {
  readonly #each: number;
  readonly #packs: PackOfMessages[] = [];

  /** `each`: how many messages a pack has. */
  constructor(each: number) {
    this.#each = each;
  }

  get count(): number {
    return this.#each * this.#packs.length;
  }

  /** Adds a pack, which must be full. */
  add(pack: PackOfMessages): void {
    this.#packs.push(pack);
  }

  /** Inserts all; places are counted from `first`. */
  insert(sql: Sql, first: number, seenAt: number): void {
    const packs = this.#packs.map(({ pack, at }) => digits(pack) + digits(first + at));
    sql.exec(
      `INSERT INTO messages (created, id, uidl_hash, occurrence, size, pack, pack_at, first_seen, last_seen, detail)
       SELECT CAST(substr(packs, ${2 * DIGITS} * (key / each) + ${DIGITS + 1}, ${DIGITS}) AS INTEGER) + key % each,
         CAST(substr(ids, ${MESSAGE_CHARACTERS} * key + 1, ${MESSAGE_CHARACTERS}) AS TEXT), substr(hashes, ${HASH} * key + 1, ${HASH}), 0, value,
         CAST(substr(packs, ${2 * DIGITS} * (key / each) + 1, ${DIGITS}) AS INTEGER), key % each, seen, seen, 0
       FROM (SELECT ? AS packs, CAST(? AS INTEGER) AS each, ? AS ids, ? AS hashes, ? AS seen), json_each(?)`,
      Buffer.from(packs.join(''), 'latin1'),
      this.#each,
      Buffer.from(this.#packs.map(({ ids }) => ids.join('')).join(''), 'latin1'),
      Buffer.concat(this.#packs.map(({ hashes }) => hashes)),
      seenAt,
      JSON.stringify(this.#packs.flatMap(({ sizes }) => sizes)),
    );
  }
}

/** A whole number below 10^16, in 16 characters. */
function digits(value: number): string {
  return String(value).padStart(DIGITS);
}
