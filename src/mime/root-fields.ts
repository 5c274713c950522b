/**
 * The members of a list item that come from a message's own header fields (RFC 5322 §3.6), decoded (RFC 2047), cleaned and
 * bounded. Addresses are parsed by postal-mime; groups are flattened.
 */
import { addressParser, decodeWords } from 'postal-mime';
import { MIME } from '../limits.ts';
import type { ReadOctets } from './body-text.ts';
import { parseDate } from './date.ts';
import { allFields, type Field, firstField } from './headers.ts';
import type { Outline } from './part.ts';
import { line } from './text.ts';

export interface Address {
  name: string;
  address: string;
}

export interface RootFields {
  subject: string | null;
  from: Address[];
  to: Address[];
  cc: Address[];
  bcc: Address[];
  replyTo: Address[];
  sender: Address[];
  /** RFC 3339, UTC. */
  date: string | null;
  /** The topmost Received's date. */
  receivedAt: string | null;
  /** With angle brackets. */
  messageId: string | null;
  inReplyTo: string[];
  references: string[];
}

/** Octets of a subject that are decoded: encoded words need some eight for each character that is kept. */
const SUBJECT_CHARACTERS = 16 * MIME.textCharacters;

/** The octets of a message's own header block, of a monstrous one no more than is parsed. Fails only as `read` does. */
export async function rootHeader(outline: Outline, read: ReadOctets): Promise<Uint8Array> {
  const root = outline.parts[0];
  if (!root || root.headerEnd === root.headerStart) return new Uint8Array(0);
  return read(root.headerStart, Math.min(root.headerEnd, root.headerStart + MIME.headerOctets));
}

/** The members, from the fields of that block. */
export function rootFields(fields: readonly Field[]): RootFields {
  const subject = firstField(fields, 'subject');
  return {
    subject: subject === null ? null : line(decodeWords(subject.slice(0, SUBJECT_CHARACTERS)), MIME.textCharacters),
    from: addresses(fields, 'from'),
    to: addresses(fields, 'to'),
    cc: addresses(fields, 'cc'),
    bcc: addresses(fields, 'bcc'),
    replyTo: addresses(fields, 'reply-to'),
    sender: addresses(fields, 'sender'),
    date: parseDate(firstField(fields, 'date') ?? ''),
    receivedAt: receivedAt(firstField(fields, 'received')),
    messageId: messageIds(firstField(fields, 'message-id'))[0] ?? null,
    inReplyTo: messageIds(firstField(fields, 'in-reply-to')).slice(-MIME.references),
    references: messageIds(firstField(fields, 'references')).slice(-MIME.references),
  };
}

function addresses(fields: readonly Field[], name: string): Address[] {
  const list: Address[] = [];
  for (const value of allFields(fields, name)) {
    if (list.length >= MIME.addresses) break;
    for (const parsed of addressParser(value, { flatten: true })) {
      const entry = { name: line(parsed.name, MIME.textCharacters), address: line(parsed.address ?? '', MIME.textCharacters) };
      if (entry.name !== '' || entry.address !== '') list.push(entry);
    }
  }
  return list.slice(0, MIME.addresses);
}

/** RFC 5322 §3.6.7: the date stands after the last semicolon. */
function receivedAt(field: string | null): string | null {
  if (field === null) return null;
  return parseDate(field.slice(field.lastIndexOf(';') + 1));
}

/** Message ids in angle brackets (RFC 5322 §3.6.4); without any, words that look like one. */
function messageIds(field: string | null): string[] {
  if (field === null) return [];
  const ids = field.match(/<[^<>]+>/g) ?? field.split(/[\s,]+/).filter((word) => word.includes('@'));
  return ids.map((id) => line(id.replace(/\s+/g, ''), MIME.textCharacters));
}
