/**
 * What the HTTP side may ask of a Mailbox: plain data in, plain data out, results as values.
 * Types only. Members are named as in the HTTP contract, so that a route passes them through.
 */
import type { Target } from './deps.ts';

/** How many requests a token's account has left: `remaining` now, all of `limit` again in `reset` seconds. */
export interface Rate {
  limit: number;
  remaining: number;
  reset: number;
}

/** A call's outcome. `rate` is there where a counter counted the call. */
export type Result<T> = ({ ok: true; value: T } | { ok: false; failure: Failure }) & { rate?: Rate };

export type Scope = 'read' | 'write' | 'delete' | 'manage';

/** Who asks. A token is named by the hex SHA-256 of its text; the Mailbox decides what it may. */
export type Caller = { readonly kind: 'operator' } | { readonly kind: 'token'; readonly hash: string; readonly origin: string | null };

/** What the mail server said with a failure, cleaned and cut. */
export interface UpstreamSaid {
  readonly phase: string | null;
  readonly responseCode: string | null;
  readonly text: string | null;
}

/** Everything that can go wrong in a Mailbox. `http/problem.ts` maps each kind to one problem. */
export type Failure =
  | { kind: 'invalid'; pointer: string; detail: string }
  | { kind: 'unauthorized' }
  | { kind: 'forbidden'; detail: string }
  | { kind: 'not_found' }
  | { kind: 'conflict'; detail: string }
  | { kind: 'paused' }
  | { kind: 'message_gone' }
  | { kind: 'target_not_allowed'; detail: string }
  | { kind: 'misconfigured'; detail: string }
  | { kind: 'precondition_failed' }
  | { kind: 'rate_limited'; retryAfterSeconds: number }
  | { kind: 'overloaded'; retryAfterSeconds: number }
  | { kind: 'internal' }
  | UpstreamFailureKind;

/** Failures on the mail server's side. `retryAfterSeconds` is null where no wait is known. */
export type UpstreamFailureKind = {
  kind:
    | 'upstream_auth_failed'
    | 'login_delay'
    | 'upstream_unreachable'
    | 'upstream_protocol'
    | 'upstream_refused'
    | 'delete_unconfirmed'
    | 'mailbox_in_use'
    | 'upstream_temporary'
    | 'upstream_timeout';
  upstream: UpstreamSaid;
  retryAfterSeconds: number | null;
  /** A sentence of ours that says more than the kind does. */
  reason?: string;
};

export type Method =
  | 'auto'
  | 'plain'
  | 'login'
  | 'cram-md5'
  | 'scram-sha-1'
  | 'scram-sha-256'
  | 'apop'
  | 'user'
  | 'xoauth2'
  | 'oauthbearer';

/** What POST /v1/accounts takes, defaults filled in. */
export interface AccountSettings {
  email: string | null;
  externalId: string | null;
  server: Target;
  auth: { username: string; password: string | null; accessToken: string | null; method: Method };
  initial: 'all' | 'none';
  pollSeconds: number;
  paused: boolean;
  location: string | null;
  jurisdiction: string | null;
  cache: { maxBytes: number; maxMessageBytes: number };
}

export interface TokenSettings {
  scopes: Scope[];
  expiresAt: string | null;
  origins: string[];
  label: string;
}

export interface TokenView extends TokenSettings {
  id: string;
  createdAt: string;
}

/** The token that asks, and its account. */
export interface TokenIdentity extends TokenSettings {
  id: string;
  account: string;
}

export interface NewToken extends TokenView {
  secret: string;
}

export interface SyncView {
  /** Null only before the first listing. */
  state: string | null;
  checkedAt: string | null;
  stale: boolean;
  problem: string | null;
}

export interface AccountView {
  id: string;
  email: string | null;
  externalId: string | null;
  createdAt: string;
  state: 'new' | 'ready' | 'auth_failed' | 'unreachable' | 'paused';
  stateSince: string;
  lastError: { code: string; at: string; detail: string } | null;
  consecutiveFailures: number;
  paused: boolean;
  server: Target & { capabilities: string[]; loginDelaySeconds: number; expire: string | null };
  auth: { username: string; method: Method };
  mailbox: { messages: number; octets: number };
  sync: { state: string | null; checkedAt: string | null; nextCheckAt: string | null; stale: boolean };
  indexing: { done: number; of: number };
  initial: 'all' | 'none';
  pollSeconds: number;
  location: string | null;
  jurisdiction: string | null;
  cache: { maxBytes: number; maxMessageBytes: number; usedBytes: number };
}

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
}

export interface ChangesQuery {
  /** Null: from the start of the feed. */
  since: string | null;
  limit: number;
  maxAge: number;
  include: 'headers' | 'ids';
}

export interface ChangesPage {
  oldState: string;
  newState: string;
  hasMore: boolean;
  created: (ListItem | { id: string })[];
  updated: (ListItem | { id: string })[];
  destroyed: { id: string; reason: 'server' | 'api' }[];
  renumbered: boolean;
  destroyedComplete: boolean;
  sync: SyncView;
}

export interface SyncReport {
  created: number;
  destroyed: number;
  total: number;
  renumbered: boolean;
  sync: SyncView;
  upstream: {
    flights: number;
    bytesIn: number;
    bytesOut: number;
    milliseconds: number;
    commands: Record<string, number>;
  };
}

/** A message's octets on their way out. `size` and `sha256` (hex) are null while the message is still arriving. */
export interface RawMessage {
  stream: ReadableStream<Uint8Array>;
  size: number | null;
  sha256: string | null;
}

/** A decoded part on its way out. */
export interface AttachmentContent {
  stream: ReadableStream<Uint8Array>;
  attachment: Attachment;
}

/**
 * A Mailbox object as its callers see it. Every method authorizes `caller` first: an absent account and
 * a foreign one are `not_found`, a token that isn't (or is no longer) the account's is `unauthorized`.
 */
export interface MailboxRpc {
  /** Stores the account after a successful login (or without one if not `verify`). Operator only. */
  create(
    account: string,
    settings: AccountSettings,
    verify: boolean,
    token: TokenSettings | null,
  ): Promise<Result<{ account: AccountView; token: NewToken | null }>>;
  account(caller: Caller): Promise<Result<AccountView>>;
  /** Forgets everything, the data key first. */
  remove(caller: Caller): Promise<Result<null>>;
  messages(caller: Caller, query: ListQuery): Promise<Result<MessagePage>>;
  message(caller: Caller, id: string, query: MessageQuery): Promise<Result<MessageView>>;
  raw(caller: Caller, id: string): Promise<Result<RawMessage>>;
  attachment(caller: Caller, id: string, part: string): Promise<Result<AttachmentContent>>;
  deleteMessage(caller: Caller, id: string): Promise<Result<null>>;
  changes(caller: Caller, query: ChangesQuery): Promise<Result<ChangesPage>>;
  sync(caller: Caller): Promise<Result<SyncReport>>;
  /** The token that asks, as `GET /v1/token` shows it. Not for the operator. */
  identity(caller: Caller): Promise<Result<TokenIdentity>>;
}
