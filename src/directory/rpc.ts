/**
 * What the HTTP side may ask of the Directory: which accounts exist. Types only, plain data.
 * An account is `pending` from before its Mailbox is made until after, `live`, then `removing`
 * until its Mailbox has forgotten everything; only live ones are listed. What it knows of an account's
 * doings is what the sweep brought back from the last visit.
 */

export interface DirectoryEntry {
  id: string;
  email: string | null;
  externalId: string | null;
  host: string;
  createdAt: string;
}

export type DirectoryResult<T> =
  | { ok: true; value: T }
  | {
      ok: false;
      failure:
        | { kind: 'invalid'; pointer: string; detail: string }
        | { kind: 'conflict'; account: string }
        | { kind: 'overloaded'; retryAfterSeconds: number }
        | { kind: 'misconfigured'; detail: string };
    };

/** What an entry says of its account beside the id. The account's Mailbox knows it better. */
export type Identity = Pick<DirectoryEntry, 'email' | 'externalId' | 'host'>;

export type AccountState = 'new' | 'ready' | 'auth_failed' | 'unreachable' | 'paused';

/** What a visit found. */
export interface Findings {
  state: AccountState;
  /** The code of what the last check failed with, or null. */
  errorCode: string | null;
  checkedAt: string | null;
  /** Checks that the account's alarm makes in a day. */
  pollsPerDay: number;
  /** Whether its alarm was lost. */
  alarmLost: boolean;
  identity: Identity;
}

/** A visit that was made; `findings` is null where nothing could be found out. */
export interface Visited {
  id: string;
  findings: Findings | null;
}

/** What the sweep has to do, the longest due first, some of each at a time. */
export interface Due {
  /** Entries that have been between two states for long. */
  unsettled: { id: string; state: 'pending' | 'removing' }[];
  /** Live accounts to visit. */
  visits: string[];
}

/** Figures about all accounts, as of their last visits. */
export interface DeploymentStats {
  /** Live accounts by state. */
  accounts: Record<AccountState, number>;
  /** Accounts that are checked by their alarm, and how many checks that makes in a day. */
  polls: { accounts: number; perDay: number };
  /** Accounts whose last check failed, by the code of the failure. */
  failures: Record<string, number>;
  /** Of the accounts that are checked by their alarm, the one whose last complete check is the longest ago. */
  oldestUnchecked: { account: string; checkedAt: string | null } | null;
  /** No figure is older than this; null without accounts. */
  asOf: string | null;
}

export interface DirectoryQuery {
  limit: number;
  cursor: string | null;
  externalId: string | null;
}

export interface DirectoryRpc {
  /** Step one of an account's life: reserves its id and its `externalId`; a taken one is `conflict`. */
  reserve(entry: DirectoryEntry): Promise<DirectoryResult<null>>;
  /** Step two: the Mailbox exists. */
  confirm(id: string): Promise<DirectoryResult<null>>;
  /** Step one of removal (or of giving up a reservation): no longer listed, `externalId` still taken. */
  release(id: string): Promise<DirectoryResult<null>>;
  /** Step two of removal: forgotten. */
  forget(id: string): Promise<DirectoryResult<null>>;
  /**
   * Step one of changing an account's identity: for about a minute nobody else may do so, nor take the `externalId` that
   * it is to have (undefined: the one it has). A taken one is `conflict`, a change under way `overloaded`.
   */
  propose(id: string, externalId: string | null | undefined): Promise<DirectoryResult<null>>;
  /** Step two: the Mailbox has changed, this is what it says now. */
  settle(id: string, identity: Identity): Promise<DirectoryResult<null>>;
  /** Step two where the Mailbox has refused the change. */
  withdraw(id: string): Promise<DirectoryResult<null>>;
  due(): Promise<DirectoryResult<Due>>;
  /** Takes down what visits found, and when the next ones are due. */
  visited(visits: Visited[]): Promise<DirectoryResult<null>>;
  stats(): Promise<DirectoryResult<DeploymentStats>>;
  list(query: DirectoryQuery): Promise<DirectoryResult<{ data: DirectoryEntry[]; nextCursor: string | null }>>;
}
