/** Messages as JSON, one or many, and what is asked of them. Members are named as in the HTTP contract. */
import type { Failure } from './call.ts';
import type { SyncView } from './changes.ts';

export interface Address {
  name: string;
  address: string;
}

/** A message as listings show it. Until something is known its member is null or []. */
export interface ListItem {
  id: string;
  uidl: string | null;
  size: number;
  detail: 'uidl' | 'headers' | 'full';
  subject: string | null;
  from: Address[];
  to: Address[];
  cc: Address[];
  bcc: Address[];
  replyTo: Address[];
  sender: Address[];
  date: string | null;
  receivedAt: string | null;
  messageId: string | null;
  inReplyTo: string[];
  references: string[];
  preview: string | null;
  hasAttachments: boolean | null;
  firstSeenAt: string;
}

export interface Attachment {
  id: string;
  filename: string | null;
  contentType: string;
  size: number;
  sha256: string;
  disposition: 'attachment' | 'inline' | null;
  contentId: string | null;
  inline: boolean;
  url: string;
}

export interface MessageView extends ListItem {
  headers: [string, string][];
  text: string | null;
  html: string | null;
  textTruncated: boolean;
  htmlTruncated: boolean;
  htmlMode: 'safe' | 'none' | 'original';
  remoteContent: { blocked: number };
  attachments: Attachment[];
  defects: string[];
}

export interface ListQuery {
  limit: number;
  cursor: string | null;
  order: 'newest' | 'oldest';
  /** Null: all. `id` always comes. */
  fields: string[] | null;
  maxAge: number;
}

export interface MessagePage {
  data: Partial<ListItem>[];
  nextCursor: string | null;
  total: number;
  sync: SyncView;
}

export interface MessageQuery {
  html: 'safe' | 'none' | 'original';
  maxBodyBytes: number;
  /** Default `blocked`. */
  remote?: 'blocked' | 'allowed';
  /** The origin of the gateway as the caller knows it: sources in the HTML that name an attachment become signed URLs there. Default null: none. */
  ticketsAt?: string | null;
}

/** Several messages at once, each named once or more. */
export interface BatchQuery extends MessageQuery {
  ids: string[];
  /** Members of `MessageView`. Null: all. `id` always comes; list members alone need no message to be read. */
  fields: string[] | null;
}

/** One message of a batch, or why there is none. */
export type BatchEntry = { id: string; message: Partial<MessageView> } | { id: string; failure: Failure };

/** What became of messages that were to be deleted; each id is in one of these, in the caller's order. */
export interface DeleteReport {
  deleted: string[];
  notFound: string[];
  failed: { id: string; failure: Failure }[];
}

/** A message as listings show it, without what only a ledger can give it. */
export type PeekItem = Omit<ListItem, 'id'>;
