/** What is held in clear of messages just stored: only so much, by what it takes in memory. */
import { describe, expect, it } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import { FreshCopies } from '../../src/mailbox/fresh.ts';

const outline = { octets: 1, sha256: '', parts: [], defects: [] };

describe('fresh copies', () => {
  it('are bounded by the buffers behind them, not by what these hold', () => {
    const fresh = new FreshCopies();
    const fits = MAILBOX.freshOctets / MAILBOX.rowOctets;
    for (let n = 0; n <= fits; n++) fresh.keep(n, { outline, octets: new Uint8Array(MAILBOX.rowOctets).subarray(0, 1) });
    expect(fresh.get(fits - 1)).not.toBeNull();
    expect(fresh.get(fits)).toBeNull();
  });

  it('leave their room when they go, once', () => {
    const fresh = new FreshCopies();
    const copy = { outline, octets: new Uint8Array(MAILBOX.freshOctets) };
    for (let n = 0; n < 3; n++) {
      fresh.keep(n, copy);
      expect(fresh.get(n)).toBe(copy);
      fresh.keep(n, copy);
      fresh.drop(n);
      fresh.drop(n);
      expect(fresh.get(n)).toBeNull();
    }
    fresh.keep(9, copy);
    fresh.keep(10, copy);
    expect(fresh.get(10)).toBeNull();
  });
});
