/**
 * The Directory without its platform: which accounts exist, over the handed-in SQL, clock and randomness. Two accounts
 * never hold one `externalId`: sealing is asynchronous and done first, then check and write are one synchronous
 * transaction. Whatever goes wrong is a value; a master key that is missing or wrong changes nothing.
 */
import { EnvelopeError } from '../crypto/envelope.ts';
import { isAccountId } from '../crypto/ids.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { issueCursor, readCursor } from '../crypto/page-cursor.ts';
import type { Random } from '../crypto/random.ts';
import { needsRewrap, rewrap, Vault } from '../crypto/vault.ts';
import { HTTP } from '../limits.ts';
import { log } from '../log.ts';
import type { Sql } from '../mailbox/deps.ts';
import { Census } from './census.ts';
import { entryProblem } from './entry.ts';
import { hashOf, Identities, sealIdentity } from './identity.ts';
import { conflict, DONE, invalid } from './result.ts';
import type { DeploymentStats, DirectoryEntry, DirectoryQuery, DirectoryResult, DirectoryRpc, Due, Identity, Visited } from './rpc.ts';
import { DirectoryStore, type EntryRow } from './store.ts';

/** Who owns the Directory's data key and its boxes. No account has this id. */
const OWNER = 'directory';

export interface RegistryDeps {
  readonly sql: Sql;
  /** Milliseconds since the epoch. */
  now(): number;
  readonly random: Random;
}

export class Registry implements DirectoryRpc {
  readonly #deps: RegistryDeps;
  readonly #keyring: Keyring;
  readonly #store: DirectoryStore;
  readonly #identities: Identities;
  readonly #census: Census;
  #opened: Vault | null = null;

  constructor(deps: RegistryDeps, keyring: Keyring) {
    this.#deps = deps;
    this.#keyring = keyring;
    this.#store = new DirectoryStore(deps.sql);
    this.#store.migrate(deps.now());
    this.#identities = new Identities(
      this.#store,
      () => this.#vault(),
      () => deps.now(),
    );
    this.#census = new Census(deps.sql, () => deps.now());
  }

  /** The same reservation again is no conflict with itself. A reservation that was left unconfirmed for long is superseded. */
  reserve(entry: DirectoryEntry): Promise<DirectoryResult<null>> {
    const problem = entryProblem(entry);
    if (problem !== null) return Promise.resolve(problem);
    return this.#answer(async () => {
      const vault = await this.#vault();
      const { id, email, externalId, host, createdAt } = entry;
      const row = {
        id,
        ...(await sealIdentity({ email, externalId, host }, id, vault)),
        created_at: Date.parse(createdAt),
      };
      return this.#store.transaction(() => this.#insert(row));
    });
  }

  #insert(row: Pick<EntryRow, 'id' | 'external_hash' | 'box' | 'created_at'>): DirectoryResult<null> {
    const now = this.#deps.now();
    const same = this.#store.entry(row.id);
    if (same) return same.state === 'pending' ? DONE : conflict(row.id);
    const taken = this.#identities.claim(row.external_hash, row.id);
    if (taken) return taken;
    this.#store.insert({ ...row, since: now });
    return DONE;
  }

  propose(id: string, externalId: string | null | undefined): Promise<DirectoryResult<null>> {
    return this.#answer(() => this.#identities.propose(id, externalId));
  }

  settle(id: string, identity: Identity): Promise<DirectoryResult<null>> {
    return this.#answer(() => this.#identities.settle(id, identity));
  }

  withdraw(id: string): Promise<DirectoryResult<null>> {
    return this.#change(id, () => {
      this.#store.withdraw(id);
      return DONE;
    });
  }

  due(): Promise<DirectoryResult<Due>> {
    return Promise.resolve({ ok: true, value: this.#census.due() });
  }

  visited(visits: Visited[]): Promise<DirectoryResult<null>> {
    return this.#answer(async () => {
      const changing = this.#census.visited(visits);
      for (const { id, identity } of changing) {
        const settled = await this.#identities.settle(id, identity);
        if (!settled.ok) log('identity_left_behind', { account: id, code: settled.failure.kind });
      }
      return DONE;
    });
  }

  stats(): Promise<DirectoryResult<DeploymentStats>> {
    return Promise.resolve({ ok: true, value: this.#census.stats() });
  }

  /** `conflict` when the reservation is no more: it names the account that took the `externalId` over, or else the id itself. */
  confirm(id: string): Promise<DirectoryResult<null>> {
    return this.#change(id, (entry) => {
      if (entry === null || entry.state === 'removing') return conflict(entry?.superseded_by ?? id);
      if (entry.state === 'pending') this.#store.setState(id, 'live', this.#deps.now());
      return DONE;
    });
  }

  release(id: string): Promise<DirectoryResult<null>> {
    return this.#change(id, (entry) => {
      if (entry !== null && entry.state !== 'removing') this.#store.setState(id, 'removing', this.#deps.now());
      return DONE;
    });
  }

  /** Only what was released is forgotten; anything else in that place is `conflict`. What is not there is forgotten already. */
  forget(id: string): Promise<DirectoryResult<null>> {
    return this.#change(id, (entry) => {
      if (entry !== null && entry.state !== 'removing') return conflict(id);
      this.#store.remove(id);
      return DONE;
    });
  }

  #change(id: string, change: (entry: EntryRow | null) => DirectoryResult<null>): Promise<DirectoryResult<null>> {
    if (!isAccountId(id)) return Promise.resolve(invalid('/id', 'This is not an account id.'));
    return Promise.resolve(this.#store.transaction(() => change(this.#store.entry(id))));
  }

  /** Live accounts in order of creation. One that becomes live while a listing is read may lie behind its cursor. */
  list(query: DirectoryQuery): Promise<DirectoryResult<{ data: DirectoryEntry[]; nextCursor: string | null }>> {
    const { limit } = query;
    if (!Number.isInteger(limit) || limit < 1 || limit > HTTP.pageSize)
      return Promise.resolve(invalid('/limit', `Must be a whole number from 1 to ${HTTP.pageSize}.`));
    return this.#answer(async () => {
      const vault = await this.#vault();
      const scope = scopeOf(query);
      const from = query.cursor === null ? null : readCursor(vault, scope, query.cursor);
      if (query.cursor !== null && from?.order !== 'oldest') return invalid('/cursor', 'This cursor does not belong to this listing.');
      const rows = this.#rows(query, vault, from?.place ?? 0);
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      const nextCursor = last && rows.length > limit ? issueCursor(vault, scope, 'oldest', last.place) : null;
      return { ok: true, value: { data: await Promise.all(shown.map((row) => viewOf(row, vault))), nextCursor } };
    });
  }

  /** One row more than asked for, where there is one. */
  #rows({ limit, externalId }: DirectoryQuery, vault: Vault, after: number): EntryRow[] {
    if (externalId === null) return this.#store.livePage(after, limit + 1);
    const holder = this.#store.holder(hashOf(vault, externalId));
    return holder?.state === 'live' ? [holder] : [];
  }

  /** The Directory's vault: made on first use, wrapped anew when the first master key is another one. */
  async #vault(): Promise<Vault> {
    this.#opened ??= await this.#openVault();
    return this.#opened;
  }

  async #openVault(): Promise<Vault> {
    const stored = this.#store.dataKey() ?? (await this.#makeDataKey());
    const vault = await Vault.open(this.#keyring, OWNER, stored, this.#deps.random);
    if (needsRewrap(stored, this.#keyring))
      this.#store.replaceDataKey(await rewrap(this.#keyring, OWNER, stored, this.#deps.random), stored);
    return vault;
  }

  /** A new data key, stored; or the one that another call stored meanwhile. */
  async #makeDataKey(): Promise<Uint8Array> {
    const { wrapped } = await Vault.create(this.#keyring, OWNER, this.#deps.random);
    return this.#store.transaction(() => {
      const stored = this.#store.dataKey();
      if (stored === null) this.#store.insertDataKey(wrapped);
      return stored ?? wrapped;
    });
  }

  async #answer<T>(work: () => Promise<DirectoryResult<T>>): Promise<DirectoryResult<T>> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof EnvelopeError) return { ok: false, failure: { kind: 'misconfigured', detail: SENTENCES[error.failure.kind] } };
      throw error;
    }
  }
}

const ALTERED =
  'A value stored in the directory cannot be opened: MASTER_KEY holds another key under the same name, or storage was altered.';

const SENTENCES: Record<EnvelopeError['failure']['kind'], string> = {
  unknown_key: 'MASTER_KEY lacks the key that the directory was sealed with. Add it back behind the first one.',
  damaged: ALTERED,
  malformed: ALTERED,
};

/** A listing with a filter has one entry at most and issues no cursor, so none is ever read there. */
function scopeOf({ externalId }: DirectoryQuery): string {
  return externalId === null ? `${OWNER}/accounts` : `${OWNER}/accounts/externalId`;
}

async function viewOf(row: EntryRow, vault: Vault): Promise<DirectoryEntry> {
  const { email, externalId, host } = (await vault.openJson(row.box, row.id, 'entry')) as Identity;
  return { id: row.id, email, externalId, host, createdAt: new Date(row.created_at).toISOString() };
}
