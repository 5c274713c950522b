/** Data of a reply as one piece, for what is small: whoever calls this has a bound on it. */

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
