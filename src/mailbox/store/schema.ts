/**
 * The tables of one Mailbox, as numbered steps. A step that has been released is never edited:
 * a change is a further step. Which steps ran is a table of its own, because `PRAGMA user_version`
 * is refused in Durable Objects.
 *
 * In clear are only ids, keyed hashes, sizes, times and places. Everything that a person wrote or
 * a server said about a person is a sealed box (see `crypto/envelope.ts`), named "box" below.
 */
import type { Sql } from '../deps.ts';

/**
 * Times are milliseconds since the epoch. A place is a number of the account's one sequence, in which each creation, update
 * and destruction of a message and each renumbering takes the next one: lists, the change feed and its states go by it.
 */
export const SCHEMA_STEPS: readonly string[] = [
  `
  CREATE TABLE account (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    id             TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    data_key       BLOB NOT NULL,              -- the account's data key, wrapped by the master key
    epoch          BLOB NOT NULL,              -- 8 octets; names this ledger in every state
    settings       BLOB NOT NULL,              -- box: all that POST took but the secrets
    credentials    BLOB NOT NULL,              -- box: password or access token
    place          INTEGER NOT NULL DEFAULT 0, -- the last place given
    feed_start     INTEGER NOT NULL DEFAULT 0, -- creations up to here are not part of the feed
    pruned         INTEGER NOT NULL DEFAULT 0, -- tombstones up to this place may be forgotten
    renumbered     INTEGER NOT NULL DEFAULT 0  -- place of the last renumbering
  ) STRICT;

  CREATE TABLE health (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    state          TEXT NOT NULL,              -- new, ready, auth_failed, unreachable
    state_since    INTEGER NOT NULL,
    failures       INTEGER NOT NULL DEFAULT 0, -- in a row
    refusals       INTEGER NOT NULL DEFAULT 0, -- logins refused without a response code, in a row
    refused_at     INTEGER,
    error_code     TEXT,
    error_at       INTEGER,
    attempted_at   INTEGER,                    -- the last time the server was asked, whatever came of it
    checked_at     INTEGER,                    -- the last complete listing
    retry_at       INTEGER,                    -- no login by alarm before this
    login_after    INTEGER,                    -- no login at all before this: the server said so
    server         BLOB                        -- box: capabilities as last announced
  ) STRICT;

  CREATE TABLE hint (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    messages       INTEGER NOT NULL,           -- STAT of the last listing
    octets         INTEGER NOT NULL,
    number         INTEGER NOT NULL,           -- the last message number, 0 when empty
    uidl_hash      BLOB                        -- and the keyed hash of its UIDL
  ) STRICT;

  CREATE TABLE messages (
    created        INTEGER PRIMARY KEY,        -- place of its creation; never moves; the order of all lists
    updated        INTEGER,                    -- place of its last update
    destroyed      INTEGER,                    -- place of its destruction; null while it is live
    id             TEXT NOT NULL UNIQUE,
    uidl           BLOB,                       -- box: the UIDL's octets
    uidl_hash      BLOB NOT NULL,              -- keyed, 16 octets
    occurrence     INTEGER NOT NULL,           -- 0, or which one of several with this UIDL
    fingerprint    BLOB,                       -- keyed hash of Message-ID, Date and size; null until headers are known
    size           INTEGER NOT NULL,           -- as LIST said
    first_seen     INTEGER NOT NULL,
    last_seen      INTEGER NOT NULL,           -- written when it comes and when it goes; in between checked_at tells
    gone_at        INTEGER,
    gone_why       TEXT,                       -- server, api
    detail         INTEGER NOT NULL,           -- 0 uidl, 1 headers, 2 full
    summary        BLOB,                       -- box: the list members
    tries          INTEGER NOT NULL DEFAULT 0, -- failed attempts to read it, in a row
    retry_at       INTEGER                     -- not to be indexed before this
  ) STRICT;
  CREATE UNIQUE INDEX messages_uidl ON messages (uidl_hash, occurrence);
  CREATE INDEX messages_live ON messages (created, size) WHERE destroyed IS NULL;
  CREATE INDEX messages_updated ON messages (updated) WHERE updated IS NOT NULL;
  CREATE INDEX messages_destroyed ON messages (destroyed) WHERE destroyed IS NOT NULL;

  CREATE TABLE copies (
    message        INTEGER PRIMARY KEY,        -- messages.created
    octets         INTEGER NOT NULL,
    complete       INTEGER NOT NULL,
    scratch        INTEGER NOT NULL,           -- 1: above the cache's cap, goes after its last reader
    read_at        INTEGER NOT NULL,
    outline        BLOB                        -- box: part tree with offsets and digests
  ) STRICT;

  CREATE TABLE octets (
    message        INTEGER NOT NULL,
    row            INTEGER NOT NULL,
    box            BLOB NOT NULL,              -- 256 KiB of the message, the last row shorter
    PRIMARY KEY (message, row)
  ) STRICT;

  CREATE TABLE deletions (
    message        INTEGER PRIMARY KEY,        -- messages.created; the intent to delete it upstream
    asked_at       INTEGER NOT NULL,
    written        INTEGER NOT NULL,           -- 1: DELE may have reached the server
    tries          INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE tokens (
    id             TEXT PRIMARY KEY,
    hash           TEXT NOT NULL UNIQUE,       -- hex SHA-256 of the token
    scopes         TEXT NOT NULL,              -- space-separated
    expires_at     INTEGER,
    about          BLOB NOT NULL,              -- box: label and origins
    created_at     INTEGER NOT NULL,
    used_day       INTEGER                     -- days since the epoch
  ) STRICT;
  `,
  `
  CREATE TABLE checkpoints (
    name           TEXT PRIMARY KEY,
    place          INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE events (
    number         INTEGER PRIMARY KEY,        -- ascending; the newest 1,000 are kept
    at             INTEGER NOT NULL,
    what           TEXT NOT NULL,              -- a constant of the program
    about          BLOB NOT NULL               -- box: who did it, and to what
  ) STRICT;
  `,
  // A box: size and SHA-256 of the octets as last read; it outlives the copy.
  `
  ALTER TABLE messages ADD COLUMN digest BLOB;
  `,
  // `missed_at`: since when listings that aren't believed have lacked the message. `full_at`, `suspect_at`: see HintRow.
  `
  ALTER TABLE messages ADD COLUMN missed_at INTEGER;
  ALTER TABLE hint ADD COLUMN full_at INTEGER;
  ALTER TABLE hint ADD COLUMN suspect_at INTEGER;
  `,
  // `alarm_interval`: how far the armed alarm is behind the last check; null where it is set by something else (see `checks.ts`).
  `
  ALTER TABLE health ADD COLUMN alarm_interval INTEGER;
  `,
  // UIDLs that were sealed together: the message at `pack_at` of a pack has no box of its own (see `uidls.ts`).
  `
  CREATE TABLE uidl_packs (
    pack           INTEGER PRIMARY KEY,
    box            BLOB NOT NULL               -- box: a list of UIDLs
  ) STRICT;
  ALTER TABLE messages ADD COLUMN pack INTEGER;
  ALTER TABLE messages ADD COLUMN pack_at INTEGER;
  `,
  // Of live rows alone, so that the feed of a large ledger is counted and searched without its rows.
  `
  DROP INDEX messages_updated;
  CREATE INDEX messages_updated ON messages (updated) WHERE updated IS NOT NULL AND destroyed IS NULL;
  `,
];

/** Whether this object was ever given tables. Asks without writing, so that a call for an absent account leaves nothing behind. */
export function hasSchema(sql: Sql): boolean {
  return sql.exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_steps'`).length > 0;
}

/** Runs the steps that have not run yet. To be called inside a transaction or alone; idempotent. */
export function applySchema(sql: Sql, now: number): void {
  sql.exec(`CREATE TABLE IF NOT EXISTS schema_steps (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT`);
  const done = sql.exec<{ last: number | null }>(`SELECT max(number) AS last FROM schema_steps`)[0]?.last ?? 0;
  for (const [index, step] of SCHEMA_STEPS.entries()) {
    const number = index + 1;
    if (number <= done) continue;
    sql.exec(step);
    sql.exec(`INSERT INTO schema_steps (number, applied_at) VALUES (?, ?)`, number, now);
  }
}
