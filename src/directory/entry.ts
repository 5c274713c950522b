/**
 * What an entry must be before it is sealed. The HTTP side has judged it already; an RPC endpoint judges again, so that
 * what is stored is within its limits whoever calls.
 */
import { isAccountId } from '../crypto/ids.ts';
import { NAMES } from '../limits.ts';
import { invalid as wrong } from './result.ts';
import type { DirectoryEntry, DirectoryResult, Identity } from './rpc.ts';

type Problem = DirectoryResult<never>;

/** Null, or the `invalid` failure of the first member that is wrong. */
export function entryProblem(entry: DirectoryEntry): Problem | null {
  if (!isAccountId(entry.id)) return wrong('/id', 'This is not an account id.');
  const { email, externalId, host } = entry;
  const problem = identityProblem({ email, externalId, host });
  if (problem) return problem;
  if (Number.isNaN(Date.parse(entry.createdAt))) return wrong('/createdAt', 'Must be a time.');
  return null;
}

/** The same for those members of an identity that are given. */
export function identityProblem({ email = null, externalId = null, host }: Partial<Identity>): Problem | null {
  if (host !== undefined && !isText(host, NAMES.host)) return wrong('/host', `Must be a text of 1 to ${NAMES.host} characters.`);
  if (email !== null && !isText(email, NAMES.email)) return wrong('/email', `Must be a text of 1 to ${NAMES.email} characters.`);
  if (externalId !== null && !isText(externalId, NAMES.externalId))
    return wrong('/externalId', `Must be a text of 1 to ${NAMES.externalId} characters.`);
  return null;
}

/** Characters are code points, as everywhere in the contract. Half a surrogate pair has no UTF-8, and so no hash of its own. */
function isText(value: unknown, most: number): boolean {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && value.length <= 2 * most && Array.from(value).length <= most;
}
