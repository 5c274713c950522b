/**
 * What the HTTP side may ask of a Mailbox: plain data in, plain data out, results as values.
 * Types only. Members are named as in the HTTP contract, so that a route passes them through.
 */
import type { Target } from './deps.ts';

/**
 * How many requests a token has left: `remaining` of `limit`, for `reset` seconds. After them all of `limit` may be used
 * again or, where the call was refused, at least one.
 */
export interface Rate {
  limit: number;
  remaining: number;
  reset: number;
}

/** A call's outcome. `rate` is there where a counter counted the call. */
export type Result<T> = ({ ok: true; value: T } | { ok: false; failure: Failure }) & { rate?: Rate };

export type Scope = 'read' | 'write' | 'delete' | 'manage';

/** Who asks. A token is named by the hex SHA-256 of its text; the Mailbox decides what it may. */
export type Caller =
  | { readonly kind: 'operator' }
  | {
      readonly kind: 'token';
      readonly hash: string;
      readonly origin: string | null;
      /** The same request has called before and was counted then. */
      readonly counted?: true;
    }
  /** A signed URL: good for the one GET of `path` (with its query) that it was issued for, in the name of who issued it. */
  | {
      readonly kind: 'ticket';
      readonly ticket: string;
      readonly path: string;
      readonly origin: string | null;
      readonly counted?: true;
    };

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
  /** `size`: octets of the whole. */
  | { kind: 'range_not_satisfiable'; size: number }
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

/** What PATCH changes; what is absent stays. `server` and `auth` are whole. */
export interface AccountChange {
  email?: string | null;
  externalId?: string | null;
  server?: Target;
  auth?: AccountSettings['auth'];
  pollSeconds?: number;
  paused?: boolean;
  cache?: { maxBytes?: number; maxMessageBytes?: number };
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

/** A token as its account's owner sees it. `lastUsedAt` is the beginning of that day (UTC). */
export interface TokenEntry extends TokenView {
  lastUsedAt: string | null;
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

export interface ChangesQuery {
  /** Null: from `checkpoint` or, without one, from the start of the feed. */
  since: string | null;
  /** The name of a checkpoint; one that was never set is the start of the feed. Not with `since`. */
  checkpoint: string | null;
  limit: number;
  /** Null: what is known, without asking the server. */
  maxAge: number | null;
  include: 'headers' | 'ids';
  /** Milliseconds that the answer may take, where it is less than any request may. */
  within?: number;
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

/** A state that is kept for a client. */
export interface Checkpoint {
  name: string;
  state: string;
  updatedAt: string;
  /** Entries that `changes` from here would return. */
  behind: number;
  /** Another text whenever the checkpoint was set to another state. */
  version: string;
}

/** Versions of which the stored one must be one, or must not be (RFC 9110 §13.1.1, §13.1.2). Null: whatever it is. */
export interface Conditions {
  ifMatch: EntityTags | null;
  ifNoneMatch: EntityTags | null;
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
  /** Null where none were wanted. */
  stream: ReadableStream<Uint8Array> | null;
  /** Which of them `stream` has, `end` exclusive; null: all. */
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

/** A path with its query, relative to the gateway, and when it ends. */
export interface Ticket {
  url: string;
  expiresAt: string;
}

/** Something that was done to an account. Members that an action has no use for are null or []. */
export interface AccountEvent {
  at: string;
  action: 'account_created' | 'account_changed' | 'token_created' | 'token_revoked' | 'messages_deleted';
  /** `operator`, or the id of the token. */
  by: string;
  /** The members of the account that were changed. */
  members: string[];
  /** The token that was created or revoked. */
  token: string | null;
  /** The messages for which DELE was sent, by id. */
  messages: string[];
}

export interface EventQuery {
  limit: number;
  cursor: string | null;
}

export interface EventPage {
  data: AccountEvent[];
  nextCursor: string | null;
}

export interface AccountStats {
  /** Messages still there, by the day (UTC, `2026-11-20`) on which they were first listed; the oldest day first. */
  messagesPerDay: { date: string; count: number }[];
  largest: ListItem[];
  topSenders: { address: string; name: string; count: number }[];
}

/** What the sweep wants to know of an account. */
export interface VisitReport {
  state: AccountView['state'];
  /** The code of what the last check failed with, or null. */
  errorCode: string | null;
  checkedAt: string | null;
  /** Checks that the alarm makes in a day. */
  pollsPerDay: number;
  email: string | null;
  externalId: string | null;
  host: string;
}

/** A look into a maildrop that leaves nothing behind. */
export interface PeekQuery {
  server: Target;
  auth: AccountSettings['auth'];
  limit: number;
  detail: 'headers' | 'full';
}

/** A message as listings show it, without what only a ledger can give it. */
export type PeekItem = Omit<ListItem, 'id'>;

/** A mail server that has no account here. Without `auth` nobody logs in. */
export interface DiagnosisPlace {
  server: Target;
  auth?: AccountSettings['auth'] | undefined;
}

export interface DiagnosisStep {
  name: 'policy' | 'connect' | 'greeting' | 'tls' | 'capabilities' | 'login' | 'stat' | 'uidl' | 'top' | 'pipelining' | 'loginDelay';
  ok: boolean;
  /** Why the diagnosis ends here. A step that is not ok without it is something that the server lacks and that can be done without. */
  code?: UpstreamFailureKind['kind'] | 'target_not_allowed' | undefined;
  detail?: string | string[] | undefined;
  milliseconds?: number | undefined;
}

/** What came of speaking to a mail server step by step. */
export interface Diagnosis {
  /** The code of the first step that has one. */
  verdict: 'ok' | NonNullable<DiagnosisStep['code']>;
  advice: string;
  steps: DiagnosisStep[];
  /** Lines as "C: CAPA" and "S: +OK", without any credential. */
  transcript: string[];
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
  /** Whether `caller` may act with `scope`: nothing else, and nothing is asked of anybody. */
  authorize(caller: Caller, scope: Scope): Promise<Result<null>>;
  /** Changes the account. With `verify` a new server or new credentials log in first; if that fails nothing is changed. */
  update(caller: Caller, change: AccountChange, verify: boolean): Promise<Result<AccountView>>;
  /** Forgets everything, the data key first. */
  remove(caller: Caller): Promise<Result<null>>;
  messages(caller: Caller, query: ListQuery): Promise<Result<MessagePage>>;
  /** `etag` is weak. Not modified only if that is known without reading the message. */
  message(
    caller: Caller,
    id: string,
    query: MessageQuery,
    ifNoneMatch: EntityTags | null,
  ): Promise<Result<Conditional<{ message: MessageView; etag: string }>>>;
  /** `query` null: all octets, whatever the caller has. */
  raw(caller: Caller, id: string, query: OctetsQuery | null): Promise<Result<Conditional<Octets>>>;
  attachment(caller: Caller, id: string, part: string, query: AttachmentQuery | null): Promise<Result<Conditional<AttachmentOctets>>>;
  /** Signs a path of this account, with its query, in the caller's name. */
  ticket(caller: Caller, path: string, ttlSeconds: number): Promise<Result<Ticket>>;
  /** An entry for each id, in the caller's order. */
  messagesById(caller: Caller, query: BatchQuery): Promise<Result<BatchEntry[]>>;
  deleteMessage(caller: Caller, id: string): Promise<Result<null>>;
  /** `dryRun`: what would be, as far as it is known here; changes nothing. */
  deleteMessages(caller: Caller, ids: string[], dryRun: boolean): Promise<Result<DeleteReport>>;
  changes(caller: Caller, query: ChangesQuery): Promise<Result<ChangesPage>>;
  /**
   * Whether `changes` since a state would have an entry. Answers from the ledger at once; the server is asked behind it,
   * now and then, because whoever calls this waits for changes.
   */
  changedSince(caller: Caller, state: string): Promise<Result<boolean>>;
  /** By name. */
  checkpoints(caller: Caller): Promise<Result<Checkpoint[]>>;
  checkpoint(caller: Caller, name: string): Promise<Result<Checkpoint>>;
  /** Backwards only with `force`: else `conflict`. `created` where there was none of this name. */
  setCheckpoint(
    caller: Caller,
    name: string,
    change: { state: string; force: boolean },
    conditions: Conditions,
  ): Promise<Result<{ checkpoint: Checkpoint; created: boolean }>>;
  deleteCheckpoint(caller: Caller, name: string, conditions: Conditions): Promise<Result<null>>;
  sync(caller: Caller): Promise<Result<SyncReport>>;
  /** The token that asks, as `GET /v1/token` shows it. Not for the operator. */
  identity(caller: Caller): Promise<Result<TokenIdentity>>;
  createToken(caller: Caller, settings: TokenSettings): Promise<Result<NewToken>>;
  /** All tokens, the oldest first. */
  tokens(caller: Caller): Promise<Result<TokenEntry[]>>;
  revokeToken(caller: Caller, id: string): Promise<Result<null>>;
  /** What was done to the account, the newest first. */
  events(caller: Caller, query: EventQuery): Promise<Result<EventPage>>;
  stats(caller: Caller): Promise<Result<AccountStats>>;
  /** Sets the alarm, which may have been lost, and says how the account is. Operator only. */
  visit(caller: Caller): Promise<Result<VisitReport>>;
  /** The newest messages of a maildrop that has no account here, the newest first. Operator only; stores nothing. */
  peek(caller: Caller, query: PeekQuery): Promise<Result<PeekItem[]>>;
  /**
   * Speaks to a mail server step by step: to one that has no account here (operator only; stores nothing) or, where `place`
   * is null, to the account's own. A token isn't told how connecting went, nor what the greeting says.
   */
  diagnose(caller: Caller, place: DiagnosisPlace | null): Promise<Result<Diagnosis>>;
}
