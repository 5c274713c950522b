/**
 * What the HTTP side may ask of the Directory: which accounts exist. Types only, plain data.
 * An account is `pending` from before its Mailbox is made until after, `live`, then `removing`
 * until its Mailbox has forgotten everything; only live ones are listed.
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
        | { kind: 'misconfigured'; detail: string };
    };

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
  list(query: DirectoryQuery): Promise<DirectoryResult<{ data: DirectoryEntry[]; nextCursor: string | null }>>;
}
