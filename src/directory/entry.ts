/**
 * What an entry must be before it is sealed. The HTTP side has judged it already; an RPC endpoint judges again, so that
 * what is stored is within its limits whoever calls.
 */
import { isAccountId } from '../crypto/ids.ts';
import { NAMES } from '../limits.ts';
import type { DirectoryEntry, DirectoryResult } from './rpc.ts';

/** Null, or the `invalid` failure of the first member that is wrong. */
export function entryProblem(entry: DirectoryEntry): Extract<DirectoryResult<never>, { ok: false }> | null {
  if (!isAccountId(entry.id)) return wrong('/id', 'This is not an account id.');
  if (!isText(entry.host, NAMES.host)) return wrong('/host', `Must be a text of 1 to ${NAMES.host} characters.`);
  if (entry.email !== null && !isText(entry.email, NAMES.email))
    return wrong('/email', `Must be a text of 1 to ${NAMES.email} characters.`);
  if (entry.externalId !== null && !isText(entry.externalId, NAMES.externalId))
    return wrong('/externalId', `Must be a text of 1 to ${NAMES.externalId} characters.`);
  if (Number.isNaN(Date.parse(entry.createdAt))) return wrong('/createdAt', 'Must be a time.');
  return null;
}

/** Characters are code points, as everywhere in the contract. Half a surrogate pair has no UTF-8, and so no hash of its own. */
function isText(value: unknown, most: number): boolean {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && value.length <= 2 * most && [...value].length <= most;
}

function wrong(pointer: string, detail: string): Extract<DirectoryResult<never>, { ok: false }> {
  return { ok: false, failure: { kind: 'invalid', pointer, detail } };
}
