/** Random octets that aren't: counting up from `first`, so that what is drawn from them is the same every time. */
import type { Random } from '../../src/crypto/random.ts';

export function fixedRandom(first = 0): Random {
  let next = first;
  return (count) => Uint8Array.from({ length: count }, () => next++ & 0xff);
}
