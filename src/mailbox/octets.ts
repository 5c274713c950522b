/** Octets of a message that are held as one piece, because they are few: whoever calls this has a bound on them. */
import type { ReadOctets } from '../mime/message.ts';
import { type Outline, OutlineParser } from '../mime/outline.ts';

/**
 * The octets of `body` together. The command that brought them bounds them; the server chooses how many pieces they come in, so
 * each is copied to where it belongs: an object for each of a million octets would hold a hundred times as much.
 */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let buffer = new Uint8Array(0);
  let octets = 0;
  for await (const piece of body) {
    const length = octets + piece.length;
    if (length > buffer.length) {
      // Most come in one piece; a second one makes more of them likely.
      const larger = new Uint8Array(octets === 0 ? length : Math.max(length, 2 * buffer.length));
      larger.set(buffer.subarray(0, octets));
      buffer = larger;
    }
    buffer.set(piece, octets);
    octets = length;
  }
  return buffer.subarray(0, octets);
}

/** The outline of a message, or of its beginning, that is held, without hashes; and how ranges of it are read. */
export function outlined(octets: Uint8Array): { outline: Outline; read: ReadOctets } {
  const parser = new OutlineParser(false);
  parser.push(octets);
  return { outline: parser.end(), read: (start, end) => Promise.resolve(octets.subarray(start, end)) };
}
