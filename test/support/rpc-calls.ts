/** What calls of a Mailbox begin with, in Node and in workerd alike: who calls, the settings of an account, queries; and what came of a call. */
import { hashToken } from '../../src/crypto/token.ts';
import type * as rpc from '../../src/mailbox/rpc.ts';

export const OPERATOR: rpc.Caller = { kind: 'operator' };

/** Settings for an account on a clear-text server on loopback. */
export function settingsFor(port: number, change: Partial<rpc.AccountSettings> = {}): rpc.AccountSettings {
  return {
    email: null,
    externalId: null,
    server: { host: '127.0.0.1', port, security: 'none' },
    auth: { username: 'ann', password: 'secret', accessToken: null, method: 'auto' },
    initial: 'all',
    pollSeconds: 300,
    paused: false,
    location: null,
    jurisdiction: null,
    cache: { maxBytes: 64 << 20, maxMessageBytes: 16 << 20 },
    ...change,
  };
}

export const TOKEN: rpc.TokenSettings = { scopes: ['manage'], expiresAt: null, origins: [], label: '' };

/** The caller that a token's secret stands for. */
export function callerOf(secret: string, origin: string | null = null): rpc.Caller {
  return { kind: 'token', hash: hashToken(secret), origin };
}

/** The value of a result, or a test failure that shows the problem. */
export function valueOf<T>(result: rpc.Result<T>): T {
  if (!result.ok) throw new Error(`expected a value, got ${JSON.stringify(result.failure)}`);
  return result.value;
}

/** What was sent, because the caller had it not. */
export function sent<T>(result: rpc.Result<rpc.Conditional<T>>): T {
  const value = valueOf(result);
  if (value.notModified) throw new Error('expected something, got nothing but its tag');
  return value;
}

export const ALL: rpc.ListQuery = { limit: 50, cursor: null, order: 'newest', fields: null, maxAge: 0 };

export const SINCE: rpc.ChangesQuery = { since: null, checkpoint: null, limit: 200, maxAge: 0, include: 'headers' };
