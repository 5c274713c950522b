/** Which listed messages lost rows are: the rank in the listing of each row that was recognised, by its index. */
import type { LostRows } from './lost-rows.ts';

/** The rank of a row that isn't recognised. */
export const NOWHERE = -1;

export class Recognised {
  readonly #lost: LostRows;
  readonly #ranks: Int32Array;
  #count = 0;

  /** `ranks`: one for each row, or `NOWHERE`. */
  constructor(lost: LostRows, ranks: Int32Array) {
    this.#lost = lost;
    this.#ranks = ranks;
    for (const rank of ranks) if (rank !== NOWHERE) this.#count += 1;
  }

  /** How many rows are recognised. */
  get count(): number {
    return this.#count;
  }

  rankOf(index: number): number {
    return this.#ranks[index] ?? NOWHERE;
  }

  /** A row that wasn't recognised stands at `rank`. */
  set(index: number, rank: number): void {
    this.#ranks[index] = rank;
    this.#count += 1;
  }

  /** The rows that are recognised, ascending. */
  indices(): number[] {
    const indices: number[] = [];
    for (let index = 0; index < this.#lost.count; index++) if (this.rankOf(index) !== NOWHERE) indices.push(index);
    return indices;
  }

  /** The place of creation of a row. */
  createdOf(index: number): number {
    return this.#lost.created[index] ?? 0;
  }
}
