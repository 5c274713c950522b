/**
 * What the cron trigger does: it settles what an account's creation or removal left between Directory and Mailbox, and visits
 * each live account at least daily, which sets an alarm that was lost (and lets all others be visited soon) and brings back what
 * `/v1/stats` tells. Each run does a bounded part of what is longest due; whatever fails for one account is logged, and tried
 * again by a later run.
 */
import { readConfig } from '../config.ts';
import type { DirectoryRpc, Due, Visited } from '../directory/rpc.ts';
import { SWEEP } from '../limits.ts';
import { errorName, log } from '../log.ts';
import type { Caller, VisitReport } from '../mailbox/rpc.ts';
import { forgetEntry } from './lifecycle.ts';
import { directoryOf, mailboxOf } from './stubs.ts';
import type { Bindings } from './stubs.ts';

const OPERATOR: Caller = { kind: 'operator' };

/** One run. Throws only where the Directory can't be asked. `now`: milliseconds. */
export async function sweep(env: Bindings, now: () => number = Date.now): Promise<void> {
  const config = readConfig(env);
  if (!config.ok) {
    log('sweep_misconfigured');
    return;
  }
  const until = now() + SWEEP.time;
  const directory = directoryOf(env);
  const due = await directory.due();
  if (!due.ok) {
    log('sweep_failed', { code: due.failure.kind });
    return;
  }
  const { unsettled, visits } = due.value;
  let visited = 0;
  let lost = 0;
  for (const some of parts(unsettled)) if (now() < until) await Promise.all(some.map((entry) => settle(env, directory, entry)));
  for (const some of parts(visits)) {
    if (now() >= until) break;
    const found = await Promise.all(some.map((id) => visit(env, directory, id)));
    const told = await directory.visited(found.filter((each) => each !== null));
    lost += found.filter((each) => each?.findings?.alarmLost).length;
    if (!told.ok) log('sweep_failed', { code: told.failure.kind });
    visited += some.length;
  }
  log('swept', { counts: { unsettled: unsettled.length, visited, lost } });
}

/** The Mailbox tells how it ended: an account that it has is live, and one that is to be removed goes now. */
async function settle(env: Bindings, directory: DirectoryRpc, { id, state }: Due['unsettled'][number]): Promise<void> {
  try {
    const mailbox = mailboxOf(env, id);
    const found = state === 'pending' ? await mailbox.visit(OPERATOR) : await mailbox.remove(OPERATOR);
    if (!found.ok && found.failure.kind !== 'not_found') log('account_unsettled', { account: id, code: found.failure.kind });
    else if (found.ok && state === 'pending') await directory.confirm(id);
    else await forgetEntry(directory, id);
  } catch (error) {
    log('account_unsettled', { account: id, error: errorName(error) });
  }
}

/** What a visit found; null where there was no account any more, which then is forgotten here too. */
async function visit(env: Bindings, directory: DirectoryRpc, id: string): Promise<Visited | null> {
  try {
    const mailbox = mailboxOf(env, id);
    const found = await mailbox.visit(OPERATOR);
    if (found.ok) return { id, findings: findings(found.value) };
    if (found.failure.kind === 'not_found') {
      await directory.release(id);
      await settle(env, directory, { id, state: 'removing' });
      log('account_without_mailbox', { account: id });
      return null;
    }
    log('visit_failed', { account: id, code: found.failure.kind });
  } catch (error) {
    log('visit_failed', { account: id, error: errorName(error) });
  }
  return { id, findings: null };
}

function findings({ email, externalId, host, ...rest }: VisitReport): NonNullable<Visited['findings']> {
  return { ...rest, identity: { email, externalId, host } };
}

function* parts<T>(entries: readonly T[]): Generator<T[]> {
  for (let at = 0; at < entries.length; at += SWEEP.atOnce) yield entries.slice(at, at + SWEEP.atOnce);
}
