/** The change feed, its checkpoints, and a sync. Members are named as in the HTTP contract. */
import type { ListItem } from './message.ts';
import type { EntityTags } from './octets.ts';

export interface SyncView {
  /** Null only before the first listing. */
  state: string | null;
  checkedAt: string | null;
  stale: boolean;
  problem: string | null;
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
