/** Octets in texts: inside a JSON parameter of a statement, or as the key of a map. */
import { Buffer } from 'node:buffer';

/** Octets as hexadecimal digits in lower case. */
export function hex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('hex');
}
