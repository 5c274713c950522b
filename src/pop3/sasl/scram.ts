/**
 * SASL SCRAM-SHA-1 (RFC 5802) and SCRAM-SHA-256 (RFC 7677), without channel binding, which the platform can't give.
 * The password is never sent, and the server has to prove that it knows it: a login that is accepted without that
 * proof is none. The nonce is handed in; iterations are bounded, since each costs us time.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { POP3 } from '../../limits.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { type Mechanism, utf8 } from './mechanism.ts';
import { prepared, saslName } from './prepare.ts';

export type ScramHash = 'SHA-1' | 'SHA-256';

/** What the server's first message says. */
interface ServerFirst {
  readonly nonce: string;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly iterations: number;
}

/** `nonce`: fresh and random for each exchange, printable ASCII without a comma. */
export function scram(hash: ScramHash, username: string, password: string, nonce: string): Mechanism {
  const bare = `n=${saslName(prepared(username))},r=${nonce}`;
  let signature: Uint8Array | null = null;
  let state: 'first' | 'final' | 'proved' | 'refused' = 'first';

  const prove = async (message: string): Promise<Uint8Array | null> => {
    const first = parseServerFirst(message, nonce);
    if (!first) return null;
    const salted = await saltedPassword(hash, prepared(password), first);
    const clientKey = hmac(hash, salted, 'Client Key');
    const withoutProof = `c=${encodeBase64(utf8('n,,'))},r=${first.nonce}`;
    const signed = `${bare},${message},${withoutProof}`;
    const clientSignature = hmac(hash, digest(hash, clientKey), signed);
    signature = hmac(hash, hmac(hash, salted, 'Server Key'), signed);
    state = 'final';
    const proof = clientKey.map((octet, at) => octet ^ (clientSignature[at] ?? 0));
    return utf8(`${withoutProof},p=${encodeBase64(proof)}`);
  };

  const judge = (message: string): Uint8Array | null => {
    // A refusal by `e=` is followed by -ERR once it is acknowledged.
    if (message.startsWith('e=')) state = 'refused';
    else {
      const given = decodeBase64(/^v=([^,]*)/.exec(message)?.[1] ?? '!');
      if (!given || !signature || given.length !== signature.length || !timingSafeEqual(given, signature)) return null;
      state = 'proved';
    }
    return new Uint8Array();
  };

  return {
    name: `SCRAM-${hash}`,
    oneStep: false,
    start: () => utf8(`n,,${bare}`),
    respond: (challenge) => {
      const message = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(challenge);
      if (state === 'first') return prove(message);
      return state === 'final' ? judge(message) : null;
    },
    complete: () => state === 'proved',
    proved: () => state === 'proved',
  };
}

/** The server's first message, or null if it is malformed, asks for an extension, or isn't an answer to our nonce. */
function parseServerFirst(message: string, nonce: string): ServerFirst | null {
  const parts = /^r=([\u0021-\u002b\u002d-\u007e]+),s=([A-Za-z0-9+/=]+),i=([1-9]\d{0,8})(?:,|$)/.exec(message);
  const salt = decodeBase64(parts?.[2] ?? '!');
  const iterations = Number(parts?.[3]);
  const theirs = parts?.[1];
  if (!theirs || !salt || iterations > POP3.scramIterations) return null;
  if (!theirs.startsWith(nonce) || theirs.length === nonce.length) return null;
  return { nonce: theirs, salt: Uint8Array.from(salt), iterations };
}

/** Hi() of RFC 5802 §2.2, by the platform, which does it without blocking. */
async function saltedPassword(hash: ScramHash, password: string, { salt, iterations }: ServerFirst): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey('raw', utf8(password), 'PBKDF2', false, ['deriveBits']);
  const bits = hash === 'SHA-1' ? 160 : 256;
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'PBKDF2', hash, salt, iterations }, key, bits));
}

function hmac(hash: ScramHash, key: Uint8Array, text: string): Uint8Array {
  return new Uint8Array(createHmac(nodeName(hash), key).update(text, 'utf8').digest());
}

function digest(hash: ScramHash, octets: Uint8Array): Uint8Array {
  return new Uint8Array(createHash(nodeName(hash)).update(octets).digest());
}

function nodeName(hash: ScramHash): string {
  return hash === 'SHA-1' ? 'sha1' : 'sha256';
}
