/** How deep a sync looks: the choice, and its reasons. */
import { describe, expect, test } from 'vitest';
import { depthOf, opening } from '../../src/mailbox/depth.ts';
import { MAILBOX } from '../../src/limits.ts';
import type { HintRow } from '../../src/mailbox/store/account-store.ts';

const LAST = Uint8Array.of(1, 2, 3);
const OTHER = Uint8Array.of(1, 2, 4);
const HINT: HintRow = { messages: 10, octets: 1_000, number: 10, uidl_hash: LAST, full_at: 5_000, suspect_at: null };

describe('the first question', () => {
  test.each<[string, HintRow | null, number, string]>([
    ['nothing was listed yet', null, 6_000, 'never_listed'],
    ['the last listing was not believed', { ...HINT, suspect_at: 5_500 }, 6_000, 'suspect'],
    ['the last full listing is a day old', HINT, 5_000 + MAILBOX.fullListingEvery, 'daily'],
    ['there was none yet', { ...HINT, full_at: null }, 6_000, 'daily'],
    ['the clock went back', HINT, 4_000, 'daily'],
  ])('is for everything when %s', (_, hint, now, reason) => {
    expect(opening(hint, now)).toEqual({ ask: 'full', reason });
  });

  test('is else about the hint alone', () => {
    expect(opening(HINT, 6_000)).toEqual({ ask: 'hint' });
    expect(opening({ ...HINT, messages: 0, octets: 0, number: 0, uidl_hash: null }, 6_000)).toEqual({ ask: 'hint' });
  });
});

describe('the answer means', () => {
  const depth = (answer: Partial<{ messages: number; octets: number; uidlHash: Uint8Array | null }>, hint: Partial<HintRow> = {}) =>
    depthOf({ ...HINT, ...hint }, { messages: 10, octets: 1_000, uidlHash: LAST, ...answer }, 4);

  test('unchanged: the same count, octets and last UIDL', () => {
    expect(depth({})).toEqual({ depth: 'unchanged' });
    expect(depth({ messages: 0, octets: 0, uidlHash: null }, { messages: 0, octets: 0, number: 0, uidl_hash: null })).toEqual({
      depth: 'unchanged',
    });
  });

  test('unchanged, by STAT alone, where the server has no UIDLs', () => {
    expect(depth({ uidlHash: null }, { number: 0, uidl_hash: null })).toEqual({ depth: 'unchanged' });
    expect(depth({ messages: 11, uidlHash: null }, { number: 0, uidl_hash: null })).toEqual({ depth: 'full', reason: 'gaps' });
  });

  test('grown: more, and the last one stands where it stood', () => {
    expect(depth({ messages: 13, octets: 1_300 })).toEqual({ depth: 'grown', from: 11, to: 13, octets: 300 });
    expect(depth({ messages: 1, octets: 7, uidlHash: null }, { messages: 0, octets: 0, number: 0, uidl_hash: null })).toEqual({
      depth: 'grown',
      from: 1,
      to: 1,
      octets: 7,
    });
  });

  test.each<[string, Parameters<typeof depth>, string]>([
    ['fewer messages', [{ messages: 9 }], 'fewer'],
    ['another last one', [{ uidlHash: OTHER }], 'last_moved'],
    ['no last one', [{ uidlHash: null }], 'last_moved'],
    ['another last one, and more', [{ messages: 11, octets: 1_100, uidlHash: OTHER }], 'last_moved'],
    ['other octets', [{ octets: 1_001 }], 'octets_differ'],
    ['more messages in fewer octets', [{ messages: 11, octets: 999 }], 'octets_differ'],
    ['numbers with gaps', [{ messages: 11, octets: 1_100 }, { number: 12 }], 'gaps'],
    ['more new ones than are asked for one by one', [{ messages: 15, octets: 1_500 }], 'many_new'],
  ])('full: %s', (_, args, reason) => {
    expect(depth(...args)).toEqual({ depth: 'full', reason });
  });
});
