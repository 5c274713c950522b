/**
 * States: a place in one account's sequence, as JMAP's opaque state strings (RFC 8620 §5.1). The same place always gives
 * the same text, so clients may compare states. The epoch names one ledger: a state of an earlier one, or of another
 * account, is not read.
 *
 *   s1. base64url( epoch, 8 octets | place, 6 octets | MAC, 16 octets )
 *   MAC under label 'state' over the JSON array ["s1", account, epoch in hex, place] in UTF-8
 */
import { Buffer } from 'node:buffer';
import { isSigned, readPlaceToken, writePlaceToken } from './place-token.ts';
import type { Vault } from './vault.ts';

const PREFIX = 's1.';
const EPOCH_OCTETS = 8;

type Signer = Pick<Vault, 'mac'>;

/** The state of a place, 0 to 2⁴⁸ − 1. `epoch` has 8 octets. */
export function issueState(vault: Signer, account: string, epoch: Uint8Array, place: number): string {
  if (epoch.length !== EPOCH_OCTETS) throw new RangeError('An epoch has 8 octets.');
  return writePlaceToken(PREFIX, { head: epoch, place, mac: macOf(vault, account, epoch, place) });
}

/** The place of a state that this account issued in this epoch; null for any other text. */
export function readState(vault: Signer, account: string, epoch: Uint8Array, text: string): number | null {
  const token = readPlaceToken(PREFIX, EPOCH_OCTETS, text);
  if (token === null || !isSigned(token, macOf(vault, account, epoch, token.place))) return null;
  // The MAC is over the epoch asked for; the head, which it doesn't cover, must be that same epoch.
  return Buffer.compare(token.head, epoch) === 0 ? token.place : null;
}

function macOf(vault: Signer, account: string, epoch: Uint8Array, place: number): Uint8Array {
  return vault.mac('state', new TextEncoder().encode(JSON.stringify(['s1', account, Buffer.from(epoch).toString('hex'), place])));
}
