/** Keyed hashes, UIDLs' and fingerprints, compared. None of them is secret from whoever could measure how long that takes. */
import { Buffer } from 'node:buffer';

/** Whether both are there, and the same. */
export function sameOctets(a: Uint8Array | null | undefined, b: Uint8Array | null | undefined): boolean {
  return !!a && !!b && Buffer.compare(a, b) === 0;
}
