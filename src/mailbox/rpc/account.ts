/** An account as it is made, changed and shown. Members are named as in the HTTP contract. */
import type { Target } from '../deps.ts';
import type { ListItem } from './message.ts';

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

/** Seconds from one poll to the next, on average; 0: no polls; `auto`: by how often mail comes. */
export type PollSeconds = number | 'auto';

/** What POST /v1/accounts takes, defaults filled in. */
export interface AccountSettings {
  email: string | null;
  externalId: string | null;
  server: Target;
  auth: { username: string; password: string | null; accessToken: string | null; method: Method };
  initial: 'all' | 'none';
  pollSeconds: PollSeconds;
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
  pollSeconds?: PollSeconds;
  paused?: boolean;
  cache?: { maxBytes?: number; maxMessageBytes?: number };
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
  pollSeconds: PollSeconds;
  location: string | null;
  jurisdiction: string | null;
  cache: { maxBytes: number; maxMessageBytes: number; usedBytes: number };
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
  /** Whether the alarm was found unset that should have been set. */
  alarmLost: boolean;
  email: string | null;
  externalId: string | null;
  host: string;
}
