/**
 * SASL CRAM-MD5 (RFC 2195): the password keys a hash of what the server sent. It keeps the password from listeners,
 * but proves nothing about the server, and whoever listens may try passwords at leisure.
 */
import { createHmac } from 'node:crypto';
import { type Mechanism, utf8 } from './mechanism.ts';

/** The exchange for one login. */
export function cramMd5(username: string, password: string): Mechanism {
  let answered = false;
  return {
    name: 'CRAM-MD5',
    oneStep: false,
    start: () => null,
    respond: (challenge) => {
      // An empty challenge would make the answer the same every time.
      if (answered || challenge.length === 0) return null;
      answered = true;
      return utf8(`${username} ${createHmac('md5', utf8(password)).update(challenge).digest('hex')}`);
    },
    complete: () => answered,
  };
}
