/** The results that the Directory's parts share. */
import type { DirectoryResult } from './rpc.ts';

export const DONE: DirectoryResult<null> = { ok: true, value: null };

export function conflict(account: string): DirectoryResult<never> {
  return { ok: false, failure: { kind: 'conflict', account } };
}

export function invalid(pointer: string, detail: string): DirectoryResult<never> {
  return { ok: false, failure: { kind: 'invalid', pointer, detail } };
}

const BUSY_SECONDS = 5;

/** Somebody else is at it. */
export function busy(): DirectoryResult<never> {
  return { ok: false, failure: { kind: 'overloaded', retryAfterSeconds: BUSY_SECONDS } };
}
