/**
 * Page cursors: where the next page of one listing begins. A cursor is bound to its listing by a scope (the account and
 * the listing's name) that it doesn't carry, so one that was issued elsewhere is not read.
 *
 *   p1. base64url( order, 1 octet: 0 newest, 1 oldest | place, 6 octets | MAC, 16 octets )
 *   MAC under label 'cursor' over the JSON array ["p1", scope, order as number, place] in UTF-8
 */
import { isSigned, readPlaceToken, writePlaceToken } from './place-token.ts';
import type { Vault } from './vault.ts';

const PREFIX = 'p1.';

/** The index is the order's octet. Only ever appended to. */
const ORDERS = ['newest', 'oldest'] as const;

export type Order = (typeof ORDERS)[number];

type Signer = Pick<Vault, 'mac'>;

/** The cursor behind the last entry shown, whose place is 0 to 2⁴⁸ − 1. */
export function issueCursor(vault: Signer, scope: string, order: Order, place: number): string {
  const octet = ORDERS.indexOf(order);
  return writePlaceToken(PREFIX, { head: Uint8Array.of(octet), place, mac: macOf(vault, scope, octet, place) });
}

/** What a cursor of this scope says; null for any other text. */
export function readCursor(vault: Signer, scope: string, text: string): { order: Order; place: number } | null {
  const token = readPlaceToken(PREFIX, 1, text);
  const octet = token?.head[0] ?? -1;
  const order = ORDERS[octet];
  if (token === null || order === undefined || !isSigned(token, macOf(vault, scope, octet, token.place))) return null;
  return { order, place: token.place };
}

function macOf(vault: Signer, scope: string, octet: number, place: number): Uint8Array {
  return vault.mac('cursor', new TextEncoder().encode(JSON.stringify(['p1', scope, octet, place])));
}
