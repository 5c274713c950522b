import { describe, expect, test } from 'vitest';
import { PROBLEMS } from '../../src/http/problem-codes.ts';
import { World } from './http-world.ts';

interface Operation {
  operationId: string;
  summary: string;
  security: Record<string, string[]>[];
  'x-scope': string;
  parameters?: { name: string; in: string; required: boolean; schema: { default?: unknown; type?: string } }[];
  requestBody?: { required?: boolean; content: Record<string, unknown> };
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
}

const response = await new World().ask('GET', '/openapi.json');
const document = (await response.json()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ title: `${method.toUpperCase()} ${path}`, path, method, operation })),
);

/** Every `$ref` anywhere in a value. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => (name === '$ref' ? [String(member)] : references(member)));
}

test('the document is OpenAPI 3.1 and describes every route', () => {
  expect(response.headers.get('Content-Type')).toBe('application/json');
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(document.info).toMatchObject({ title: 'Popgate', version: expect.any(String) });
  expect(operations.map(({ title, operation }) => `${title} ${operation['x-scope']}`).sort()).toEqual(
    [
      'GET /healthz public',
      'GET /openapi.json public',
      'POST /v1/accounts operator',
      'GET /v1/accounts operator',
      'GET /v1/accounts/{account} read',
      'DELETE /v1/accounts/{account} manage',
      'GET /v1/accounts/{account}/messages read',
      'GET /v1/accounts/{account}/messages/{message} read',
      'DELETE /v1/accounts/{account}/messages/{message} delete',
      'GET /v1/accounts/{account}/messages/{message}/raw read',
      'GET /v1/accounts/{account}/messages/{message}/attachments/{part} read',
      'GET /v1/accounts/{account}/changes read',
      'POST /v1/accounts/{account}/sync read',
    ].sort(),
  );
});

test('the document is the same each time', async () => {
  const world = new World();
  const [first, second] = [await world.ask('GET', '/openapi.json'), await world.ask('GET', '/openapi.json')];
  expect(await first.text()).toBe(await second.text());
});

test('every reference leads somewhere', () => {
  const known = new Set(Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`));
  const used = references(document);
  expect(used.length).toBeGreaterThan(10);
  for (const reference of used) expect(known).toContain(reference);
});

test('operation ids are unique', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

describe.each(operations)('$title', ({ path, operation }) => {
  test('names its path parameters', () => {
    const named = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path').map(({ name }) => name);
    expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
  });

  test('says who may call it', () => {
    const scope = operation['x-scope'];
    const expected =
      scope === 'public' ? [] : scope === 'operator' ? [{ operatorKey: [] }] : [{ accountToken: [scope] }, { operatorKey: [] }];
    expect(operation.security).toEqual(expected);
    for (const requirement of operation.security)
      for (const scheme of Object.keys(requirement)) expect(document.components.securitySchemes).toHaveProperty(scheme);
  });

  test('has an answer that succeeds, and its problems', () => {
    const statuses = Object.keys(operation.responses).map(Number);
    expect(statuses.filter((status) => status < 300)).toHaveLength(1);
    const problems = statuses.filter((status) => status >= 400);
    expect(problems).toEqual(expect.arrayContaining(operation['x-scope'] === 'public' ? [400, 500] : [400, 401, 403, 500, 503]));
    if (operation.requestBody !== undefined) expect(problems).toEqual(expect.arrayContaining([413, 415]));
    if (path.includes('{account}')) expect(problems).toContain(404);
    for (const status of problems) {
      const { content, description } = operation.responses[status]!;
      expect(content).toEqual({ 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } });
      const codes = [...description.matchAll(/`(\w+)`:/g)].map(([, code]) => code!);
      for (const code of codes) expect(PROBLEMS[code as keyof typeof PROBLEMS].status).toBe(status);
      expect(codes.length).toBeGreaterThan(0);
    }
  });
});

test('a parameter with a default is optional and says so', () => {
  const list = document.paths['/v1/accounts/{account}/messages']!['get']!;
  const byName = new Map(list.parameters!.map((parameter) => [parameter.name, parameter]));
  expect([...byName.keys()]).toEqual(['account', 'limit', 'cursor', 'order', 'fields', 'maxAge']);
  expect(byName.get('limit')).toMatchObject({ required: false, schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 } });
  expect(byName.get('maxAge')).toMatchObject({ required: false, schema: { type: 'integer', default: 30 } });
  expect(byName.get('cursor')).toMatchObject({ required: false, schema: { type: 'string' } });
});
