/** What lets others in: tokens of an account, and tickets for one path. Members are named as in the HTTP contract. */
import type { Scope } from './call.ts';

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

/** A path with its query, relative to the gateway, and when it ends. */
export interface Ticket {
  url: string;
  expiresAt: string;
}
