/**
 * SASL XOAUTH2, as Google and Microsoft describe it. The token goes on the line after AUTH, never on AUTH's own:
 * Microsoft accepts only that, Google accepts both. A second challenge is the reason of a refusal, as JSON; it is
 * answered by an empty line, upon which the server says -ERR.
 */
import { unsupportedError } from '../error.ts';
import { type Mechanism, utf8 } from './mechanism.ts';
import { isBearerToken } from './oauthbearer.ts';

/** Throws `unsupported` if the user name or the token would break out of its field. */
export function xoauth2(username: string, token: string): Mechanism {
  if (username.includes('\u0001') || !isBearerToken(token)) throw unsupportedError('login', 'XOAUTH2 can not carry these characters.');
  let asked = false;
  return {
    name: 'XOAUTH2',
    oneStep: false,
    start: () => null,
    respond: () => {
      if (asked) return new Uint8Array();
      asked = true;
      return utf8(`user=${username}\u0001auth=Bearer ${token}\u0001\u0001`);
    },
    complete: () => asked,
  };
}
