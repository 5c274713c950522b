/** What an account shows of itself. Never a password, never an upstream token. */
import { MAILBOX, POLL } from '../limits.ts';
import type { Capabilities } from '../pop3/capabilities.ts';
import type { Context } from './context.ts';
import { pollSeconds } from './pace.ts';
import type { AccountView, SyncView, VisitReport } from './rpc.ts';
import type { ServerMemory } from './server-memory.ts';

/** What the mail server announced of itself at the last login. */
export interface ServerView {
  capabilities: string[];
  loginDelaySeconds: number;
  expire: string | null;
}

/** What is stored of it: also what the next session is begun with, which nobody is shown. */
export type StoredServer = ServerView & { memory?: ServerMemory | null };

/** The same of capabilities; null: the server doesn't say. */
export function serverView(capabilities: Capabilities | null): ServerView {
  return {
    capabilities: capabilities?.names ?? [],
    loginDelaySeconds: capabilities?.loginDelaySeconds ?? 0,
    expire: capabilities?.expire?.toLowerCase() ?? null,
  };
}

/** What is remembered of the last login's announcement. */
export async function announced({ store, account }: Context): Promise<ServerView> {
  const box = store.account.server();
  if (!box) return serverView(null);
  const { memory: _, ...view } = (await account.vault.openJson(box, 'account', 'server')) as StoredServer;
  return view;
}

/** The state of the ledger and how fresh it is. */
export function syncView({ store, account, checks }: Context, fresh: { stale: boolean; problem: string | null }): SyncView {
  return {
    state: account.state(store.account.row()?.place ?? 0),
    checkedAt: time(checks.checkedAt),
    stale: fresh.stale,
    problem: fresh.problem,
  };
}

/** Whether the last listing lacked so much that nothing was destroyed by it: what is shown may be more than there is. */
export function isSuspect({ store }: Pick<Context, 'store'>): boolean {
  return (store.account.hint()?.suspect_at ?? null) !== null;
}

/** Whether that has been so for a while only, so that a second look is due soon. */
export function wantsSecondLook({ store, deps }: Pick<Context, 'store' | 'deps'>): boolean {
  const since = store.account.hint()?.suspect_at ?? null;
  return since !== null && deps.now() - since < POLL.suspectFor;
}

/** `nextCheck` in milliseconds since the epoch, or null when none is planned. */
export async function accountView(context: Context, nextCheck: number | null): Promise<AccountView> {
  const { store, account } = context;
  const health = store.account.health();
  const server = await announced(context);
  const { done, of } = store.details.indexing(MAILBOX.indexedMessages);
  const { settings } = account;
  const { problem: _, ...sync } = syncView(context, { stale: health.failures > 0 || isSuspect(context), problem: null });
  return {
    id: account.id,
    email: settings.email,
    externalId: settings.externalId,
    createdAt: new Date(account.createdAt).toISOString(),
    state: settings.paused ? 'paused' : health.state,
    stateSince: new Date(health.state_since).toISOString(),
    lastError: lastError(health.error_code, health.error_at),
    consecutiveFailures: health.failures,
    paused: settings.paused,
    server: { ...settings.server, ...server },
    auth: settings.auth,
    mailbox: store.messages.totals(),
    sync: { ...sync, nextCheckAt: time(nextCheck) },
    indexing: { done, of },
    initial: settings.initial,
    pollSeconds: settings.pollSeconds,
    location: settings.location,
    jurisdiction: settings.jurisdiction,
    cache: { ...settings.cache, usedBytes: store.copies.held().cache },
  };
}

/** What the sweep is told of the account. */
export function visitReport(context: Context): Omit<VisitReport, 'alarmLost'> {
  const { store, checks, deps } = context;
  const { settings } = context.account;
  const health = store.account.health();
  const { email, externalId, server, paused } = settings;
  const seconds = pollSeconds(context, deps.now());
  const polled = !paused && seconds > 0 && health.state !== 'auth_failed';
  return {
    state: paused ? 'paused' : health.state,
    errorCode: health.error_code,
    checkedAt: time(checks.checkedAt),
    pollsPerDay: polled ? Math.floor((24 * 60 * 60) / seconds) : 0,
    email,
    externalId,
    host: server.host,
  };
}

/** What each failure means to the person who looks after the account. */
const DETAILS: Record<string, string> = {
  upstream_auth_failed: 'The mail server refused the credentials.',
  login_delay: 'The mail server asks for a longer time between two logins.',
  upstream_unreachable: 'No connection to the mail server, or it broke.',
  upstream_protocol: 'What the mail server sent is not POP3 as it should be.',
  upstream_refused: 'The mail server refused a command.',
  mailbox_in_use: 'Another session holds the mailbox.',
  upstream_temporary: 'The mail server reports a passing fault.',
  upstream_timeout: 'The mail server did not answer in time.',
  target_not_allowed: 'The policy of this deployment does not allow the mail server.',
};

function lastError(code: string | null, at: number | null): AccountView['lastError'] {
  if (code === null || at === null) return null;
  return { code, at: new Date(at).toISOString(), detail: DETAILS[code] ?? 'The last check failed.' };
}

function time(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
