/**
 * Changing an account. The new target is judged before anything is opened; a new identity is set aside in the Directory
 * before the Mailbox changes, and the Directory's entry follows what the Mailbox then says. If that breaks off in between,
 * the sweep asks the Mailbox how it ended.
 */
import type { z } from '@hono/zod-openapi';
import type { Config } from '../config.ts';
import type { DirectoryRpc } from '../directory/rpc.ts';
import { log } from '../log.ts';
import type { AccountChange, AccountView, Caller, MailboxRpc } from '../mailbox/rpc.ts';
import type { Outcome } from './lifecycle.ts';
import type { AccountPatch } from './schemas/account.ts';
import { PORTS } from './schemas/account.ts';
import { directoryOf } from './stubs.ts';
import type { Bindings } from './stubs.ts';
import { targetRefusal } from './target.ts';

type Patch = z.output<typeof AccountPatch>;
type Target = AccountView['server'];

export interface Amending {
  readonly env: Bindings;
  readonly config: Config;
  readonly mailbox: MailboxRpc;
  readonly id: string;
  readonly caller: Caller;
}

/** Changes what `patch` names. The order of judgement is that of creation: target, `externalId`, login. */
export async function amendAccount(amending: Amending, patch: Patch): Promise<Outcome<AccountView>> {
  const { env, mailbox, id, caller } = amending;
  const allowed = await mailbox.authorize(caller, 'manage');
  if (!allowed.ok) return allowed;
  const target = patch.server === undefined ? null : await newTarget(amending, patch.server);
  if (target !== null && !target.ok) return target;
  const { server: _server, verify, ...rest } = patch;
  const change = given({ ...rest, server: target?.value });
  if (change.email === undefined && change.externalId === undefined && change.server === undefined) {
    return mailbox.update(caller, change, verify);
  }
  const directory = directoryOf(env);
  const proposed = await directory.propose(id, change.externalId);
  if (!proposed.ok) return proposed;
  const changed = await mailbox.update(caller, change, verify);
  await follow(directory, id, changed);
  return changed;
}

/** The entry follows the account, or stays. What fails here is mended by the sweep: the account itself is changed. */
async function follow(directory: DirectoryRpc, id: string, changed: Outcome<AccountView>): Promise<void> {
  const followed = changed.ok ? await directory.settle(id, identityOf(changed.value)) : await directory.withdraw(id);
  if (!followed.ok) log('identity_left_behind', { account: id, code: followed.failure.kind });
}

function identityOf({ email, externalId, server: { host } }: AccountView) {
  return { email, externalId, host };
}

/** The whole new target, if the policy allows it (RFC 7396: what the patch doesn't name stays, null is the default). */
async function newTarget(
  { config, mailbox, caller }: Amending,
  patch: NonNullable<Patch['server']>,
): Promise<Outcome<AccountChange['server']>> {
  const view = await mailbox.account(caller);
  if (!view.ok) return view;
  const target = mergedTarget(view.value.server, patch);
  const failure = await targetRefusal(target, config);
  return failure === null ? { ok: true, value: target } : { ok: false, failure };
}

function mergedTarget({ host, port, security }: Target, patch: NonNullable<Patch['server']>): NonNullable<AccountChange['server']> {
  const secured = patch.security === null ? 'tls' : (patch.security ?? security);
  return { host: patch.host ?? host, port: patch.port === null ? PORTS[secured] : (patch.port ?? port), security: secured };
}

/** Without the members that are undefined. */
function given(members: { [Name in keyof AccountChange]: unknown }): AccountChange {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
