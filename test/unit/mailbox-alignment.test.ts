/** Messages paired by the order of their sizes, alone: in order, only with equals, and cheaply whatever a server sends. */
import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { align, alignSurely } from '../../src/mailbox/alignment.ts';

const aligned = (known: number[], listed: number[]): number[] => [...align(Float64Array.from(known), Float64Array.from(listed))];

describe('sizes laid side by side', () => {
  it.each([
    ['are paired where they are equal', [1, 2, 3], [1, 2, 3], [0, 1, 2]],
    ['are paired around one that is gone', [1, 2, 3, 4], [1, 3, 4], [0, -1, 1, 2]],
    ['are paired around one that has come', [1, 2, 3], [1, 9, 2, 3], [0, 2, 3]],
    ['are not paired against the order', [1, 2], [2, 1], [-1, 0]],
    ['are paired among many equal ones from both ends', [5, 5, 7, 5, 5], [5, 5, 5, 5], [0, 1, -1, 2, 3]],
    ['are paired with none in nothing', [1], [], [-1]],
  ])('%s', (_, known, listed, pairs) => {
    expect(aligned(known, listed)).toEqual(pairs);
  });

  it.each([
    ['one of several equal neighbours is gone', [1, 5, 5, 5, 2], [1, 5, 5, 2], [0, -1, -1, -1, 3]],
    ['one has come beside its equal', [1, 5], [1, 5, 5], [0, -1]],
    ['what stood between equals is gone', [5, 7, 5], [5, 5], [-1, -1, -1]],
    ['equal neighbours are all there, and another is gone', [5, 5, 7, 8, 5], [5, 5, 8, 5], [0, 1, -1, 2, 3]],
  ])('are surely paired where %s', (_, known, listed, pairs) => {
    expect([...alignSurely(Float64Array.from(known), Float64Array.from(listed))]).toEqual(pairs);
  });

  it('are paired in order and only with their equals', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 30 });
    fc.assert(
      fc.property(sizes, sizes, (known, listed) => {
        let last = -1;
        for (const [index, at] of aligned(known, listed).entries()) {
          if (at === -1) continue;
          expect(at).toBeGreaterThan(last);
          expect(listed[at]).toBe(known[index]);
          last = at;
        }
      }),
    );
  });

  it('finds all that is left where some are gone, some have come, and sizes differ', () => {
    const step = fc.constantFrom('keep', 'keep', 'keep', 'keep', 'gone', 'come');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const known: number[] = [];
        const listed: number[] = [];
        const expected: number[] = [];
        for (const [n, what] of steps.entries()) {
          if (what !== 'come') expected.push(what === 'keep' ? listed.length : -1);
          if (what !== 'come') known.push(n);
          if (what !== 'gone') listed.push(n);
        }
        expect(aligned(known, listed)).toEqual(expected);
      }),
    );
  });

  it('costs little whatever a server sends', () => {
    const count = 100_000;
    const same = new Float64Array(count).fill(7);
    expect(alignSurely(same, same.slice(0, count - 1))).toHaveLength(count);
    const between = Float64Array.from({ length: count }, (_, n) => (n % 2 === 0 ? 7 : n));
    expect(alignSurely(between, same)).toHaveLength(count);
    const up = Float64Array.from({ length: count }, (_, n) => n);
    expect(align(up, up.toReversed())).toHaveLength(count);
  });
});
