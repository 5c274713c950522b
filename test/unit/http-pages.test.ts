/** The public pages: one for each problem and one for the whole interface, readable without scripts or other servers. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { docsPage } from '../../src/http/pages/docs-page.ts';
import { PROBLEMS } from '../../src/http/problem-codes.ts';
import { NodeGateway, problemOf } from '../support/node-gateway.ts';

const gateway = new NodeGateway();
const HOSTILE = `<script>alert(1)</script>"'&<img src=x onerror=alert(1)>`;

/** What every page must be. */
async function pageOf(response: Response): Promise<string> {
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
  const policy = response.headers.get('Content-Security-Policy') ?? '';
  const text = await response.text();
  const style = /<style>([^]*?)<\/style>/.exec(text)?.[1] ?? '';
  const digest = createHash('sha256').update(style).digest('base64');
  expect(policy).toBe(`default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`);
  expect(text).toMatch(/^<!doctype html>\s+<html lang="en">/);
  expect(text).not.toMatch(/<script|<link|<img|<iframe|<object|<form|\sstyle=|\son\w+=|javascript:|\[object |undefined/i);
  for (const [, target = ''] of text.matchAll(/\s(?:href|src)="([^"]*)"/g)) expect(target).toMatch(/^\/[a-z]/);
  return text;
}

/** The text of a page as a person sees it. */
function shown(text: string): string {
  return text
    .replaceAll(/<style>[^]*?<\/style>|<[^>]*>/g, ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ');
}

describe('the page of a problem', () => {
  test.each(Object.entries(PROBLEMS))('%s says what happened and what to do', async (code, { title, status, detail, retryable }) => {
    const response = await gateway.ask('GET', `/problems/${code}`);
    const text = shown(await pageOf(response));
    for (const part of [title, code, String(status), detail, 'What to do', retryable ? 'May succeed later' : 'Will fail again'])
      expect(text).toContain(part);
    expect(response.headers.get('Cache-Control')).toBe('public, max-age=300');
    expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff');
  });

  test.each(['nothing', 'toString', '__proto__', 'constructor', '%3Cscript%3E', 'NOT_FOUND', 'x'.repeat(2_000), '%00', '%E0%A4%A'])(
    'of %s is not there',
    async (code) => {
      const response = await gateway.ask('GET', `/problems/${code}`);
      expect(response.status).toBe(404);
      const text = JSON.stringify(await problemOf(response));
      if (code.length > 9) expect(text).not.toContain(code.slice(0, 100));
    },
  );

  test('is the address that a problem names', async () => {
    const { type } = await problemOf(await gateway.ask('GET', '/v1/accounts'));
    await pageOf(await gateway.ask('GET', String(type)));
  });

  test('needs no credential, and takes no parameters', async () => {
    expect((await gateway.ask('GET', '/problems/not_found?x=1')).status).toBe(400);
    expect((await gateway.ask('HEAD', '/problems/not_found')).status).toBe(200);
    expect((await gateway.ask('POST', '/problems/not_found')).status).toBe(405);
  });
});

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** The names of all members, those of inner objects behind the outer one's. */
function membersOf({ properties = {} }: Schema): string[] {
  return Object.entries(properties).flatMap(([name, schema]) => [name, ...membersOf(schema).map((inner) => `${name}.${inner}`)]);
}

describe('the documentation', () => {
  test('has every operation with its parameters, examples and problems', async () => {
    const text = await pageOf(await gateway.ask('GET', '/docs'));
    const seen = shown(text);
    const { paths } = (await (await gateway.ask('GET', '/openapi.json')).json()) as {
      paths: Record<string, Record<string, { operationId: string; summary: string; parameters?: { name: string }[] }>>;
    };
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { operationId, summary, parameters }] of Object.entries(methods)) {
        expect(text).toContain(`<h3 id="${operationId}">`);
        expect(seen).toContain(`${method.toUpperCase()} ${path}`);
        expect(seen).toContain(summary);
        for (const { name } of parameters ?? []) expect(seen).toContain(name);
      }
    }
    for (const code of Object.keys(PROBLEMS)) if (code !== 'method_not_allowed') expect(text).toContain(`href="/problems/${code}"`);
    expect(seen).toContain('"subject": "Meeting tomorrow"');
  });

  test('has every member of every body, with what it may be', async () => {
    const text = await pageOf(await gateway.ask('GET', '/docs'));
    const { paths, components } = (await (await gateway.ask('GET', '/openapi.json')).json()) as {
      paths: Record<string, Record<string, { operationId: string; requestBody?: { content: Record<string, { schema: Schema }> } }>>;
      components: { schemas: Record<string, Schema> };
    };
    const sections = new Map(text.split('<h3 id="').map((section) => [section.slice(0, section.indexOf('"')), section]));
    for (const { operationId, requestBody } of Object.values(paths).flatMap((methods) => Object.values(methods))) {
      if (requestBody === undefined) continue;
      const { schema: named } = Object.values(requestBody.content)[0]!;
      const schema = named.$ref === undefined ? named : components.schemas[named.$ref.split('/').at(-1)!]!;
      for (const name of membersOf(schema)) expect(sections.get(operationId), `${operationId} ${name}`).toContain(`<code>${name}</code>`);
    }
    const creation = shown(sections.get('createAccount')!);
    expect(creation).toContain('server.host Required.');
    expect(creation).toContain(
      'server.security none only for a target that the deployment lists. One of: tls, starttls, none. Default: tls.',
    );
    expect(creation).toContain('One of: 0, 60 to 2592000, auto. Default: 300.');
  });

  test('says of every operation who may call it', async () => {
    const seen = shown(await pageOf(await gateway.ask('GET', '/docs')));
    expect(seen).toContain('GET /v1/token For any token, and the operator.');
    expect(seen).toContain('For a token with the scope manage, and the operator.');
  });

  test('links only to what is there', async () => {
    const text = await pageOf(await gateway.ask('GET', '/docs'));
    for (const target of new Set([...text.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!)))
      expect([target, (await gateway.ask('GET', target)).status]).toEqual([target, 200]);
  });

  test('escapes whatever the document says', async () => {
    const operation = {
      operationId: HOSTILE,
      summary: HOSTILE,
      description: HOSTILE,
      tags: [HOSTILE],
      'x-scope': HOSTILE,
      parameters: [{ name: HOSTILE, in: HOSTILE, description: HOSTILE, schema: { default: HOSTILE, enum: [HOSTILE] } }],
      requestBody: {
        content: { [HOSTILE]: { example: HOSTILE, schema: { properties: { [HOSTILE]: { description: HOSTILE, enum: [HOSTILE] } } } } },
      },
      responses: { 200: { description: HOSTILE, content: { [HOSTILE]: { example: { [HOSTILE]: HOSTILE } } } } },
    };
    const response = await docsPage({
      openapi: HOSTILE,
      info: { title: HOSTILE, version: HOSTILE, description: HOSTILE },
      tags: [{ name: HOSTILE, description: HOSTILE }],
      paths: { [HOSTILE]: { get: operation } },
    } as never);
    const text = (await response.text()).replace(/<style>[^]*?<\/style>/, '');
    expect(text).not.toMatch(/<script|<img/);
    expect(text).toContain('&lt;script&gt;');
  });

  test('says what to set where the deployment is not configured', async () => {
    const response = await new NodeGateway({ vars: { MASTER_KEY: '' } }).ask('GET', '/docs');
    expect(await problemOf(response)).toMatchObject({ status: 503, code: 'misconfigured' });
  });
});
