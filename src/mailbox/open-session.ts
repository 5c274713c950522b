/**
 * A session that is open, what it has said of the numbers of messages, which die with it (RFC 1939 §5), and its end by QUIT, so that
 * the server frees the maildrop's lock.
 */
import { MAILBOX } from '../limits.ts';
import type { Session } from '../pop3/session.ts';
import type { Drop } from './listing.ts';
import { Numbers } from './numbers.ts';

export interface OpenSession {
  readonly session: Session;
  /** Place of creation → message number, as this very session confirmed it by UIDL. */
  readonly numbers: Numbers;
  /** Whether `numbers` comes from a full listing, so that a row without an entry is not there. */
  listed: boolean;
  /** Whether that listing had a UIDL more often than the ledger did. */
  doubled: boolean;
  /** Whether each UIDL of that listing is known to name one message, and the one that it named: DELE may go by it. */
  identified: boolean;
  /** What STAT said, which holds as long as the session does (RFC 1939 §4), or null before it was asked. */
  drop: Drop | null;
  /** Messages whose RETR failed: some servers hang up when asked a second time. */
  readonly failed: Set<number>;
}

/** A session that has said nothing of numbers yet. */
export function withoutNumbers(session: Session): OpenSession {
  return { session, numbers: new Numbers(), listed: false, doubled: false, identified: false, drop: null, failed: new Set() };
}

/** QUIT, and close whatever comes of it: a session without DELE loses nothing when QUIT fails. */
export async function quit(session: Session): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, MAILBOX.quitTime);
  const answered = session.quit().then(
    () => undefined,
    () => undefined,
  );
  await Promise.race([answered, late]);
  clearTimeout(timer);
  session.close();
}
