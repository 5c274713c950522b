/**
 * Who logs in and by which method, and the choice between what a server offers and what is possible (RFC 5034, RFC 1939 §7).
 * The choice is made once. A refused login is never followed by another method with the same password, and a method that
 * was asked for by name never by another one. Access tokens are not sent over a channel that can be read (RFC 7628 §4).
 */
import { apopDigest } from './apop.ts';
import type { Capabilities } from './capabilities.ts';
import { apop, type Command, CommandError, pass, user, utf8 } from './command.ts';
import { unsupportedError } from './error.ts';
import { cramMd5 } from './sasl/cram-md5.ts';
import { login } from './sasl/login.ts';
import type { Mechanism } from './sasl/mechanism.ts';
import { type Endpoint, oauthbearer } from './sasl/oauthbearer.ts';
import { plain } from './sasl/plain.ts';
import { scram } from './sasl/scram.ts';
import { xoauth2 } from './sasl/xoauth2.ts';

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

/** What a choice depends on. */
export interface Situation {
  readonly method: Method;
  readonly credentials: Credentials;
  /** Null where the server doesn't say: then the oldest way is taken. */
  readonly capabilities: Capabilities | null;
  /** Whether nobody on the way can read along. */
  readonly encrypted: boolean;
  /** The id of the greeting, for APOP. */
  readonly apopId: string | null;
  /** A fresh nonce, for SCRAM. */
  readonly nonce: () => string;
  readonly endpoint: Endpoint | null;
}

/** Commands whose answers say yes or no, or a SASL exchange and what goes `before` it. */
export type Login =
  | { readonly kind: 'commands'; readonly commands: readonly Command[] }
  | { readonly kind: 'sasl'; readonly mechanism: Mechanism; readonly before: readonly Command[] };

type Named = Exclude<Method, 'auto'>;

/** Their names in CAPA. */
const SASL: Partial<Record<Named, string>> = {
  plain: 'PLAIN',
  login: 'LOGIN',
  'cram-md5': 'CRAM-MD5',
  'scram-sha-1': 'SCRAM-SHA-1',
  'scram-sha-256': 'SCRAM-SHA-256',
  xoauth2: 'XOAUTH2',
  oauthbearer: 'OAUTHBEARER',
};

// Inside TLS the fewest round trips win: nobody listens, and the server is who it says. In the clear, what tells a listener least.
const ENCRYPTED_ORDER: readonly Named[] = ['oauthbearer', 'xoauth2', 'plain', 'login', 'user', 'scram-sha-256', 'scram-sha-1', 'cram-md5'];
const CLEAR_ORDER: readonly Named[] = ['scram-sha-256', 'scram-sha-1', 'cram-md5', 'plain', 'user'];

/** The login to make. Throws `unsupported` if it needs something that is missing, or can't carry the credentials. */
export function chooseLogin(situation: Situation): Login {
  const { method } = situation;
  const chosen = method === 'auto' ? automatic(situation) : method;
  const name = SASL[chosen];
  const offered = situation.capabilities?.sasl ?? [];
  // A server that names its mechanisms has no others; one that names none may still have some.
  if (name !== undefined && offered.length > 0 && !offered.includes(name))
    throw unsupportedError('login', `The server does not offer ${name}.`);
  if (name !== undefined) return { kind: 'sasl', mechanism: mechanismOf(chosen, situation), before: early(situation) };
  try {
    return { kind: 'commands', commands: commandsOf(chosen, situation) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw unsupportedError('login', `This login method can not carry the user name and the password: ${error.message}.`);
  }
}

function automatic({ credentials, capabilities, encrypted }: Situation): Named {
  const order = encrypted ? ENCRYPTED_ORDER : CLEAR_ORDER;
  const offered = (method: Named): boolean =>
    method === 'user' ? (capabilities?.user ?? false) : (capabilities?.sasl.includes(SASL[method] ?? '') ?? false);
  const possible = (method: Named): boolean => (takesToken(method) ? credentials.accessToken : credentials.password) !== null;
  const chosen = order.find((method) => possible(method) && offered(method));
  if (chosen) return chosen;
  // Many servers have USER without saying so.
  if (credentials.password !== null) return 'user';
  if (capabilities && capabilities.sasl.length > 0) throw unsupportedError('login', 'The server does not offer a login by access token.');
  return 'xoauth2';
}

function mechanismOf(method: Named, situation: Situation): Mechanism {
  const { username } = situation.credentials;
  if (takesToken(method)) {
    const token = tokenOf(situation);
    return method === 'xoauth2' ? xoauth2(username, token) : oauthbearer(username, token, situation.endpoint);
  }
  const password = passwordOf(situation);
  switch (method) {
    case 'login':
      return login(username, password);
    case 'cram-md5':
      return cramMd5(username, password);
    case 'scram-sha-1':
      return scram('SHA-1', username, password, situation.nonce());
    case 'scram-sha-256':
      return scram('SHA-256', username, password, situation.nonce());
    default:
      return plain(username, password);
  }
}

function commandsOf(method: Named, situation: Situation): Command[] {
  const { apopId, credentials } = situation;
  const { username } = credentials;
  const password = passwordOf(situation);
  if (method === 'apop') {
    if (apopId === null) throw unsupportedError('login', 'The greeting has no message-id that APOP may be done with.');
    if (username.includes(' ')) throw unsupportedError('login', 'APOP can not carry a user name with a space.');
    return [...early(situation), apop(username, apopDigest(apopId, password))];
  }
  return [...early(situation), user(username), pass(password)];
}

/**
 * UTF8 wherever it is offered (RFC 6856 §2): without it Courier gives a notice of its own in place of a message with raw octets
 * in its header, and USER and PASS aren't UTF-8 (§2.2). It goes out with the login where that is written at once.
 */
function early({ capabilities }: Situation): Command[] {
  return capabilities?.utf8 ? [utf8()] : [];
}

function takesToken(method: Named): boolean {
  return method === 'xoauth2' || method === 'oauthbearer';
}

function passwordOf({ credentials }: Situation): string {
  if (credentials.password === null) throw unsupportedError('login', 'This login method needs a password.');
  return credentials.password;
}

function tokenOf({ credentials, encrypted }: Situation): string {
  if (credentials.accessToken === null) throw unsupportedError('login', 'This login method needs an access token.');
  if (!encrypted) throw unsupportedError('login', 'An access token is not sent over a connection without TLS.');
  return credentials.accessToken;
}
