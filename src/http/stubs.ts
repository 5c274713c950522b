/**
 * The one place that turns the Worker's bindings into the RPC of a Mailbox and of the Directory.
 * An account's object is named by the account's id, inside the jurisdiction that the id itself tells,
 * so that no look-up is needed to find it. Reading through a stub creates nothing until the object stores something.
 */
import type { MailboxRpc } from '../mailbox/rpc.ts';
import type { DirectoryRpc } from '../directory/rpc.ts';
import { jurisdictionOf } from '../crypto/ids.ts';

/** What is used of a Durable Object namespace; `DurableObjectNamespace` has it, and so has a test's own object. */
export interface Namespace {
  getByName(name: string, options?: DurableObjectNamespaceGetDurableObjectOptions): unknown;
  jurisdiction(jurisdiction: DurableObjectJurisdiction): Namespace;
}

/** The bindings that the HTTP side uses, and the variables that `readConfig` judges. */
export interface Bindings {
  readonly MAILBOX: Namespace;
  readonly DIRECTORY: Namespace;
  /** Counts by key; absent where the platform has no such counter. */
  readonly AUTH_FAILURES?: { limit(options: { key: string }): Promise<{ success: boolean }> };
  readonly OPERATOR_KEY?: string;
  readonly MASTER_KEY?: string;
  readonly ALLOWED_TARGETS?: string;
  readonly CORS_ORIGINS?: string;
  readonly SESSION_LINGER_MS?: string;
  readonly DNS_CHECK?: string;
  readonly DNS_RESOLVER?: string;
}

/** This platform (a local one) has no such jurisdiction as an account's id names: no account here has that id. */
export class NoJurisdictionError extends Error {
  override readonly name = 'NoJurisdictionError';
}

function within(namespace: Namespace, jurisdiction: DurableObjectJurisdiction): Namespace {
  try {
    return namespace.jurisdiction(jurisdiction);
  } catch {
    throw new NoJurisdictionError();
  }
}

/** The Mailbox of a well-formed account id. Throws `NoJurisdictionError`. `location` is heeded only by the call that creates the object. */
export function mailboxOf(env: Bindings, account: string, location: string | null = null): MailboxRpc {
  const jurisdiction = jurisdictionOf(account);
  if (jurisdiction === undefined) throw new RangeError('Not an account id.');
  const namespace = jurisdiction === null ? env.MAILBOX : within(env.MAILBOX, jurisdiction);
  const options = location === null ? undefined : { locationHint: location as DurableObjectLocationHint };
  return namespace.getByName(account, options) as MailboxRpc;
}

/** The one Directory. */
export function directoryOf(env: Bindings): DirectoryRpc {
  return env.DIRECTORY.getByName('directory') as DirectoryRpc;
}
