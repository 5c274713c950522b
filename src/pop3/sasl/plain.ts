/**
 * SASL PLAIN (RFC 4616): no authorization identity, the user name and the password, set apart by NUL.
 * The server has nothing to ask, so any challenge ends the exchange.
 */
import { unsupportedError } from '../error.ts';
import { type Mechanism, utf8 } from './mechanism.ts';

/** Throws `unsupported` if a NUL in user name or password would let one pass for the other. */
export function plain(username: string, password: string): Mechanism {
  if (`${username}${password}`.includes('\u0000')) throw unsupportedError('login', 'PLAIN can not carry a NUL character.');
  return {
    name: 'PLAIN',
    oneStep: true,
    start: () => utf8(`\u0000${username}\u0000${password}`),
    respond: () => null,
    complete: () => true,
  };
}
