/**
 * Which parts of a message are its attachments (RFC 2183, RFC 2392): everything that is not shown as its body. Nested
 * messages are attachments, and so are theirs. Texts that were passed over for a better alternative are not, but an
 * invitation (text/calendar, RFC 6047) is, wherever it stands.
 */
import { bodyOf, PartIndex } from './displayed.ts';
import type { Outline, Part } from './part.ts';

export interface AttachmentEntry {
  /** The part's path. */
  id: string;
  filename: string | null;
  contentType: string;
  /** Decoded octets. */
  size: number;
  /** Of the decoded content, hexadecimal. */
  sha256: string;
  disposition: 'attachment' | 'inline' | null;
  contentId: string | null;
  /** Meant to be shown within the body: by its disposition, or because the HTML beside it can refer to it. */
  inline: boolean;
}

/** The attachments in the order of the message. */
export function attachments(outline: Outline): AttachmentEntry[] {
  const index = new PartIndex(outline);
  return listed(outline, index).map((part) => ({
    id: part.path,
    filename: part.filename,
    contentType: part.kind === 'message' ? 'message/rfc822' : part.contentType,
    size: part.decodedSize ?? 0,
    sha256: part.sha256 ?? '',
    disposition: part.disposition,
    contentId: part.contentId,
    inline: part.disposition === 'inline' || isEmbedded(index, part),
  }));
}

/** Whether there is anything attached that the body doesn't show itself: pictures embedded in the HTML don't count. */
export function hasAttachments(outline: Outline): boolean {
  const index = new PartIndex(outline);
  return listed(outline, index).some((part) => !isEmbedded(index, part));
}

function listed(outline: Outline, index: PartIndex): Part[] {
  const shown = new Set<Part>();
  const scopes = [null, ...outline.parts.filter((part) => part.kind === 'message').map((part) => part.path)];
  for (const scope of scopes) {
    const body = bodyOf(index, scope);
    for (const part of [...body.text, ...body.html]) shown.add(part);
  }
  return outline.parts.filter((part) => part.kind !== 'multipart' && !shown.has(part) && !isPassedOver(index, part));
}

/** A text alternative that wasn't chosen. */
function isPassedOver(index: PartIndex, part: Part): boolean {
  if (part.kind !== 'leaf' || part.disposition !== null || part.filename !== null) return false;
  if (!part.contentType.startsWith('text/') || part.contentType === 'text/calendar') return false;
  return index.isWithin(part, 'multipart/alternative');
}

/** RFC 2392 within RFC 2387. */
function isEmbedded(index: PartIndex, part: Part): boolean {
  return part.kind === 'leaf' && part.contentId !== null && index.isWithin(part, 'multipart/related');
}
