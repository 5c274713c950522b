/**
 * SASL OAUTHBEARER (RFC 7628 §3): a bearer token (RFC 6750) behind a GS2 header. A challenge is the reason of a refusal, as
 * JSON; it is answered by a single %x01, upon which the server says -ERR.
 */
import { unsupportedError } from '../error.ts';
import { type Mechanism, utf8 } from './mechanism.ts';
import { saslName } from './prepare.ts';

/** Where the client connected to, as the mechanism tells the server (RFC 7628 §3.1). */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Throws `unsupported` if the user name or the token would break out of its field. */
export function oauthbearer(username: string, token: string, endpoint: Endpoint | null): Mechanism {
  if (/[\u0000\u0001]/.test(username) || !isBearerToken(token))
    throw unsupportedError('login', 'OAUTHBEARER can not carry these characters.');
  const where = endpoint === null ? '' : `host=${endpoint.host}\u0001port=${endpoint.port}\u0001`;
  return {
    name: 'OAUTHBEARER',
    oneStep: false,
    start: () => utf8(`n,a=${saslName(username)},\u0001${where}auth=Bearer ${token}\u0001\u0001`),
    respond: () => Uint8Array.of(1),
    complete: () => true,
  };
}

/** Whether `token` is printable ASCII without spaces, as RFC 6750 §2.1 wants and a little beyond. */
export function isBearerToken(token: string): boolean {
  return /^[!-~]+$/.test(token);
}
