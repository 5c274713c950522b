/**
 * APOP (RFC 1939 §7): the greeting's message-id and the password, hashed by MD5. Whoever can write the greeting can choose
 * it so that the answers give the password away (CVE-2007-1558). So the id must be what RFC 822 allows, printable and with
 * one `@`, which the known attacks can't keep to; and APOP is only done when it is asked for by name.
 */
import { createHash } from 'node:crypto';

const MESSAGE_ID = /^<[!-;=?A-~]+@[!-;=?A-~]+>$/;

/** The id in a greeting's line, or null if there is none, or more than one, or it is not a plain msg-id. */
export function apopId(greeting: Uint8Array): string | null {
  const id = /<.*>/.exec(new TextDecoder('latin1').decode(greeting))?.[0];
  return id !== undefined && MESSAGE_ID.test(id) ? id : null;
}

/** What is sent for the password: MD5 of the id and the password, in lower-case hexadecimal. */
export function apopDigest(id: string, password: string): string {
  return createHash('md5').update(id, 'utf8').update(password, 'utf8').digest('hex');
}
