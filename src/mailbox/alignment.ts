/**
 * Two sequences of sizes laid side by side: which message of the ledger is which of a listing, when all that they have in
 * common is their order. Pure. What is equal at both ends is paired first; in between, sizes that occur once on either side
 * hold the two together like pins (patience sorting: the longest run of pins that is in order on both), and around each pin
 * equal neighbours are paired. Loglinear in what is given, whatever it is.
 */

/** Index in `known` → index in `listed`, or -1: strictly ascending where it isn't. */
export type Alignment = Int32Array<ArrayBuffer>;

/** Pairs `known` with `listed` in order. */
export function align(known: Float64Array, listed: Float64Array): Alignment {
  const pairs = new Int32Array(known.length).fill(-1);
  let start = 0;
  while (start < known.length && start < listed.length && known[start] === listed[start]) pairs[start] = start++;
  let knownEnd = known.length;
  let listedEnd = listed.length;
  while (knownEnd > start && listedEnd > start && known[knownEnd - 1] === listed[listedEnd - 1]) pairs[--knownEnd] = --listedEnd;
  let from = { known: start, listed: start };
  for (const pin of [...pins(known, listed, start, knownEnd, listedEnd), { known: knownEnd, listed: listedEnd }]) {
    pairGap(pairs, known, listed, from, pin);
    if (pin.known < knownEnd) pairs[pin.known] = pin.listed;
    from = { known: pin.known + 1, listed: pin.listed + 1 };
  }
  return pairs;
}

/** The same without guesses: of neighbours of one size, more on one side than on the other, nobody can tell which is missing. */
export function alignSurely(known: Float64Array, listed: Float64Array): Alignment {
  const pairs = align(known, listed);
  const lengths = runLengths(listed);
  for (let start = 0, end = 0; start < known.length; start = end) {
    while (end < known.length && known[end] === known[start]) end++;
    for (let at = start; at < end; at++) if (lengths[pairs[at] ?? -1] !== end - start) pairs[at] = -1;
  }
  return pairs;
}

/** For each index, how many neighbours of its size it stands among, itself included. */
function runLengths(sizes: Float64Array): Int32Array {
  const lengths = new Int32Array(sizes.length);
  for (let start = 0, end = 0; start < sizes.length; start = end) {
    while (end < sizes.length && sizes[end] === sizes[start]) end++;
    lengths.fill(end - start, start, end);
  }
  return lengths;
}

interface Pin {
  readonly known: number;
  readonly listed: number;
}

/** Pairs what is equal at the beginning and at the end of a gap between two pins. */
function pairGap(pairs: Alignment, known: Float64Array, listed: Float64Array, from: Pin, to: Pin): void {
  let [k, l] = [from.known, from.listed];
  while (k < to.known && l < to.listed && known[k] === listed[l]) pairs[k++] = l++;
  let [kEnd, lEnd] = [to.known, to.listed];
  while (kEnd > k && lEnd > l && known[kEnd - 1] === listed[lEnd - 1]) pairs[--kEnd] = --lEnd;
}

function pins(known: Float64Array, listed: Float64Array, start: number, knownEnd: number, listedEnd: number): Pin[] {
  const once = positions(listed, start, listedEnd);
  const candidates: Pin[] = [];
  const mine = positions(known, start, knownEnd);
  for (const [size, at] of mine) {
    const there = once.get(size);
    if (at !== MANY && there !== undefined && there !== MANY) candidates.push({ known: at, listed: there });
  }
  return longestAscending(candidates);
}

const MANY = -1;

/** Where each size stands, by ascending place, or that it stands in several. */
function positions(sizes: Float64Array, from: number, to: number): Map<number, number> {
  const places = new Map<number, number>();
  for (let at = from; at < to; at++) {
    const size = sizes[at] ?? 0;
    places.set(size, places.has(size) ? MANY : at);
  }
  return places;
}

/** The longest part of `candidates`, which ascend in `known`, that ascends in `listed` too. */
function longestAscending(candidates: readonly Pin[]): Pin[] {
  /** The least end of an ascending run of each length, and what stood before each candidate in its run. */
  const ends: number[] = [];
  const before = new Int32Array(candidates.length).fill(-1);
  for (const [index, { listed }] of candidates.entries()) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((candidates[ends[middle] ?? 0]?.listed ?? 0) < listed) low = middle + 1;
      else high = middle;
    }
    before[index] = low === 0 ? -1 : (ends[low - 1] ?? -1);
    ends[low] = index;
  }
  const run: Pin[] = [];
  for (let at = ends.at(-1) ?? -1; at !== -1; at = before[at] ?? -1) {
    const pin = candidates[at];
    if (pin) run.push(pin);
  }
  return run.reverse();
}
