/**
 * The tokens of an account: made, shown without their secrets, and revoked, which is forgetting their row. What has expired
 * is shown until the room is needed.
 */
import { MAILBOX } from '../limits.ts';
import { lastUsed, makeToken } from './access.ts';
import { MailboxError } from './failure.ts';
import type { Rooms } from './rooms.ts';
import type { NewToken, Scope, TokenEntry, TokenSettings } from './rpc.ts';
import type { TokenRow } from './store/account-store.ts';

/** Makes a token; its secret is told this once. `conflict` where the account has as many as it may. */
export async function createToken(settings: TokenSettings, by: string, { account, store, deps, events }: Rooms): Promise<NewToken> {
  const { row, token } = await makeToken(account, settings, deps);
  const event = await events.seal('token_created', by, { token: token.id });
  store.transaction(() => {
    if (store.account.countTokens() >= MAILBOX.tokens) store.account.removeExpiredTokens(deps.now());
    if (store.account.countTokens() >= MAILBOX.tokens) throw tooMany();
    store.account.insertToken(row);
    store.events.insert([event]);
  });
  return token;
}

/** All tokens, the oldest first. */
export async function listTokens({ account, store }: Rooms): Promise<TokenEntry[]> {
  const entry = async (row: TokenRow): Promise<TokenEntry> => {
    const { label, origins } = (await account.vault.openJson(row.about, row.id, 'about')) as Pick<TokenSettings, 'label' | 'origins'>;
    return {
      id: row.id,
      scopes: row.scopes.split(' ') as Scope[],
      expiresAt: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
      origins,
      label,
      createdAt: new Date(row.created_at).toISOString(),
      lastUsedAt: lastUsed(row),
    };
  };
  return Promise.all(store.account.tokens().map(entry));
}

/** From here on the token is worth nothing. An id of none is `not_found`. */
export async function revokeToken(id: string, by: string, { store, events }: Rooms): Promise<null> {
  if (!store.account.tokenById(id)) throw new MailboxError({ kind: 'not_found' });
  const event = await events.seal('token_revoked', by, { token: id });
  store.transaction(() => {
    if (!store.account.removeToken(id)) throw new MailboxError({ kind: 'not_found' });
    store.events.insert([event]);
  });
  return null;
}

function tooMany(): MailboxError {
  return new MailboxError({ kind: 'conflict', detail: `An account has at most ${MAILBOX.tokens} tokens. Revoke one that is not needed.` });
}
