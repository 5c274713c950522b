import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { judge, type Listed, rowKey, withOccurrences } from '../../src/mailbox/ledger.ts';

function listed(number: number, uidl: string): Listed {
  return { number, uidl: new TextEncoder().encode(uidl), uidlHash: uidl, size: 100 };
}

function known(created: number, uidl: string, live: 0 | 1 = 1, occurrence = 0) {
  return { created, key: rowKey(uidl, occurrence), live };
}

describe('judging a listing against the ledger', () => {
  it('takes what it has never seen as arrived, in the order of message numbers', () => {
    const { arrived } = judge([listed(3, 'c'), listed(1, 'a'), listed(2, 'b')], []);
    expect(arrived.map((arrival) => arrival.uidlHash)).toEqual(['a', 'b', 'c']);
  });

  it('finds live rows that are not listed vanished, and nothing else', () => {
    const { arrived, vanished, returned } = judge([listed(1, 'a')], [known(1, 'a'), known(2, 'b'), known(3, 'c', 0)]);
    expect({ arrived, vanished, returned }).toEqual({ arrived: [], vanished: [2], returned: [] });
  });

  it('takes a UIDL that was gone and is listed again as returned, never as arrived', () => {
    const { arrived, returned } = judge([listed(1, 'a')], [known(7, 'a', 0)]);
    expect({ arrived, returned }).toEqual({ arrived: [], returned: [7] });
  });

  it('keeps several messages under one UIDL apart by their occurrence', () => {
    const twice = [listed(1, 'x'), listed(2, 'x'), listed(3, 'y')];
    expect(withOccurrences(twice).map((arrival) => arrival.occurrence)).toEqual([0, 1, 0]);
    const { arrived, numbers } = judge(twice, [known(1, 'x')]);
    expect(arrived.map(({ number, occurrence }) => [number, occurrence])).toEqual([
      [2, 1],
      [3, 0],
    ]);
    expect(numbers).toEqual(new Map([[1, 1]]));
  });

  it('accounts for every listed message and every live row exactly once', () => {
    const uidls = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 12 });
    fc.assert(
      fc.property(
        uidls,
        fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.nat(2)), { selector: String }),
        fc.infiniteStream(fc.boolean()),
        (names, rows, lives) => {
          const ledger = rows.map(([uidl, occurrence], index) => known(index + 1, uidl, lives.next().value ? 1 : 0, occurrence));
          const { arrived, returned, vanished, numbers } = judge(
            names.map((uidl, index) => listed(index + 1, uidl)),
            ledger,
          );
          expect(arrived.length + numbers.size).toBe(names.length);
          const live = ledger.filter((row) => row.live).map((row) => row.created);
          expect([...live.filter((created) => numbers.has(created)), ...vanished].sort((a, b) => a - b)).toEqual(
            live.sort((a, b) => a - b),
          );
          expect(returned.every((created) => numbers.has(created) && !live.includes(created))).toBe(true);
        },
      ),
    );
  });
});
