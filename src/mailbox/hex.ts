/** Octets as hexadecimal digits, the form in which they travel inside a JSON parameter of a statement. */
import { Buffer } from 'node:buffer';

export function hex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('hex');
}
