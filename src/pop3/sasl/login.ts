/**
 * SASL LOGIN (draft-murchison-sasl-login): the server asks twice, for the user name and for the password. What the
 * challenges say is not looked at, since every server words them differently; their order is fixed.
 */
import { type Mechanism, utf8 } from './mechanism.ts';

/** The exchange for one login. */
export function login(username: string, password: string): Mechanism {
  const answers = [username, password];
  return {
    name: 'LOGIN',
    oneStep: false,
    start: () => null,
    respond: () => {
      const answer = answers.shift();
      return answer === undefined ? null : utf8(answer);
    },
    complete: () => answers.length === 0,
  };
}
