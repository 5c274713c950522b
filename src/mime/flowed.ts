/**
 * format=flowed (RFC 3676 §4): lines that the sender wrapped become one again, within one depth of quotation; stuffed blanks
 * are removed; the signature separator stays a line. Linear.
 */

/** Unwraps text with lines ended by LF. `delsp`: the blank before a soft line break is not part of the text (§4.3). */
export function unflow(text: string, delsp: boolean): string {
  const lines: string[] = [];
  let open: { depth: number; pieces: string[] } | null = null;
  for (const raw of text.split('\n')) {
    const depth = quoteDepth(raw);
    const unquoted = raw.slice(depth);
    const content = unquoted.startsWith(' ') ? unquoted.slice(1) : unquoted;
    // A signature separator never flows (§4.3), and a paragraph ends where the depth changes (§4.5).
    const isSignature = content === '-- ';
    if (open && (open.depth !== depth || isSignature)) {
      lines.push(joined(open.depth, open.pieces));
      open = null;
    }
    const flows = content.endsWith(' ') && !isSignature;
    const pieces: string[] = open?.pieces ?? [];
    pieces.push(flows && delsp ? content.slice(0, -1) : content);
    open = flows ? { depth, pieces } : null;
    if (!flows) lines.push(joined(depth, pieces));
  }
  if (open) lines.push(joined(open.depth, open.pieces));
  return lines.join('\n');
}

function quoteDepth(line: string): number {
  let depth = 0;
  while (line[depth] === '>') depth++;
  return depth;
}

function joined(depth: number, pieces: readonly string[]): string {
  const text = pieces.join('');
  return depth > 0 ? `${'>'.repeat(depth)} ${text}` : text;
}
