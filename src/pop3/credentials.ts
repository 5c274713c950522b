/**
 * Who logs in and by which method, and the choice between what a server offers and what is possible (RFC 5034, RFC 1939 §7).
 * The choice is made once. A refused login is never followed by another method with the same password.
 */
import type { Capabilities } from './capabilities.ts';
import { unsupportedError } from './error.ts';
import type { Mechanism } from './sasl/mechanism.ts';
import { plain } from './sasl/plain.ts';

export type Method =
  | 'auto'
  | 'plain'
  | 'login'
  | 'cram-md5'
  | 'scram-sha-1'
  | 'scram-sha-256'
  | 'apop'
  | 'user'
  | 'xoauth2'
  | 'oauthbearer';

export interface Credentials {
  readonly username: string;
  readonly password: string | null;
  readonly accessToken: string | null;
}

/** USER and PASS, or a SASL exchange. */
export type Login =
  | { readonly kind: 'user'; readonly username: string; readonly password: string }
  | { readonly kind: 'sasl'; readonly mechanism: Mechanism };

/**
 * The login to make. `capabilities` is null where the server doesn't say: then the oldest way is taken.
 * Throws `unsupported` if the method needs something that is missing.
 */
export function chooseLogin(method: Method, credentials: Credentials, capabilities: Capabilities | null): Login {
  const { username, password } = credentials;
  const chosen = method === 'auto' ? (capabilities?.sasl.includes('PLAIN') ? 'plain' : 'user') : method;
  if (chosen !== 'plain' && chosen !== 'user') throw unsupportedError('login', 'This login method is not available yet.');
  if (password === null) throw unsupportedError('login', 'This login method needs a password.');
  return chosen === 'plain' ? { kind: 'sasl', mechanism: plain(username, password) } : { kind: 'user', username, password };
}
