/**
 * The data of a TOP reply (RFC 1939 §7) from servers that answer `+OK` twice: the second stands where the header begins.
 * No header field can begin so, since a field name has no space and ends in a colon (RFC 5322 §2.2).
 */
const SECOND = new TextEncoder().encode('+OK');
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

/** Gives `body` without such a first line. Pieces are valid until the next is asked for. */
export async function* withoutSecondStatus(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let matched = 0;
  let at: 'start' | 'second status' | 'data' = 'start';
  for await (const piece of body) {
    let from = 0;
    while (at === 'start' && from < piece.length) {
      if (matched < SECOND.length && piece[from] === SECOND[matched]) {
        matched++;
        from++;
      } else {
        const second = matched === SECOND.length && (piece[from] === SPACE || piece[from] === CR);
        at = second ? 'second status' : 'data';
        // What was held back and is data after all.
        if (!second && matched > 0) yield SECOND.slice(0, matched);
      }
    }
    if (at === 'second status') {
      const lf = piece.indexOf(LF, from);
      from = lf === -1 ? piece.length : lf + 1;
      if (lf !== -1) at = 'data';
    }
    if (from < piece.length) yield piece.subarray(from);
  }
  if (at === 'start' && matched > 0) yield SECOND.slice(0, matched);
}
