/** What holds for every route: request ids and safe headers, CORS, routing, a deployment that is not configured, and errors of ours. */
import { describe, expect, test, vi } from 'vitest';
import { OPERATOR_KEY, problemOf, World } from './http-world.ts';

const ORIGIN = 'https://app.example.com';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const EXPOSED =
  'ETag, Location, Retry-After, RateLimit, RateLimit-Policy, Request-Id, Content-Disposition, Content-Range, Accept-Ranges, Repr-Digest, Server-Timing';

describe('every answer', () => {
  const asked: [string, string, string | undefined][] = [
    ['GET', '/healthz', undefined],
    ['GET', '/openapi.json', undefined],
    ['GET', '/v1/accounts', OPERATOR_KEY],
    ['GET', '/v1/accounts', undefined],
    ['GET', '/v1/nothing', undefined],
    ['POST', '/healthz', undefined],
    ['OPTIONS', '/v1/accounts', undefined],
    ['DELETE', '/v1/accounts', OPERATOR_KEY],
  ];
  test.each(asked)('to %s %s has its request id and may not be sniffed', async (method, path, as) => {
    const response = await new World().ask(method, path, as === undefined ? {} : { as });
    expect(response.headers.get('Request-Id')).toMatch(UUID);
    expect(response.headers.get('Vary')).toBe('Authorization, Origin');
    expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(response.headers.get('Content-Security-Policy')).toContain("default-src 'none'");
  });

  test('that is a problem names the request id as its instance', async () => {
    const response = await new World().ask('GET', '/v1/accounts');
    expect((await problemOf(response)).instance).toBe(`urn:uuid:${response.headers.get('Request-Id')}`);
  });
});

describe('a preflight', () => {
  test.each(['/v1/accounts', '/v1/accounts/acc_x/messages/y/raw', '/v1/nothing/at/all'])(
    'to %s is 204 without authentication',
    async (path) => {
      const world = new World({ CORS_ORIGINS: ORIGIN });
      const response = await world.ask('OPTIONS', path, { headers: { Origin: ORIGIN, 'Access-Control-Request-Method': 'GET' } });
      expect(response.status).toBe(204);
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe(ORIGIN);
      expect(response.headers.get('Access-Control-Allow-Headers')).toBe('Authorization, Content-Type, If-Match, If-None-Match, Range');
      expect(response.headers.get('Access-Control-Allow-Methods')?.split(', ')).toEqual(
        expect.arrayContaining(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
      );
      expect(response.headers.get('Access-Control-Max-Age')).toBe('7200');
      expect(response.headers.has('Access-Control-Allow-Credentials')).toBe(false);
    },
  );

  test('from an origin that is not listed is told nothing', async () => {
    const world = new World({ CORS_ORIGINS: ORIGIN });
    const response = await world.ask('OPTIONS', '/v1/accounts', { headers: { Origin: 'https://evil.example' } });
    expect(response.status).toBe(204);
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('outside /v1 is no route', async () => {
    expect((await new World().ask('OPTIONS', '/healthz')).status).toBe(405);
  });
});

describe('across origins', () => {
  test.each([
    ['', ORIGIN, null],
    ['*', ORIGIN, '*'],
    ['*', undefined, null],
    [`https://other.example,${ORIGIN}`, ORIGIN, ORIGIN],
    [ORIGIN, 'https://app.example.com.evil.example', null],
    [ORIGIN, 'null', null],
  ])('with CORS_ORIGINS=%s a page of %s is allowed as %s', async (origins, origin, allowed) => {
    const world = new World({ CORS_ORIGINS: origins });
    const headers: Record<string, string> = origin === undefined ? {} : { Origin: origin };
    for (const as of [OPERATOR_KEY, 'wrong']) {
      const response = await world.ask('GET', '/v1/accounts', { as, headers });
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe(allowed);
      expect(response.headers.get('Access-Control-Expose-Headers')).toBe(allowed === null ? null : EXPOSED);
    }
  });
});

describe('routing', () => {
  test.each(['/', '/v1', '/v1/', '/v1/accounts/', '/v2/accounts', '/v1/accounts/a/b', '/V1/accounts', '/healthz/', '//healthz'])(
    '%s is 404',
    async (path) => {
      const response = await new World().ask('GET', path, { as: OPERATOR_KEY });
      expect((await problemOf(response)).code).toBe('not_found');
    },
  );

  test.each([
    ['PUT', '/v1/accounts', 'POST, GET, HEAD, OPTIONS'],
    ['POST', '/v1/accounts/acc_x', 'GET, HEAD, PATCH, DELETE, OPTIONS'],
    ['DELETE', '/v1/accounts/acc_x/messages/m/raw', 'GET, HEAD, OPTIONS'],
    ['GET', '/v1/accounts/acc_x/sync', 'POST, OPTIONS'],
    ['DELETE', '/healthz', 'GET, HEAD'],
    ['PATCH', '/openapi.json', 'GET, HEAD'],
  ])('%s %s is 405 and names %s', async (method, path, allow) => {
    const response = await new World().ask(method, path, { as: OPERATOR_KEY });
    expect(response.status).toBe(405);
    expect(response.headers.get('Allow')?.split(', ').sort()).toEqual(allow.split(', ').sort());
    expect((await problemOf(response)).code).toBe('method_not_allowed');
  });

  test('HEAD answers as GET, without the body', async () => {
    const response = await new World().ask('HEAD', '/v1/accounts', { as: OPERATOR_KEY });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(await response.text()).toBe('');
  });
});

describe('a deployment that is not configured', () => {
  test.each(['/v1/accounts', '/openapi.json', '/nothing', '/v1/accounts/acc_x/messages'])('says on %s what to set', async (path) => {
    const response = await new World({ OPERATOR_KEY: '' }).ask('GET', path);
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 503, code: 'misconfigured', retryable: false });
    expect(problem.detail).toContain('OPERATOR_KEY');
  });

  test('never says what is set', async () => {
    const world = new World({ OPERATOR_KEY: 'tooshortSECRET', MASTER_KEY: 'k1:notbase64SECRET' });
    const response = await world.ask('GET', '/v1/accounts');
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain('SECRET');
  });

  test('says so on /healthz', async () => {
    const unconfigured = await new World({ OPERATOR_KEY: '' }).ask('GET', '/healthz');
    expect(await unconfigured.json()).toMatchObject({ ok: true, configured: false });
    const configured = await new World().ask('GET', '/healthz');
    expect(await configured.json()).toEqual({ ok: true, version: expect.stringMatching(/^\d+\.\d+\.\d+/), configured: true });
  });
});

describe('an error of ours', () => {
  test('is 500 and tells nothing but its name, and that to the log alone', async () => {
    const logged = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const world = new World();
    const { id, mailbox } = world.account();
    mailbox.thrown = new TypeError('cannot read SECRET of undefined');
    const response = await world.ask('GET', `/v1/accounts/${id}`, { as: OPERATOR_KEY });
    const text = await response.clone().text();
    expect((await problemOf(response)).code).toBe('internal');
    expect(text).not.toContain('SECRET');
    expect(text).not.toContain('TypeError');
    expect(logged.mock.calls).toEqual([[expect.stringMatching(/^(?!.*SECRET).*"error":"TypeError"/)]]);
    logged.mockRestore();
  });

  test.each(['overloaded', 'retryable'])('is 503 overloaded where the platform says %s', async (mark) => {
    const world = new World();
    const { id, mailbox } = world.account();
    mailbox.thrown = Object.assign(new Error('busy'), { [mark]: true });
    const response = await world.ask('GET', `/v1/accounts/${id}`, { as: OPERATOR_KEY });
    expect(response.headers.get('Retry-After')).toBe('5');
    expect((await problemOf(response)).code).toBe('overloaded');
  });
});
