/** Statements on the account itself: its one row, its health, its hint and its tokens. */
import type { Sql } from '../deps.ts';

export type AccountRow = {
  id: string;
  created_at: number;
  data_key: Uint8Array;
  epoch: Uint8Array;
  settings: Uint8Array;
  credentials: Uint8Array;
  place: number;
  feed_start: number;
  pruned: number;
  renumbered: number;
};

export type HealthState = 'new' | 'ready' | 'auth_failed' | 'unreachable';

export type HealthRow = {
  state: HealthState;
  state_since: number;
  failures: number;
  refusals: number;
  refused_at: number | null;
  error_code: string | null;
  error_at: number | null;
  attempted_at: number | null;
  checked_at: number | null;
  retry_at: number | null;
  login_after: number | null;
  alarm_interval: number | null;
};

/**
 * What the last listing left behind. `uidl_hash`: of the message with the highest number; null where there is none.
 * `full_at`: of the last full listing; `suspect_at`: since when listings are not believed, or null.
 */
export type HintRow = {
  messages: number;
  octets: number;
  number: number;
  uidl_hash: Uint8Array | null;
  full_at: number | null;
  suspect_at: number | null;
};

export type TokenRow = {
  id: string;
  hash: string;
  scopes: string;
  expires_at: number | null;
  about: Uint8Array;
  created_at: number;
  used_day: number | null;
};

export class AccountStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  insert(row: Pick<AccountRow, 'id' | 'created_at' | 'data_key' | 'epoch' | 'settings' | 'credentials'>): void {
    this.#sql.exec(
      `INSERT INTO account (one, id, created_at, data_key, epoch, settings, credentials) VALUES (1, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.created_at,
      row.data_key,
      row.epoch,
      row.settings,
      row.credentials,
    );
    this.#sql.exec(`INSERT INTO health (one, state, state_since) VALUES (1, 'new', ?)`, row.created_at);
  }

  row(): AccountRow | null {
    return this.#sql.exec<AccountRow>(`SELECT * FROM account`)[0] ?? null;
  }

  setSettings(row: Pick<AccountRow, 'settings' | 'credentials'>): void {
    this.#sql.exec(`UPDATE account SET settings = ?, credentials = ?`, row.settings, row.credentials);
  }

  setDataKey(wrapped: Uint8Array): void {
    this.#sql.exec(`UPDATE account SET data_key = ?`, wrapped);
  }

  /** Makes every box of this account unreadable for good. */
  destroyDataKey(): void {
    this.setDataKey(new Uint8Array(0));
  }

  /** Takes the next `count` places and returns the first of them. Only inside the transaction that uses them. */
  takePlaces(count: number): number {
    const last = this.#sql.exec<{ place: number }>(`UPDATE account SET place = place + ? RETURNING place`, count)[0];
    if (!last) throw new Error('no account row');
    return last.place - count + 1;
  }

  /** Tombstones up to this place may be forgotten by now. */
  setPruned(place: number): void {
    this.#sql.exec(`UPDATE account SET pruned = max(pruned, ?)`, place);
  }

  /** The server gave its messages new UIDLs: the feed says so at this place. */
  setRenumbered(place: number): void {
    this.#sql.exec(`UPDATE account SET renumbered = ?`, place);
  }

  /** What is listed so far is no part of the feed. */
  startFeedHere(): void {
    this.#sql.exec(`UPDATE account SET feed_start = place`);
  }

  health(): HealthRow {
    const row = this.#sql.exec<HealthRow>(
      `SELECT state, state_since, failures, refusals, refused_at, error_code, error_at, attempted_at, checked_at, retry_at, login_after,
         alarm_interval FROM health`,
    )[0];
    if (!row) throw new Error('no health row');
    return row;
  }

  setHealth(row: HealthRow): void {
    this.#sql.exec(
      `UPDATE health SET state = ?, state_since = ?, failures = ?, refusals = ?, refused_at = ?, error_code = ?, error_at = ?,
         attempted_at = ?, checked_at = ?, retry_at = ?, login_after = ?, alarm_interval = ?`,
      row.state,
      row.state_since,
      row.failures,
      row.refusals,
      row.refused_at,
      row.error_code,
      row.error_at,
      row.attempted_at,
      row.checked_at,
      row.retry_at,
      row.login_after,
      row.alarm_interval,
    );
  }

  server(): Uint8Array | null {
    return this.#sql.exec<{ server: Uint8Array | null }>(`SELECT server FROM health`)[0]?.server ?? null;
  }

  setServer(box: Uint8Array): void {
    this.#sql.exec(`UPDATE health SET server = ?`, box);
  }

  hint(): HintRow | null {
    return this.#sql.exec<HintRow>(`SELECT messages, octets, number, uidl_hash, full_at, suspect_at FROM hint`)[0] ?? null;
  }

  setHint(row: HintRow): void {
    this.#sql.exec(
      `INSERT INTO hint (one, messages, octets, number, uidl_hash, full_at, suspect_at) VALUES (1, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (one) DO UPDATE SET messages = excluded.messages, octets = excluded.octets, number = excluded.number,
         uidl_hash = excluded.uidl_hash, full_at = excluded.full_at, suspect_at = excluded.suspect_at`,
      row.messages,
      row.octets,
      row.number,
      row.uidl_hash,
      row.full_at,
      row.suspect_at,
    );
  }

  /** The ledger has changed under what the last listing left behind: only a full one settles it. */
  doubtHint(): void {
    this.#sql.exec(`UPDATE hint SET full_at = NULL WHERE full_at IS NOT NULL`);
  }

  /** The maildrop that was last listed is another one now: nothing that it lacked says anything. */
  forgetHint(): void {
    this.#sql.exec(`DELETE FROM hint`);
    this.#sql.exec(`UPDATE messages SET missed_at = NULL WHERE missed_at IS NOT NULL`);
  }

  /** What the server announced is of no interest any more: it is another one now. */
  forgetServer(): void {
    this.#sql.exec(`UPDATE health SET server = NULL`);
  }

  insertToken(row: Omit<TokenRow, 'used_day'>): void {
    this.#sql.exec(
      `INSERT INTO tokens (id, hash, scopes, expires_at, about, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
      row.id,
      row.hash,
      row.scopes,
      row.expires_at,
      row.about,
      row.created_at,
    );
  }

  tokenByHash(hash: string): TokenRow | null {
    return this.#sql.exec<TokenRow>(`SELECT * FROM tokens WHERE hash = ?`, hash)[0] ?? null;
  }

  tokenById(id: string): TokenRow | null {
    return this.#sql.exec<TokenRow>(`SELECT * FROM tokens WHERE id = ?`, id)[0] ?? null;
  }

  /** All tokens, the oldest first. */
  tokens(): TokenRow[] {
    return this.#sql.exec<TokenRow>(`SELECT * FROM tokens ORDER BY created_at, id`);
  }

  countTokens(): number {
    return this.#sql.exec<{ n: number }>(`SELECT count(*) AS n FROM tokens`)[0]?.n ?? 0;
  }

  /** False if there is none of that id. */
  removeToken(id: string): boolean {
    return this.#sql.exec(`DELETE FROM tokens WHERE id = ? RETURNING id`, id).length > 0;
  }

  removeExpiredTokens(now: number): void {
    this.#sql.exec(`DELETE FROM tokens WHERE expires_at <= ?`, now);
  }

  tokenUsed(id: string, day: number): void {
    this.#sql.exec(`UPDATE tokens SET used_day = ? WHERE id = ?`, day, id);
  }
}
