/**
 * The shared form of what clients hold to come back to a place: a prefix, and in base64url (RFC 4648 §5) a head, the
 * place as six octets (big-endian) and a MAC of 16. Opaque and signed rather than secret: a place tells nothing, but
 * nobody can make one up. Only the one canonical spelling is read, so a token can be compared as text.
 */
import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';

const PLACE_OCTETS = 6;
const MAC_OCTETS = 16;
const PLACE_MOST = 2 ** 48 - 1;

/** What a token says; whether it is to be believed, `isSigned` tells. */
export interface PlaceToken {
  readonly head: Uint8Array;
  /** 0 to 2⁴⁸ − 1. */
  readonly place: number;
  readonly mac: Uint8Array;
}

/** The text of a token, whose place and MAC must be of their size. */
export function writePlaceToken(prefix: string, { head, place, mac }: PlaceToken): string {
  if (!Number.isInteger(place) || place < 0 || place > PLACE_MOST) throw new RangeError('A place is a whole number of 48 bits.');
  if (mac.length !== MAC_OCTETS) throw new RangeError('A MAC has 16 octets.');
  const octets = Buffer.alloc(head.length + PLACE_OCTETS + MAC_OCTETS);
  octets.set(head, 0);
  octets.writeUIntBE(place, head.length, PLACE_OCTETS);
  octets.set(mac, head.length + PLACE_OCTETS);
  return prefix + octets.toString('base64url');
}

/** Null for a text that is no token of this prefix with a head of `headOctets`. */
export function readPlaceToken(prefix: string, headOctets: number, text: string): PlaceToken | null {
  const length = headOctets + PLACE_OCTETS + MAC_OCTETS;
  if (!text.startsWith(prefix) || text.length !== prefix.length + Math.ceil((length * 4) / 3)) return null;
  const octets = Buffer.from(text.slice(prefix.length), 'base64url');
  if (octets.length !== length || prefix + octets.toString('base64url') !== text) return null;
  return {
    head: octets.subarray(0, headOctets),
    place: octets.readUIntBE(headOctets, PLACE_OCTETS),
    mac: octets.subarray(headOctets + PLACE_OCTETS),
  };
}

/** Whether the token's MAC is the one that it should have; the time doesn't tell how far it is from that. */
export function isSigned(token: PlaceToken, mac: Uint8Array): boolean {
  return timingSafeEqual(token.mac, mac);
}
