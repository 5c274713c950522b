/** Failures as problems: one status and one code for each, with the members that every problem has. */
import { describe, expect, test } from 'vitest';
import { PROBLEMS } from '../../src/http/problem-codes.ts';
import type { ProblemCode } from '../../src/http/problem-codes.ts';
import { failed, problem } from '../../src/http/problem.ts';
import type { Failure } from '../../src/mailbox/rpc.ts';
import { problemOf } from './http-world.ts';

const context = { var: { requestId: '11111111-2222-3333-4444-555555555555' } };
const upstream = { phase: 'login', responseCode: 'SYS/TEMP', text: 'try later' };

/** The contract's table of codes; beyond it nothing is ever answered. */
const STATUS: Record<string, ProblemCode[]> = {
  400: ['invalid_request'],
  401: ['unauthorized'],
  403: ['forbidden'],
  404: ['not_found'],
  405: ['method_not_allowed'],
  409: ['conflict', 'paused'],
  410: ['message_gone'],
  412: ['precondition_failed'],
  413: ['request_too_large'],
  415: ['unsupported_media_type'],
  416: ['range_not_satisfiable'],
  422: ['target_not_allowed'],
  424: ['upstream_auth_failed'],
  429: ['rate_limited', 'login_delay'],
  500: ['internal'],
  502: ['upstream_unreachable', 'upstream_protocol', 'upstream_refused', 'delete_unconfirmed'],
  503: ['mailbox_in_use', 'upstream_temporary', 'overloaded', 'misconfigured'],
  504: ['upstream_timeout'],
};
const CASES = Object.entries(STATUS).flatMap(([status, codes]) => codes.map((code) => ({ code, status: Number(status) })));

describe('a problem', () => {
  test.each(CASES)('$code is $status and has every member', async ({ code, status }) => {
    const response = problem(context, code);
    expect(response.status).toBe(status);
    const body = await problemOf(response);
    expect(body).toEqual({
      type: `/problems/${code}`,
      title: expect.stringMatching(/^.{5,}[^.]$/),
      status,
      detail: expect.stringMatching(/^[A-Z].{10,}\.$/),
      instance: 'urn:uuid:11111111-2222-3333-4444-555555555555',
      code,
      retryable: expect.any(Boolean),
    });
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    expect(response.headers.get('WWW-Authenticate')).toBe(status === 401 ? 'Bearer' : null);
  });

  test('is in the table of codes with no other beside it', () => {
    expect(Object.keys(PROBLEMS).sort()).toEqual(CASES.map(({ code }) => code).sort());
  });
});

describe('a failure', () => {
  test.each<[Failure, Record<string, unknown>]>([
    [
      { kind: 'invalid', pointer: '/cursor', detail: 'No.' },
      { code: 'invalid_request', errors: [{ pointer: '/cursor', detail: 'No.' }] },
    ],
    [
      { kind: 'forbidden', detail: 'Not from here.' },
      { code: 'forbidden', detail: 'Not from here.' },
    ],
    [
      { kind: 'conflict', detail: 'Backwards.' },
      { code: 'conflict', detail: 'Backwards.' },
    ],
    [
      { kind: 'target_not_allowed', detail: 'Private.' },
      { code: 'target_not_allowed', detail: 'Private.' },
    ],
    [
      { kind: 'misconfigured', detail: 'Set MASTER_KEY.' },
      { code: 'misconfigured', detail: 'Set MASTER_KEY.' },
    ],
    [{ kind: 'paused' }, { code: 'paused' }],
    [{ kind: 'message_gone' }, { code: 'message_gone' }],
    [{ kind: 'internal' }, { code: 'internal' }],
    [
      { kind: 'upstream_timeout', upstream, retryAfterSeconds: null },
      { code: 'upstream_timeout', upstream, retryable: true },
    ],
    [
      { kind: 'upstream_auth_failed', upstream, retryAfterSeconds: null },
      { code: 'upstream_auth_failed', upstream, retryable: false },
    ],
  ])('%o becomes its problem', async (failure, expected) => {
    expect(await problemOf(failed(context, failure))).toMatchObject(expected);
  });

  test.each([
    [30, '30'],
    [0.2, '1'],
    [61.5, '62'],
  ])('of a known wait of %d s says Retry-After: %s', (seconds, header) => {
    const response = failed(context, { kind: 'login_delay', upstream, retryAfterSeconds: seconds });
    expect(response.headers.get('Retry-After')).toBe(header);
  });

  test('of an unknown wait says no Retry-After', () => {
    const response = failed(context, { kind: 'upstream_temporary', upstream, retryAfterSeconds: null });
    expect(response.headers.has('Retry-After')).toBe(false);
  });

  test('of a taken externalId names the account', async () => {
    expect(await problemOf(failed(context, { kind: 'conflict', account: 'acc_1' }))).toMatchObject({ code: 'conflict', account: 'acc_1' });
  });
});
