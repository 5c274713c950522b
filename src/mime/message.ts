/**
 * A message as the contract shows it, from its outline and ranges of its octets: the list members, and the headers and body
 * of the whole message. Only header blocks and displayed texts are read, each capped; attachments never are.
 */
import { MIME } from '../limits.ts';
import { hasAttachments } from './attachments.ts';
import { type ReadOctets, readText } from './body-text.ts';
import { type Body, bodyOf, PartIndex } from './displayed.ts';
import { type Field, firstField, parseHeaders } from './headers.ts';
import { textFromHtml } from './html-text.ts';
import { parseStructured } from './parameters.ts';
import type { Outline, Part } from './part.ts';
import { type RootFields, rootFields, rootHeader } from './root-fields.ts';
import { cut } from './text.ts';

export type { ReadOctets } from './body-text.ts';
export { compose, type ComposeOptions, type Content } from './content.ts';

/** The members of a list item that come from the message. All null or [] where nothing is known. */
export interface Summary extends RootFields {
  /** At most `MIME.previewCharacters`, white space folded; '' if there is no text. */
  preview: string | null;
  hasAttachments: boolean | null;
}

/**
 * The list members. `whole`: the outline is of the whole message. Else it is of a header and some lines (TOP, RFC 1939 §7):
 * then `preview` is made of what is there, and `hasAttachments` is a forecast by the Content-Type.
 */
export async function summarize(outline: Outline, read: ReadOctets, options: { whole: boolean }): Promise<Summary> {
  const body = bodyOf(new PartIndex(outline), null);
  const { fields } = parseHeaders(await rootHeader(outline, read), rawCharset(outline, body));
  const preview = await previewOf(body, read);
  return {
    ...rootFields(fields),
    preview: preview === '' && !options.whole ? null : preview,
    hasAttachments: options.whole ? hasAttachments(outline) : hasAttachments(outline) || forecast(fields),
  };
}

/**
 * What a message is recognised by when its number and UIDL have changed: its first Message-ID and Date as they stand in the
 * header, unfolded, or null where there is none.
 */
export async function identity(outline: Outline, read: ReadOctets): Promise<{ messageId: string | null; date: string | null }> {
  const { fields } = parseHeaders(await rootHeader(outline, read));
  return { messageId: firstField(fields, 'message-id'), date: firstField(fields, 'date') };
}

/** Header fields in raw 8-bit octets that are not UTF-8 are most likely in the charset of the text. */
function rawCharset(outline: Outline, body: Body): string | null {
  return (body.text[0] ?? body.html[0] ?? outline.parts[0])?.charset ?? null;
}

/** What the header alone tells: texts, and HTML with its pictures, are taken for messages without attachments. */
function forecast(fields: readonly Field[]): boolean {
  const type = parseStructured(firstField(fields, 'content-type') ?? 'text/plain').value;
  if (!type.includes('/') || type.startsWith('text/')) return false;
  return type !== 'multipart/alternative' && type !== 'multipart/related';
}

async function previewOf(body: Body, read: ReadOctets): Promise<string> {
  for (const part of new Set([...body.text, ...body.html])) {
    const { text } = await readText(part, read, MIME.previewOctets);
    const preview = folded(isHtml(part) ? textFromHtml(text) : text);
    if (preview !== '') return preview;
  }
  return '';
}

/** The first characters of a text with its white space folded. */
function folded(text: string): string {
  // A few times as much as is shown is nearly always enough, and what its end looks like then plays no part.
  const first = withoutFiller(text.slice(0, 4 * MIME.previewCharacters));
  const enough = first.length > 2 * MIME.previewCharacters ? first : withoutFiller(text.slice(0, MIME.previewOctets));
  return cut(enough, MIME.previewCharacters).trim();
}

/**
 * White space folded. Newsletters fill the preview up with invisible characters: a run of them beside white space is white
 * space; alone between letters they are spelling (Persian, Indic scripts, emoji).
 */
function withoutFiller(text: string): string {
  return text.replace(FILLER, (run) => (WHITE_SPACE.test(run) || run.length > 2 ? ' ' : run)).trim();
}

const WHITE_SPACE = /[\s\u0000-\u001f\u007f-\u009f]/;
const FILLER = /(?:[\s\u0000-\u001f\u007f-\u009f\u00ad\u115f\u180e\u200b-\u200f\u2060\ufeff]|\u034f)+/g;

function isHtml(part: Part): boolean {
  return part.contentType === 'text/html';
}
