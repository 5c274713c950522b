/**
 * The two ends of an account's life. The Directory's entry and the Mailbox must not come apart: an account is
 * reserved in the Directory first and confirmed there last, released first and forgotten last, so that whatever
 * breaks in between leaves an entry that names what must be settled. What is refused leaves nothing behind.
 */
import type { AccountView, AccountSettings, Caller, Failure, MailboxRpc, NewToken } from '../mailbox/rpc.ts';
import type { DirectoryResult, DirectoryRpc } from '../directory/rpc.ts';
import type { Config } from '../config.ts';
import type { z } from '@hono/zod-openapi';
import { newAccountId } from '../crypto/ids.ts';
import { platformRandom } from '../crypto/random.ts';
import { log } from '../log.ts';
import type { NewAccount } from './schemas/account.ts';
import { directoryOf, mailboxOf } from './stubs.ts';
import type { Bindings } from './stubs.ts';
import { targetRefusal } from './target.ts';

/** The value, or what failed in either place. */
export type Outcome<T> =
  | { ok: true; value: T }
  | { ok: false; failure: Failure | Extract<DirectoryResult<never>, { ok: false }>['failure'] };

export interface Created {
  account: AccountView;
  token: NewToken | null;
}

const OPERATOR: Caller = { kind: 'operator' };

/** The settings that are stored, from what was sent. */
function settingsOf(given: z.output<typeof NewAccount>): AccountSettings {
  const { verify: _verify, token: _token, email, ...settings } = given;
  const { username } = given.auth;
  return { ...settings, email: email === undefined ? (username.includes('@') ? username : null) : email };
}

/**
 * Creates an account: the target is judged, the `externalId` reserved, then the Mailbox logs in and stores.
 * The order is part of the contract. The shape has been judged before.
 */
export async function createAccount(env: Bindings, config: Config, given: z.output<typeof NewAccount>): Promise<Outcome<Created>> {
  const settings = settingsOf(given);
  const failure = await targetRefusal(settings.server, config);
  if (failure !== null) return { ok: false, failure };
  const id = newAccountId(platformRandom, given.jurisdiction);
  const mailbox = namedMailbox(env, id, settings.location);
  if (mailbox === null) {
    const detail = 'The platform that this deployment runs on has no such jurisdiction.';
    return { ok: false, failure: { kind: 'invalid', pointer: '/jurisdiction', detail } };
  }
  const directory = directoryOf(env);
  const { email, externalId } = settings;
  const reserved = await directory.reserve({ id, email, externalId, host: settings.server.host, createdAt: new Date().toISOString() });
  if (!reserved.ok) return reserved;
  try {
    const made = await mailbox.create(id, settings, given.verify, given.token);
    if (!made.ok) {
      await forgetEntry(directory, id);
      return made;
    }
    const confirmed = await directory.confirm(id);
    if (confirmed.ok) return made;
    await undo(directory, mailbox, id);
    return confirmed;
  } catch (error) {
    // Whether the Mailbox has stored anything is unknown now.
    await undo(directory, mailbox, id).catch(() => log('account_left_pending', { account: id }));
    throw error;
  }
}

/** The new account's Mailbox, or null where the platform (a local one) has no jurisdictions. */
function namedMailbox(env: Bindings, id: string, location: string | null): MailboxRpc | null {
  try {
    return mailboxOf(env, id, location);
  } catch {
    return null;
  }
}

/** Forgets an account's entry. Only what was released is forgotten (see `DirectoryRpc`). */
export async function forgetEntry(directory: DirectoryRpc, id: string): Promise<void> {
  await directory.release(id);
  await directory.forget(id);
}

async function undo(directory: DirectoryRpc, mailbox: MailboxRpc, id: string): Promise<void> {
  await directory.release(id);
  const removed = await mailbox.remove(OPERATOR);
  if (removed.ok || removed.failure.kind === 'not_found') await directory.forget(id);
}

/**
 * Removes an account. A token's right is only known to the Mailbox, which is therefore asked before the entry is released;
 * the operator's word is enough. A removal that broke half-way is finished by the next, or by the sweep.
 */
export async function removeAccount(env: Bindings, mailbox: MailboxRpc, id: string, caller: Caller): Promise<Outcome<null>> {
  const allowed = caller.kind === 'operator' ? null : await mailbox.authorize(caller, 'manage');
  if (allowed?.ok === false) return allowed;
  const directory = directoryOf(env);
  await directory.release(id);
  const removed = await mailbox.remove(caller);
  const gone = removed.ok || (caller.kind === 'operator' && removed.failure.kind === 'not_found');
  if (gone) await forgetEntry(directory, id);
  return removed;
}
