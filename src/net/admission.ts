/**
 * Whether a target may be connected to now: the policy on its spelling first, then, for a name that the operator has not
 * listed, on every address that it has. Asked before each connection, because names move. Nothing is opened here.
 */
import { DNS } from '../limits.ts';
import { parseAddress } from './address.ts';
import { NetError } from './error.ts';
import type { NetFailure } from './error.ts';
import { type Resolver, whereabouts } from './resolve.ts';
import { type AllowedTargets, isListed, judgeTarget, type Target } from './target.ts';

export interface TargetPolicy {
  readonly allowed: AllowedTargets;
  /** Null where names are not checked. */
  readonly resolver: Resolver | null;
}

/** The policy that the deployment's configuration stands for. */
export function targetPolicy(
  config: { allowedTargets: AllowedTargets; dnsResolver: string | null },
  fetch: Resolver['fetch'],
): TargetPolicy {
  const resolver = config.dnsResolver === null ? null : { url: config.dnsResolver, fetch, deadline: DNS.deadline };
  return { allowed: config.allowedTargets, resolver };
}

export type Admission =
  /** The target with its host in canonical form. */
  | { readonly ok: true; readonly target: Target }
  | { readonly ok: false; readonly failure: Extract<NetFailure, { kind: 'forbidden' | 'unreachable' }> };

/**
 * Judges `target`. A forbidden address is the policy's refusal. A name without addresses is unreachable like any server
 * that isn't there; so is one that could not be looked up, which says so: neither is a mistake of who asks, and both pass.
 */
export async function admit(target: Target, { allowed, resolver }: TargetPolicy): Promise<Admission> {
  const judged = judgeTarget(target, allowed);
  if (!judged.ok) return { ok: false, failure: { kind: 'forbidden', detail: judged.detail } };
  const { host, port } = judged;
  const admission: Admission = { ok: true, target: { ...target, host, port } };
  if (resolver === null || parseAddress(host) !== null || isListed(host, port, allowed)) return admission;
  switch (await whereabouts(host, resolver)) {
    case 'public':
      return admission;
    case 'private':
      return { ok: false, failure: { kind: 'forbidden', detail: 'The host must be public: its name leads to an address that is not.' } };
    case 'absent':
      return { ok: false, failure: { kind: 'unreachable' } };
    case 'unknown':
      return { ok: false, failure: { kind: 'unreachable', note: UNCHECKED } };
  }
}

const UNCHECKED = 'The name of the mail server could not be looked up, so that no connection was opened. Try again later.';

/** The target to connect to. Throws `NetError` with why not. */
export async function admitted(target: Target, policy: TargetPolicy): Promise<Target> {
  const admission = await admit(target, policy);
  if (!admission.ok) throw new NetError(admission.failure);
  return admission.target;
}
