/**
 * The demo's account at the local gateway: made once by the operator's key, its id and token kept in a file, and made
 * again when the gateway doesn't know it any more (its state was removed, the token revoked, the mail server's port changed).
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export interface DemoAccount {
  readonly account: string;
  readonly token: string;
}

export interface DemoAccountOptions {
  /** The gateway, without a slash at the end. */
  readonly url: string;
  readonly operatorKey: string;
  /** Where the id and the token are kept. */
  readonly file: string;
  readonly pop3: { readonly host: string; readonly port: number; readonly username: string; readonly password: string };
}

/** The account, kept or new, and the id of its newest message. Throws with the gateway's own words if it refuses. */
export async function ensureDemoAccount(options: DemoAccountOptions): Promise<DemoAccount & { readonly message: string | null }> {
  const kept = existsSync(options.file) ? (JSON.parse(readFileSync(options.file, 'utf8')) as DemoAccount) : null;
  const account = kept !== null && (await stillGood(kept, options)) ? kept : await create(kept, options);
  const page = await call<{ data: { id: string }[] }>(options, 'GET', `/v1/accounts/${account.account}/messages?limit=1`, account.token);
  if (page.status !== 200) throw refused('The demo mailbox could not be listed', page);
  return { ...account, message: page.body.data[0]?.id ?? null };
}

async function stillGood(kept: DemoAccount, options: DemoAccountOptions): Promise<boolean> {
  const answer = await call<{ server: { port: number } }>(options, 'GET', `/v1/accounts/${kept.account}`, kept.token);
  if (answer.status === 401 || answer.status === 404) return false;
  if (answer.status !== 200) throw refused('The demo account could not be read', answer);
  return answer.body.server.port === options.pop3.port;
}

async function create(old: DemoAccount | null, options: DemoAccountOptions): Promise<DemoAccount> {
  if (old !== null) {
    const gone = await call(options, 'DELETE', `/v1/accounts/${old.account}`, options.operatorKey);
    if (gone.status !== 204 && gone.status !== 404) throw refused('The old demo account could not be removed', gone);
  }
  const { host, port, username, password } = options.pop3;
  const made = await call<{ account: { id: string }; token: { secret: string } }>(options, 'POST', '/v1/accounts', options.operatorKey, {
    email: 'demo@example.org',
    server: { host, port, security: 'tls' },
    auth: { username, password },
    pollSeconds: 60,
    token: { scopes: ['manage'], label: 'npm start' },
  });
  if (made.status !== 201) throw refused('The demo account could not be made', made);
  const account = { account: made.body.account.id, token: made.body.token.secret };
  writeFileSync(options.file, JSON.stringify(account, null, 1), { mode: 0o600 });
  return account;
}

interface Answered<Body> {
  readonly status: number;
  readonly body: Body;
}

async function call<Body>(options: DemoAccountOptions, method: string, path: string, key: string, body?: object): Promise<Answered<Body>> {
  const response = await fetch(options.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as Body };
}

function refused(what: string, answer: Answered<unknown>): Error {
  const { code, detail } = (answer.body ?? {}) as { code?: string; detail?: string };
  return new Error(`${what}: ${answer.status} ${code ?? ''} ${detail ?? ''}`.trim());
}
