/**
 * Grows the tree of a message's parts from its lines and boundaries (RFC 2045, 2046): offsets, headers, sizes and hashes.
 * Whatever the message is, there is a root part and every offset is right; what is malformed or over a limit is noted,
 * and what was known until then stays. Only open parts are held: at most `MIME.depth` and the nested messages.
 */
import { MIME } from '../limits.ts';
import { ContentSink } from './content-sink.ts';
import { HeaderCollector } from './header-collector.ts';
import type { LineReader } from './line-scanner.ts';
import type { Part } from './part.ts';
import { describe, type Described } from './part-header.ts';

/** Where a part will stand: the prefix of its path, and its number within a multipart or null at a message's root. */
interface Slot {
  prefix: string;
  number: number | null;
  inDigest: boolean;
}

/** A part whose end hasn't come yet. */
interface Open {
  part: Part;
  slot: Slot;
  /** Measures a leaf, a nested message, or a multipart's text before its first boundary. */
  sink: ContentSink | null;
  /** Of a multipart, until its last boundary. */
  boundary: string | null;
  children: number;
  /** What the paths of its parts begin with. */
  prefix: string;
}

export interface Match {
  /** Index of the multipart among the open parts. */
  level: number;
  /** Whether it is the last boundary of the multipart. */
  closing: boolean;
}

const PLAIN: Described = {
  contentType: 'text/plain',
  charset: null,
  format: null,
  delsp: false,
  encoding: '7bit',
  disposition: null,
  filename: null,
  contentId: null,
  boundary: null,
  defects: ['header_missing'],
};

export class PartTree implements LineReader<Match> {
  readonly parts: Part[] = [];
  readonly defects = new Set<string>();
  readonly #open: Open[] = [];
  #header: HeaderCollector | null = new HeaderCollector(0);
  #slot: Slot = { prefix: '', number: null, inDigest: false };
  /** The lines that are boundaries now. Of two open multiparts with one boundary the inner one has it. */
  readonly #delimiters = new Map<string, Match>();
  #nested = 0;
  #textLeft: number = MIME.outlineCharacters;
  readonly #hashed: boolean;

  constructor(hashed: boolean) {
    this.#hashed = hashed;
  }

  get watching(): boolean {
    return this.#delimiters.size > 0;
  }

  get byLine(): boolean {
    return this.#header !== null;
  }

  content(octets: Uint8Array, at: number): void {
    const header = this.#header;
    for (const open of this.#open) if (open.part.kind === 'message') open.sink?.write(octets);
    if (header === null) {
      const top = this.#open.at(-1);
      if (top && top.part.kind !== 'message') top.sink?.write(octets);
      return;
    }
    const state = header.take(octets);
    if (state === 'more') return;
    if (state === 'end') this.#begin(header, header.end, at + octets.length);
    else this.#beginWithoutHeader(header);
  }

  match(line: string): Match | null {
    return this.#delimiters.get(line) ?? null;
  }

  boundary(match: Match, octets: Uint8Array, at: number, breakOctets: number): void {
    this.#endHeader(at - breakOctets, true);
    while (this.#open.length > match.level + 1) this.#close(at - breakOctets, true);
    for (const open of this.#open) if (open.part.kind === 'message') open.sink?.write(octets);
    const multipart = this.#open[match.level];
    if (!multipart) return;
    multipart.sink = null;
    if (match.closing) {
      multipart.boundary = null;
      this.#watch();
      return;
    }
    multipart.children++;
    if (this.parts.length >= MIME.parts) {
      this.defects.add('parts_limit');
      return;
    }
    this.#slot = { prefix: multipart.prefix, number: multipart.children, inDigest: multipart.part.contentType === 'multipart/digest' };
    this.#header = new HeaderCollector(at + octets.length);
  }

  /** The message ends at offset `end`. */
  end(end: number): void {
    this.#endHeader(end, false);
    while (this.#open.length > 0) this.#close(end, false);
  }

  /** A header that no blank line ended, but offset `end`. */
  #endHeader(end: number, atBoundary: boolean): void {
    const header = this.#header;
    if (header === null) return;
    const state = header.finish();
    if (state === 'none') {
      this.#beginWithoutHeader(header);
      return;
    }
    // An empty part between two boundaries counts, because those after it are numbered; after the last octet there is none.
    const counts = !header.isEmpty || this.parts.length === 0 || (atBoundary && this.#slot.number !== null);
    this.#header = null;
    if (!counts) return;
    if (!header.isEmpty) this.defects.add('header_unended');
    const bodyStart = Math.max(header.start, end);
    this.#begin(header, bodyStart, bodyStart);
    this.#header = null;
  }

  #beginWithoutHeader(header: HeaderCollector): void {
    this.#header = null;
    const open = this.#add(PLAIN, 'leaf', header.start, header.start, header.start);
    open.sink?.write(header.octets);
    open.sink?.write(header.overflow);
  }

  #begin(header: HeaderCollector, headerEnd: number, bodyStart: number): void {
    const described = describe(header.octets, this.#slot.inDigest);
    if (header.isTooLarge) this.defects.add('header_octets_limit');
    this.#header = null;
    const kind = this.#kindOf(described);
    const plain = kind === 'leaf' && described.contentType.startsWith('multipart/') && described.boundary === null;
    // A multipart without a boundary is text (RFC 2045 §5.2): so it can at least be read.
    const shown = plain ? { ...described, contentType: 'text/plain' } : described;
    this.#add(shown, kind, header.start, headerEnd, bodyStart);
    if (kind !== 'message') return;
    this.#slot = { prefix: this.#open.at(-1)?.prefix ?? '', number: null, inDigest: false };
    this.#header = new HeaderCollector(bodyStart);
  }

  /** Multiparts and messages within the limits are looked into, all else is a leaf. */
  #kindOf({ contentType, boundary, encoding }: Described): Part['kind'] {
    const identity = encoding === '7bit' || encoding === '8bit' || encoding === 'binary';
    const isMultipart = contentType.startsWith('multipart/') && boundary !== null;
    const isMessage = (contentType === 'message/rfc822' || contentType === 'message/global') && identity;
    if (!isMultipart && !isMessage) return 'leaf';
    if (isMultipart && !identity) this.defects.add('multipart_encoded');
    if (this.#open.length >= MIME.depth) this.defects.add('depth_limit');
    else if (isMultipart) return 'multipart';
    else if (this.#nested >= MIME.nestedMessages) this.defects.add('nested_messages_limit');
    else if (this.parts.length + 1 >= MIME.parts) this.defects.add('parts_limit');
    else return 'message';
    return 'leaf';
  }

  #add(described: Described, kind: Part['kind'], headerStart: number, headerEnd: number, bodyStart: number): Open {
    const { boundary, defects, ...members } = described;
    for (const defect of defects) this.defects.add(defect);
    const slot = this.#slot;
    const path = slot.prefix + (slot.number ?? (kind === 'multipart' ? 'TEXT' : '1'));
    const part: Part = {
      path,
      parent: this.#open.at(-1)?.part.path ?? null,
      kind,
      ...members,
      ...this.#bounded(members),
      headerStart,
      headerEnd,
      bodyStart,
      bodyEnd: bodyStart,
      decodedSize: null,
      sha256: null,
    };
    this.parts.push(part);
    const open: Open = {
      part,
      slot,
      sink: new ContentSink(kind === 'leaf' ? members.encoding : 'binary', this.#hashed),
      boundary: kind === 'multipart' ? boundary : null,
      children: 0,
      prefix: slot.number === null && kind === 'multipart' ? slot.prefix : `${path}.`,
    };
    this.#open.push(open);
    if (open.boundary !== null) this.#watch();
    if (kind === 'message') this.#nested++;
    return open;
  }

  /** Keeps the outline small enough to be stored whatever names a message gives its thousand parts. */
  #bounded({ filename, contentId }: Pick<Part, 'filename' | 'contentId'>): Pick<Part, 'filename' | 'contentId'> {
    const length = (filename?.length ?? 0) + (contentId?.length ?? 0);
    if (length <= this.#textLeft) {
      this.#textLeft -= length;
      return { filename, contentId };
    }
    this.defects.add('names_limit');
    return { filename: null, contentId: null };
  }

  /** Lists the boundaries of the open multiparts. Happens at most twice for each of them. */
  #watch(): void {
    this.#delimiters.clear();
    for (const [level, { boundary }] of this.#open.entries()) {
      if (boundary === null) continue;
      this.#delimiters.set(`--${boundary}`, { level, closing: false });
      this.#delimiters.set(`--${boundary}--`, { level, closing: true });
    }
  }

  /** Ends the innermost open part; its body ends at `end` or, where that lies in its header, is empty. */
  #close(end: number, atBoundary: boolean): void {
    const open = this.#open.pop();
    if (!open) return;
    const { part, sink } = open;
    part.bodyEnd = Math.max(part.bodyStart, end);
    if (part.kind === 'message') this.#nested--;
    if (open.boundary !== null) {
      this.#watch();
      this.defects.add(open.children > 0 ? 'final_boundary_missing' : 'boundary_not_found');
    }
    if (!sink) return;
    const content = sink.finish(atBoundary);
    if (part.kind === 'multipart') {
      // Its boundary never came: shown as the text that it is, so that nothing is lost.
      if (content.size === 0) return;
      part.kind = 'leaf';
      part.contentType = 'text/plain';
      part.encoding = '8bit';
      if (open.slot.number === null) part.path = `${open.slot.prefix}1`;
    }
    part.decodedSize = content.size;
    part.sha256 = content.sha256;
  }
}
