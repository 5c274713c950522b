/**
 * Who asks (RFC 6750 §2.1: `Authorization: Bearer`). An operator's key is compared here, in constant time.
 * A token is only parsed and hashed here: whether it is one of its account's tokens, still valid and allowed
 * to do what it asks for, only that account's Mailbox knows.
 */
import type { Caller, Failure, MailboxRpc } from '../mailbox/rpc.ts';
import type { Config } from '../config.ts';
import { equalSecrets, hashToken, parseToken } from '../crypto/token.ts';

/** A credential of the right form; a token with the account that its text names. */
export type Credential =
  | { readonly kind: 'operator'; readonly caller: Caller }
  | { readonly kind: 'token'; readonly account: string; readonly caller: Caller };

const TOKEN_PREFIX = 'pgt_';

/** RFC 9110 §11.1: the scheme in any case, then spaces. */
function bearer(header: string | null): string | null {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(header ?? '')?.[1] ?? null;
}

/** Whether `text` is one of the keys. All are compared, so that the time doesn't tell which one came near. */
function isOperatorKey(text: string, keys: readonly string[]): boolean {
  return keys.map((key) => equalSecrets(text, key)).includes(true);
}

/** Reads the credential of a request; null where there is none or it cannot be one. Costs no look-up. */
export function readCredential(request: Request, config: Config): Credential | null {
  const text = bearer(request.headers.get('Authorization'));
  if (text === null) return null;
  if (!text.startsWith(TOKEN_PREFIX)) {
    return isOperatorKey(text, config.operatorKeys) ? { kind: 'operator', caller: { kind: 'operator' } } : null;
  }
  const parsed = parseToken(text);
  if (parsed === null) return null;
  const origin = request.headers.get('Origin');
  return { kind: 'token', account: parsed.account, caller: { kind: 'token', hash: hashToken(text), origin } };
}

/**
 * Whether a token is real, asked of its own account's Mailbox, for requests that never get to that Mailbox
 * otherwise: those for another account (404 if it is real) or for the operator (403 if it is real), and invalid ones.
 * Null if it is, else what to answer: `unauthorized`, or `rate_limited` for a real one that calls too often.
 */
export async function proveToken(own: MailboxRpc, caller: Caller): Promise<Failure | null> {
  const result = await own.authorize(caller, 'read');
  if (result.ok) return null;
  // An absent account has no tokens. Any other failure is an answer about a real one.
  if (result.failure.kind === 'unauthorized' || result.failure.kind === 'not_found') return { kind: 'unauthorized' };
  return result.failure.kind === 'rate_limited' ? result.failure : null;
}
