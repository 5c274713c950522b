/**
 * What the HTTP side may ask of a Mailbox: plain data in, plain data out, results as values.
 * Types only. Members are named as in the HTTP contract, so that a route passes them through.
 */
import type { AccountChange, AccountSettings, AccountStats, AccountView, EventPage, EventQuery, VisitReport } from './rpc/account.ts';
import type { Caller, Result, Scope } from './rpc/call.ts';
import type { ChangesPage, ChangesQuery, Checkpoint, Conditions, SyncReport } from './rpc/changes.ts';
import type { Diagnosis, DiagnosisPlace, PeekQuery } from './rpc/diagnosis.ts';
import type { BatchEntry, BatchQuery, DeleteReport, ListQuery, MessagePage, MessageQuery, MessageView, PeekItem } from './rpc/message.ts';
import type { AttachmentOctets, AttachmentQuery, Conditional, EntityTags, Octets, OctetsQuery } from './rpc/octets.ts';
import type { NewToken, Ticket, TokenEntry, TokenIdentity, TokenSettings } from './rpc/token.ts';

export type * from './rpc/call.ts';
export type * from './rpc/account.ts';
export type * from './rpc/token.ts';
export type * from './rpc/message.ts';
export type * from './rpc/octets.ts';
export type * from './rpc/changes.ts';
export type * from './rpc/diagnosis.ts';

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
