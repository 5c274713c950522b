/** Octets of a message that are held as one piece, because they are few: whoever calls this has a bound on them. */
import type { ReadOctets } from '../mime/message.ts';
import { type Outline, OutlineParser } from '../mime/outline.ts';

/** The octets of `body` together. The command that brought them bounds them. */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let octets = 0;
  for await (const chunk of body) {
    chunks.push(chunk.slice());
    octets += chunk.length;
  }
  const whole = new Uint8Array(octets);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The outline of a message, or of its beginning, that is held, without hashes; and how ranges of it are read. */
export function outlined(octets: Uint8Array): { outline: Outline; read: ReadOctets } {
  const parser = new OutlineParser(false);
  parser.push(octets);
  return { outline: parser.end(), read: (start, end) => Promise.resolve(octets.subarray(start, end)) };
}
