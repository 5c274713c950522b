/**
 * An account as the Mailbox holds it in memory: its settings and secrets opened, its vault at hand.
 * At rest all of that is sealed under the account's data key, which is wrapped by the operator's master key.
 * There is one of these for each open account, and settings are read from it where they are needed and kept nowhere else,
 * so that a change holds everywhere at once.
 */
import type { Keyring } from '../crypto/keyring.ts';
import type { Random } from '../crypto/random.ts';
import { issueState, readState } from '../crypto/state.ts';
import { Vault } from '../crypto/vault.ts';
import { MailboxError } from './failure.ts';
import type { AccountRow } from './store/account-store.ts';
import type { AccountSettings } from './rpc.ts';

/** Settings without secrets: what a view may show. */
export type Settings = Omit<AccountSettings, 'auth'> & { auth: Pick<AccountSettings['auth'], 'username' | 'method'> };

export type Credentials = Pick<AccountSettings['auth'], 'password' | 'accessToken'>;

/** What a session is opened with: an account's own, or what is to become its own. */
export interface Login {
  readonly settings: Pick<Settings, 'server' | 'auth'>;
  readonly credentials: Credentials;
}

export class Account {
  readonly id: string;
  readonly createdAt: number;
  readonly epoch: Uint8Array;
  readonly vault: Vault;
  #settings: Settings;
  #credentials: Credentials;

  private constructor(parts: Pick<Account, 'id' | 'createdAt' | 'epoch' | 'vault' | 'settings' | 'credentials'>) {
    this.id = parts.id;
    this.createdAt = parts.createdAt;
    this.epoch = parts.epoch;
    this.vault = parts.vault;
    this.#settings = parts.settings;
    this.#credentials = parts.credentials;
  }

  /** A new account and the row that will hold it; nothing is stored here. */
  static async make(
    keyring: Keyring,
    id: string,
    given: AccountSettings,
    now: number,
    random: Random,
  ): Promise<{ account: Account; row: Pick<AccountRow, 'id' | 'created_at' | 'data_key' | 'epoch' | 'settings' | 'credentials'> }> {
    const { vault, wrapped } = await Vault.create(keyring, id, random);
    const { password, accessToken, ...auth } = given.auth;
    const settings: Settings = { ...given, auth };
    const credentials: Credentials = { password, accessToken };
    const epoch = random(8);
    const row = {
      id,
      created_at: now,
      data_key: wrapped,
      epoch,
      ...(await sealed(vault, settings, credentials)),
    };
    return { account: new Account({ id, createdAt: now, epoch, vault, settings, credentials }), row };
  }

  /** Opens a stored account. Throws `EnvelopeError` where the master key is missing or wrong. */
  static async open(keyring: Keyring, row: AccountRow, random: Random): Promise<Account> {
    const vault = await Vault.open(keyring, row.id, row.data_key, random);
    const settings = (await vault.openJson(row.settings, 'account', 'settings')) as Settings;
    const credentials = (await vault.openJson(row.credentials, 'account', 'credentials')) as Credentials;
    return new Account({ id: row.id, createdAt: row.created_at, epoch: row.epoch, vault, settings, credentials });
  }

  get settings(): Settings {
    return this.#settings;
  }

  get credentials(): Credentials {
    return this.#credentials;
  }

  /** How other settings and credentials of this account are stored. */
  seal(settings: Settings, credentials: Credentials): Promise<Pick<AccountRow, 'settings' | 'credentials'>> {
    return sealed(this.vault, settings, credentials);
  }

  /** From here on these hold. To be called with the transaction that stores them. */
  adopt(settings: Settings, credentials: Credentials): void {
    this.#settings = settings;
    this.#credentials = credentials;
  }

  /** The opaque state of a place in this account's sequence. */
  state(place: number): string {
    return issueState(this.vault, this.id, this.epoch, place);
  }

  /** The place of a state that this account issued; anything else is `invalid` at `pointer`. */
  place(state: string, pointer: string): number {
    const place = readState(this.vault, this.id, this.epoch, state);
    if (place === null) throw new MailboxError({ kind: 'invalid', pointer, detail: 'This state was not issued by this account.' });
    return place;
  }
}

async function sealed(vault: Vault, settings: Settings, credentials: Credentials): Promise<Pick<AccountRow, 'settings' | 'credentials'>> {
  return {
    settings: await vault.sealJson(settings, 'account', 'settings'),
    credentials: await vault.sealJson(credentials, 'account', 'credentials'),
  };
}
