/** The results that the Directory's parts share. */
import { RETRY_AFTER } from '../limits.ts';
import type { DirectoryResult } from './rpc.ts';

/** It is done, or was already. */
export const DONE: DirectoryResult<null> = { ok: true, value: null };

/** Another account has it: which one. */
export function conflict(account: string): DirectoryResult<never> {
  return { ok: false, failure: { kind: 'conflict', account } };
}

/** What was sent is wrong, and where (RFC 6901). */
export function invalid(pointer: string, detail: string): DirectoryResult<never> {
  return { ok: false, failure: { kind: 'invalid', pointer, detail } };
}

/** Somebody else is at it. */
export function busy(): DirectoryResult<never> {
  return { ok: false, failure: { kind: 'overloaded', retryAfterSeconds: RETRY_AFTER.busy } };
}
