/**
 * Tickets: what makes a URL good for one GET without any other credential, until a time. A ticket names who issued it,
 * because it ends with that token, and is bound to the path and query that it was issued for, which it doesn't carry.
 *
 *   t1. base64url( holder, 22 octets: a token's id without tok_, or NULs for the operator | end, 6 octets | MAC, 16 octets )
 *   MAC under label 'ticket' over the JSON array ["t1", account, token id or null, path, end in milliseconds] in UTF-8
 */
import { Buffer } from 'node:buffer';
import { isTokenId } from './ids.ts';
import { isSigned, readPlaceToken, writePlaceToken } from './place-token.ts';
import type { Vault } from './vault.ts';

const PREFIX = 't1.';
const TOKEN_PREFIX = 'tok_';
const HOLDER_OCTETS = 22;
const OPERATOR = Buffer.alloc(HOLDER_OCTETS);

type Signer = Pick<Vault, 'mac'>;

export interface TicketClaims {
  /** The id of the token in whose name it is; null for the operator. */
  readonly token: string | null;
  /** Milliseconds since the epoch; from then on it is no longer good. */
  readonly end: number;
}

/** The ticket for `path` (with its query) of this account. */
export function issueTicket(vault: Signer, account: string, path: string, { token, end }: TicketClaims): string {
  if (token !== null && !isTokenId(token)) throw new RangeError('Not the id of a token.');
  const head = token === null ? OPERATOR : Buffer.from(token.slice(TOKEN_PREFIX.length), 'latin1');
  return writePlaceToken(PREFIX, { head, place: end, mac: macOf(vault, account, path, { token, end }) });
}

/** What a ticket says that this account issued for this very path; null for any other text. Whether it has ended, the caller decides. */
export function readTicket(vault: Signer, account: string, path: string, text: string): TicketClaims | null {
  const read = readPlaceToken(PREFIX, HOLDER_OCTETS, text);
  if (read === null) return null;
  const token = OPERATOR.equals(read.head) ? null : TOKEN_PREFIX + Buffer.from(read.head).toString('latin1');
  if (token !== null && !isTokenId(token)) return null;
  const claims = { token, end: read.place };
  return isSigned(read, macOf(vault, account, path, claims)) ? claims : null;
}

function macOf(vault: Signer, account: string, path: string, { token, end }: TicketClaims): Uint8Array {
  return vault.mac('ticket', new TextEncoder().encode(JSON.stringify(['t1', account, token, path, end])));
}
