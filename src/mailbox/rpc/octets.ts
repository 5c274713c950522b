/** Octets on their way out, whole or a range, and the conditions under which they are sent (RFC 9110 §13, §14). */
import type { Attachment } from './message.ts';

/** Opaque tags, without quotes, or `*` for whatever there is (RFC 9110 §13.1). */
export type EntityTags = '*' | string[];

/** Octets `first` to `last`, inclusive (null: to the end), or the last `suffix` of them (RFC 9110 §14.1.2). */
export type ByteRange = { first: number; last: number | null } | { suffix: number };

/** Under which conditions octets are wanted, and which of them (RFC 9110 §13, §14). */
export interface OctetsQuery {
  /** Strong tags only, by which alone it is compared. */
  ifMatch: EntityTags | null;
  ifNoneMatch: EntityTags | null;
  range: ByteRange | null;
  /** The range is wanted only if this is the strong tag of what is there. */
  ifRange: string | null;
  /** False: none are, only what is known of them. */
  body: boolean;
}

/** What was asked for, or that the caller has it already. */
export type Conditional<T> = { notModified: true; etag: string } | ({ notModified: false } & T);

/** Octets on their way out. What is null is not known while a message is still arriving. */
export interface Octets {
  /** Few of them at once, many as a stream; null where none were wanted. */
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;
  /** Which of them `body` has, `end` exclusive; null: all. */
  range: { start: number; end: number } | null;
  /** Of all of them. */
  size: number | null;
  /** Hex, of all of them. */
  sha256: string | null;
  /** Strong. */
  etag: string | null;
}

/** A decoded part on its way out. */
export interface AttachmentOctets extends Octets {
  attachment: Attachment;
  /** What it is by its first octets, if it is of a kind that may be shown; looked at only where that is asked for. */
  recognised: string | null;
}

export interface AttachmentQuery extends OctetsQuery {
  recognise: boolean;
}
