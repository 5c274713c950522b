/**
 * Account tokens: who may do what. Only a token's hash is stored; revocation is the absence of its row.
 * `manage` implies the other scopes.
 */
import { newTokenId } from '../crypto/ids.ts';
import { readTicket } from '../crypto/ticket.ts';
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

/** In whose name a call is made: of a token, or (null) of the operator; and when that ends, milliseconds, or null. */
export interface Holder {
  readonly token: TokenRow | null;
  readonly until: number | null;
}

/**
 * The row of the token in whose name `caller` asks, while it is good; null for any other, and for the operator. A ticket can only
 * be judged with its account at hand: without one (null) it is none.
 */
export function goodToken(caller: Caller, account: Account | null, store: Store, now: number): TokenRow | null {
  return caller.kind === 'operator' ? null : (holding(caller, account, store, now)?.token ?? null);
}

/** In whose name `caller` asks. Throws `unauthorized` for a token or a ticket that isn't (or is no longer) good. */
export function holderOf(caller: Caller, account: Account, store: Store, now: number): Holder {
  if (caller.kind === 'operator') return { token: null, until: null };
  const holder = holding(caller, account, store, now);
  if (!holder) throw new MailboxError({ kind: 'unauthorized' });
  return holder;
}

function holding(caller: Exclude<Caller, { kind: 'operator' }>, account: Account | null, store: Store, now: number): Holder | null {
  if (caller.kind === 'ticket') return account && ticketHolder(caller, account, store, now);
  const token = store.account.tokenByHash(caller.hash);
  return isGood(token, now) ? { token, until: token.expires_at } : null;
}

/** A ticket is worth what the token is worth now that it was issued to: nothing once that is revoked or has expired. */
function ticketHolder(caller: Extract<Caller, { kind: 'ticket' }>, account: Account, store: Store, now: number): Holder | null {
  const claims = readTicket(account.vault, account.id, caller.path, caller.ticket);
  if (!claims || claims.end <= now) return null;
  if (claims.token === null) return { token: null, until: claims.end };
  const token = store.account.tokenById(claims.token);
  if (!isGood(token, now)) return null;
  return { token, until: Math.min(claims.end, token.expires_at ?? claims.end) };
}

function isGood(row: TokenRow | null, now: number): row is TokenRow {
  return row !== null && (row.expires_at === null || row.expires_at > now);
}

/** When a token was last used: the beginning of that day (UTC), or null. */
export function lastUsed({ used_day: day }: TokenRow): string | null {
  return day === null ? null : new Date(day * DAY).toISOString();
}

/**
 * The token in whose name `caller` asks, its settings opened, or null for the operator. Throws as `holderOf` does, and `forbidden`
 * where it may not be used from a page of the caller's origin.
 */
export async function tokenOf(
  caller: Caller,
  account: Account,
  store: Store,
  now: number,
): Promise<(TokenSettings & { row: TokenRow }) | null> {
  if (caller.kind === 'operator') return null;
  const { token: row } = holderOf(caller, account, store, now);
  if (!row) return null;
  const about = (await account.vault.openJson(row.about, row.id, 'about')) as Pick<TokenSettings, 'label' | 'origins'>;
  const expiresAt = row.expires_at === null ? null : new Date(row.expires_at).toISOString();
  if (caller.origin !== null && about.origins.length > 0 && !about.origins.includes(caller.origin))
    throw new MailboxError({ kind: 'forbidden', detail: 'This token may not be used from a page of this origin.' });
  return { row, scopes: row.scopes.split(' ') as Scope[], expiresAt, ...about };
}

/** Lets `caller` pass and notes the day, or throws: as `tokenOf` does, and `forbidden` for want of `scope`. */
export async function authorize(caller: Caller, scope: Scope, account: Account, store: Store, now: number): Promise<void> {
  // Whoever issued a ticket gave away reading, and nothing else that the token may.
  if (caller.kind === 'ticket' && scope !== 'read') throw new MailboxError({ kind: 'unauthorized' });
  const token = await tokenOf(caller, account, store, now);
  if (!token) return;
  if (!token.scopes.includes(scope) && !token.scopes.includes('manage'))
    throw new MailboxError({ kind: 'forbidden', detail: `This token lacks the scope "${scope}".` });
  const day = Math.floor(now / DAY);
  if (token.row.used_day !== day) store.account.tokenUsed(token.row.id, day);
}
