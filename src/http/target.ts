/**
 * Whether a mail server may be connected to, judged before anything is reserved, stored or opened for it. It is not the last
 * word: the Mailbox asks the policy again before each connection, because names move.
 */
import type { Config } from '../config.ts';
import type { Failure } from '../mailbox/rpc.ts';
import { admit, targetPolicy } from '../net/admission.ts';
import type { Target } from '../net/target.ts';

/** The failure that refuses `target`, or null. A name that leads nowhere is for the login to say, which may not be asked for. */
export async function targetRefusal(target: Target, config: Config): Promise<Extract<Failure, { kind: 'target_not_allowed' }> | null> {
  const admission = await admit(
    target,
    // Not `fetch` itself, which workerd lets nobody call as a member of something else.
    targetPolicy(config, (url, init) => fetch(url, init)),
  );
  if (admission.ok || admission.failure.kind !== 'forbidden') return null;
  return { kind: 'target_not_allowed', detail: admission.failure.detail };
}
