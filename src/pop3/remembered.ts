/**
 * What one session with a server teaches the next: its capabilities (RFC 2449 §5), so that nothing needs to be asked
 * before the login, and what it can't cope with. Plain values, for the caller to keep; how long is the caller's decision.
 */
import type { Capabilities } from './capabilities.ts';
import type { Quirk } from './error.ts';

export interface Remembered {
  /** Whether CAPA need not be sent: `capabilities` is what came of it. */
  readonly asked: boolean;
  /** What was announced inside TLS, before and after login; null where the server doesn't say. */
  readonly capabilities: Capabilities | null;
  /** Whether it was also asked after login, where that could tell more. */
  readonly settled: boolean;
  /**
   * `yes`: replies to pipelined commands have come as they should; `no`: they didn't. `suspect`: they have, but then the
   * line broke among them; once may be the network's doing, twice in a row is the server's.
   */
  readonly pipelining: 'yes' | 'no' | 'unknown' | 'suspect';
  /** Whether the server keeps what is written behind a login, in one flight with it. */
  readonly behindLogin: 'yes' | 'no' | 'unknown';
}

/** What is known of a server that nobody has spoken to. */
export const NOTHING_REMEMBERED: Remembered = {
  asked: false,
  capabilities: null,
  settled: false,
  pipelining: 'unknown',
  behindLogin: 'unknown',
};

/** The memory with which to try again after a failure of kind `quirk`. */
export function afterQuirk(remembered: Remembered | null, quirk: Quirk): Remembered {
  const known = remembered ?? NOTHING_REMEMBERED;
  if (quirk === 'pipelining') return { ...known, pipelining: 'no' };
  return quirk === 'behind_login' ? { ...known, behindLogin: 'no' } : { ...known, asked: true, settled: true };
}
