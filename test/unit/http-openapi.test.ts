/**
 * The OpenAPI document, walked: it is well-formed, it hides no route, and every operation says who may call it, what its
 * parameters mean, what it answers, with examples that are true, and how it can fail. Any change of it must be meant.
 */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PROBLEMS } from '../../src/http/problem-codes.ts';
import { OpenApi } from '../support/openapi.ts';
import { NodeGateway } from '../support/node-gateway.ts';

interface Schema {
  readonly [keyword: string]: unknown;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}
type Content = Record<
  string,
  { readonly schema: Schema; readonly example?: unknown; readonly examples?: Record<string, { $ref: string }> }
>;
interface Answer {
  readonly description: string;
  readonly headers?: Record<string, { $ref?: string; description?: string }>;
  readonly content?: Content;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: string[];
  readonly security: Record<string, string[]>[];
  readonly 'x-scope': string;
  readonly parameters?: Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Record<string, Answer>;
}
interface Document {
  readonly openapi: string;
  readonly info: { title: string; version: string };
  readonly tags: { name: string; description: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: Record<string, Record<string, Schema>>;
}

const gateway = new NodeGateway();
const response = await gateway.ask('GET', '/openapi.json');
const document = (await response.json()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ title: `${method.toUpperCase()} ${path}`, path, method, operation })),
);
const routes = gateway.app.openAPIRegistry.definitions.flatMap((definition) => (definition.type === 'route' ? [definition.route] : []));
const SCOPES = ['public', 'operator', 'any', 'read', 'write', 'delete', 'manage'];
const PROBLEM = 'application/problem+json';

/** Every object anywhere in a value, with the way to it. */
function* objects(value: unknown, way = '#'): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [way, value as Record<string, unknown>];
  for (const [name, member] of Object.entries(value)) yield* objects(member, `${way}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

/** A schema that judges by what the document says. */
function judge(schema: Schema): z.ZodType {
  const local = JSON.parse(
    JSON.stringify({ ...schema, $defs: document.components['schemas'] }).replaceAll('#/components/schemas/', '#/$defs/'),
  );
  return z.fromJSONSchema(local as Parameters<typeof z.fromJSONSchema>[0]);
}

describe('the document', () => {
  test('is OpenAPI 3.1 and describes every route there is', () => {
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: 'Popgate', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
    const described = operations.map(({ title, operation }) => `${title} ${operation['x-scope']}`);
    expect(described.sort()).toEqual(routes.map((route) => `${route.method.toUpperCase()} ${route.path} ${route['x-scope']}`).sort());
    const routed = gateway.app.routes
      .filter(({ path }) => path !== '/*')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    expect([...new Set(routed)].sort()).toEqual(operations.map(({ title }) => title).sort());
  });

  test('is the same each time', async () => {
    const other = new NodeGateway();
    await other.ask('GET', '/docs');
    expect(await (await other.ask('GET', '/openapi.json')).json()).toEqual(document);
  });

  test('refers to nothing that is not there', () => {
    const known = new Set(
      Object.entries(document.components).flatMap(([kind, named]) => Object.keys(named).map((name) => `#/components/${kind}/${name}`)),
    );
    const used = [...objects(document)].flatMap(([, { $ref }]) => (typeof $ref === 'string' ? [$ref] : []));
    expect(used.length).toBeGreaterThan(10);
    for (const reference of used) expect(known).toContain(reference);
  });

  test('has no path twice under other names of parameters', () => {
    const shapes = Object.keys(document.paths).map((path) => path.replaceAll(/\{\w+\}/g, '{}'));
    expect(new Set(shapes).size).toBe(shapes.length);
    for (const path of Object.keys(document.paths)) expect(path).toMatch(/^(?:\/(?:[a-z0-9.]+|\{\w+\}))+$/);
  });

  test('gives each operation an id of its own', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z]+[A-Za-z0-9]*$/);
  });

  test('has only schemas of JSON Schema 2020-12, in the words that programs understand', () => {
    for (const [name, schema] of Object.entries(document.components['schemas']!)) expect(() => judge(schema), name).not.toThrow();
    for (const [way, object] of objects({ paths: document.paths, schemas: document.components['schemas'] })) {
      // OpenAPI 3.0's ways of saying it.
      expect(object, way).not.toHaveProperty('nullable');
      expect(typeof object['exclusiveMinimum'], way).not.toBe('boolean');
      if (!Array.isArray(object['required']) || typeof object['properties'] !== 'object') continue;
      for (const name of object['required']) expect(object['properties'], way).toHaveProperty([name as string]);
    }
  });

  test('shows each problem once, as it is answered', () => {
    const examples = document.components['examples']!;
    expect(Object.keys(examples).sort()).toEqual(Object.keys(PROBLEMS).sort());
    const problem = judge(document.components['schemas']!['Problem']!);
    for (const [code, { value }] of Object.entries(examples)) {
      expect(problem.safeParse(value).error, code).toBe(undefined);
      expect(value).toMatchObject({ code, type: `/problems/${code}`, status: PROBLEMS[code as keyof typeof PROBLEMS].status });
    }
  });
});

describe.each(operations)('$title', ({ path, method, operation }) => {
  const scope = operation['x-scope'];
  const answers = Object.entries(operation.responses).map(([status, answer]) => ({ status: Number(status), answer }));
  const successes = answers.filter(({ status }) => status < 400);
  const problems = answers.filter(({ status }) => status >= 400);

  test('is named, grouped and summed up', () => {
    expect(operation.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(operation.tags).toHaveLength(1);
    expect(document.tags.map(({ name }) => name)).toContain(operation.tags[0]);
  });

  test('says who may call it', () => {
    expect(SCOPES).toContain(scope);
    const expected =
      scope === 'public'
        ? []
        : scope === 'operator'
          ? [{ operatorKey: [] }]
          : [{ accountToken: scope === 'any' ? [] : [scope] }, { operatorKey: [] }];
    const ticket = operation.security.filter((requirement) => 'ticket' in requirement);
    expect(operation.security).toEqual([...expected, ...ticket]);
    // A ticket reads, and nothing else.
    if (ticket.length > 0) expect([method, scope, ticket]).toEqual(['get', 'read', [{ ticket: [] }]]);
    for (const scheme of operation.security.flatMap((requirement) => Object.keys(requirement)))
      expect(document.components['securitySchemes']).toHaveProperty([scheme]);
  });

  test('says what each parameter means', () => {
    const parameters = operation.parameters ?? [];
    const named = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
    expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    expect(new Set(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).size).toBe(parameters.length);
    for (const parameter of parameters) {
      expect(['path', 'query', 'header'], parameter.name).toContain(parameter.in);
      expect(parameter.description ?? parameter.schema['description'], parameter.name).toMatch(/^.{10,}\.$/s);
      expect(parameter.required ?? false, parameter.name).toBe(parameter.in === 'path');
      if (!('default' in parameter.schema)) continue;
      expect(judge(parameter.schema).safeParse(parameter.schema['default']).success, parameter.name).toBe(true);
    }
  });

  test('shows a request that it takes', () => {
    const route = routes.find((each) => each.path === path && each.method === method)!;
    for (const [type, { schema, example }] of Object.entries(operation.requestBody?.content ?? {})) {
      expect(type).toMatch(/^application\/(?:merge-patch\+)?json$/);
      expect(example).toBeDefined();
      expect(judge(schema).safeParse(example).error).toBe(undefined);
      const own = route.request!.body!.content[type as 'application/json'] as { schema: z.ZodType };
      expect(own.schema.safeParse(example).error).toBe(undefined);
    }
  });

  test('shows what it answers', () => {
    const openApi = new OpenApi(document);
    expect(successes.length).toBeGreaterThan(0);
    for (const { status, answer } of successes) {
      expect(answer.description).toMatch(/^.{3,}\.$/);
      for (const header of Object.values(answer.headers ?? {})) expect(header.$ref ?? header.description).toMatch(/./);
      for (const [contentType, { example }] of Object.entries(answer.content ?? {})) {
        if (!contentType.endsWith('json')) continue;
        expect(example).toBeDefined();
        openApi.check({ method: method.toUpperCase(), path, status, contentType, json: example });
      }
    }
  });

  test('lists its problems, by status, each with an example', () => {
    const statuses = problems.map(({ status }) => status);
    expect(statuses).toEqual(expect.arrayContaining(scope === 'public' ? [400, 500] : [400, 401, 403, 429, 500, 503]));
    if (operation.requestBody !== undefined) expect(statuses).toEqual(expect.arrayContaining([413, 415]));
    if (path.includes('{')) expect(statuses).toContain(404);
    for (const { status, answer } of problems) {
      expect(Object.keys(answer.content!)).toEqual([PROBLEM]);
      const { schema, examples } = answer.content![PROBLEM]!;
      expect(schema).toEqual({ $ref: '#/components/schemas/Problem' });
      const codes = Object.keys(examples!);
      expect(codes.length).toBeGreaterThan(0);
      for (const code of codes) {
        expect(PROBLEMS[code as keyof typeof PROBLEMS].status, code).toBe(status);
        expect(answer.description).toContain(`\`${code}\``);
        expect(examples![code]).toEqual({ $ref: `#/components/examples/${code}` });
      }
      if (status === 429 || status === 503) expect(answer.headers).toHaveProperty(['Retry-After']);
      if (status === 401) expect(answer.headers).toHaveProperty(['WWW-Authenticate']);
    }
  });

  test('tells of the counter, where a token is counted', () => {
    const counted = scope !== 'public' && scope !== 'operator';
    for (const { answer } of successes) expect(Object.keys(answer.headers ?? {}).includes('RateLimit')).toBe(counted);
  });
});

test('a parameter with a default is optional and says so', () => {
  const list = document.paths['/v1/accounts/{account}/messages']!['get']!;
  const byName = new Map(list.parameters!.map((parameter) => [parameter.name, parameter]));
  expect([...byName.keys()]).toEqual(expect.arrayContaining(['account', 'limit', 'cursor', 'order', 'fields', 'maxAge']));
  expect(byName.get('limit')).toMatchObject({ required: false, schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 } });
  expect(byName.get('maxAge')).toMatchObject({ required: false, schema: { type: 'integer', default: 30 } });
  expect(byName.get('cursor')).toMatchObject({ required: false, schema: { type: 'string' } });
});
