/**
 * Account tokens: who may do what. Only a token's hash is stored; revocation is the absence of its row.
 * `manage` implies the other scopes.
 */
import { newTokenId } from '../crypto/ids.ts';
import { hashToken, newToken } from '../crypto/token.ts';
import type { Account } from './account.ts';
import type { Deps } from './deps.ts';
import { MailboxError } from './failure.ts';
import type { TokenRow } from './store/account-store.ts';
import type { Store } from './store.ts';
import type { Caller, NewToken, Scope, TokenSettings } from './rpc.ts';

const DAY = 24 * 60 * 60 * 1000;

/** A new token for `account`: what is stored and what its owner is told, once. */
export async function makeToken(
  account: Account,
  settings: TokenSettings,
  deps: Pick<Deps, 'now' | 'random'>,
): Promise<{ row: Omit<TokenRow, 'used_day'>; token: NewToken }> {
  const id = newTokenId(deps.random);
  const secret = newToken(deps.random, account.id);
  const now = deps.now();
  const { scopes, expiresAt, origins, label } = settings;
  const row = {
    id,
    hash: hashToken(secret),
    scopes: scopes.join(' '),
    expires_at: expiresAt === null ? null : Date.parse(expiresAt),
    about: await account.vault.sealJson({ label, origins }, id, 'about'),
    created_at: now,
  };
  return { row, token: { id, secret, scopes, expiresAt, origins, label, createdAt: new Date(now).toISOString() } };
}

/** The token that `caller` holds, or null for the operator. Throws `unauthorized` for one that isn't (or is no longer) good. */
export async function tokenOf(
  caller: Caller,
  account: Account,
  store: Store,
  now: number,
): Promise<(TokenSettings & { row: TokenRow }) | null> {
  if (caller.kind === 'operator') return null;
  const row = store.account.tokenByHash(caller.hash);
  if (!row || (row.expires_at !== null && row.expires_at <= now)) throw new MailboxError({ kind: 'unauthorized' });
  const about = (await account.vault.openJson(row.about, row.id, 'about')) as Pick<TokenSettings, 'label' | 'origins'>;
  const expiresAt = row.expires_at === null ? null : new Date(row.expires_at).toISOString();
  if (caller.origin !== null && about.origins.length > 0 && !about.origins.includes(caller.origin))
    throw new MailboxError({ kind: 'forbidden', detail: 'This token may not be used from a page of this origin.' });
  return { row, scopes: row.scopes.split(' ') as Scope[], expiresAt, ...about };
}

/** Lets `caller` pass or throws: `unauthorized` for a token that isn't good, `forbidden` for scope or origin. */
export async function authorize(caller: Caller, scope: Scope, account: Account, store: Store, now: number): Promise<void> {
  const token = await tokenOf(caller, account, store, now);
  if (!token) return;
  if (!token.scopes.includes(scope) && !token.scopes.includes('manage'))
    throw new MailboxError({ kind: 'forbidden', detail: `This token lacks the scope "${scope}".` });
  const day = Math.floor(now / DAY);
  if (token.row.used_day !== day) store.account.tokenUsed(token.row.id, day);
}
