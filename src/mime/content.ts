/**
 * The header and the body of a whole message for JSON. The body is cut before it is sanitized; a kind of text that the
 * message doesn't have is made from the other one, as far as the contract asks for it.
 */
import { MIME } from '../limits.ts';
import { type PartText, type ReadOctets, readText } from './body-text.ts';
import { bodyOf, PartIndex } from './displayed.ts';
import { type Field, parseHeaders } from './headers.ts';
import { textFromHtml } from './html-text.ts';
import type { Outline, Part } from './part.ts';
import { rootHeader } from './root-fields.ts';
import { type Remote, safeHtml, type Sources } from './safe-html.ts';
import { escapeText } from './text.ts';

export interface ComposeOptions {
  /** `safe`: sanitized. `original`: as it was sent, unsafe. */
  html: 'safe' | 'none' | 'original';
  /** Decoded octets of the text, and of the HTML, that are used; at most `MIME.bodyOctets`. */
  maxBodyBytes: number;
  /** Default `blocked`; see `safeHtml`. */
  remote?: Remote;
  /** Default null: pictures of the message itself are only named. */
  sources?: Sources | null;
}

export interface Content {
  /** Of the root, in order, unfolded, not decoded. */
  headers: Field[];
  text: string | null;
  html: string | null;
  textTruncated: boolean;
  htmlTruncated: boolean;
  htmlMode: 'safe' | 'none' | 'original';
  remoteContent: { blocked: number };
  defects: string[];
}

interface Piece extends PartText {
  isHtml: boolean;
}

interface Pieces {
  pieces: Piece[];
  truncated: boolean;
}

/** Reads what is displayed. Fails only as `read` does. */
export async function compose(outline: Outline, read: ReadOctets, options: ComposeOptions): Promise<Content> {
  const limit = Math.max(1, Math.min(options.maxBodyBytes, MIME.bodyOctets));
  const body = bodyOf(new PartIndex(outline), null);
  const header = parseHeaders(await rootHeader(outline, read));
  const text = await readAll(body.text, read, limit);
  const wantsHtml = options.html !== 'none' || body.text.length === 0;
  const html = wantsHtml ? await readAll(body.html, read, limit) : { pieces: [], truncated: false };
  const textSource = text.pieces.length > 0 ? text : html;
  const shown = options.html === 'none' || html.pieces.length === 0 ? null : shownHtml(html.pieces, options);
  const defects = [...outline.defects, ...header.defects, ...(shown?.unsafe ? ['html_unsafe'] : [])];
  return {
    headers: header.fields,
    text: textSource.pieces.length > 0 ? plainText(textSource.pieces) : null,
    html: shown?.html ?? null,
    textTruncated: textSource.truncated,
    htmlTruncated: shown !== null && html.truncated,
    htmlMode: options.html,
    remoteContent: { blocked: shown?.blocked ?? 0 },
    defects: [...new Set(defects)].slice(0, MIME.defects),
  };
}

/** The texts of the parts, together at most `limit` octets. */
async function readAll(parts: readonly Part[], read: ReadOctets, limit: number): Promise<Pieces> {
  const pieces: Piece[] = [];
  let left = limit;
  for (const part of parts) {
    if (left <= 0) return { pieces, truncated: true };
    const piece = await readText(part, read, left);
    left -= piece.octets;
    pieces.push({ ...piece, isHtml: part.contentType === 'text/html' });
    if (piece.truncated) return { pieces, truncated: true };
  }
  return { pieces, truncated: false };
}

function plainText(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (piece.isHtml ? textFromHtml(piece.text) : piece.text)).join('\n');
}

/** Each part is sanitized alone: what one leaves open doesn't swallow the next. */
function shownHtml(pieces: readonly Piece[], options: ComposeOptions): { html: string; blocked: number; unsafe: boolean } {
  const shown = pieces.map((piece) => {
    if (!piece.isHtml) return { html: `<div>${escapeText(piece.text)}</div>`, blocked: 0, unsafe: false };
    if (options.html === 'original') return { html: piece.text, blocked: 0, unsafe: false };
    return safeHtml(piece.text, options.remote, options.sources);
  });
  return {
    html: shown.map((piece) => piece.html).join('\n'),
    blocked: shown.reduce((sum, piece) => sum + piece.blocked, 0),
    unsafe: shown.some((piece) => piece.unsafe),
  };
}
