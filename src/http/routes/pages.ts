/** The public pages for people: what the calls are, and what each problem means. */
import { contract } from '../contract.ts';
import { documentOf } from '../document.ts';
import { docsPage } from '../pages/docs-page.ts';
import { isProblemCode, problemPage } from '../pages/problem-page.ts';
import { problem } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { CodePath } from '../schemas/problem.ts';
import { z } from '../zod.ts';

const HTML = { 'text/html': { schema: z.string(), example: '<!doctype html>…' } } as const;

const docs = contract({
  method: 'get',
  path: '/docs',
  operationId: 'getDocs',
  summary: 'This interface, for people',
  tags: ['deployment'],
  scope: 'public',
  problems: ['misconfigured'],
  responses: { 200: { description: 'A page without scripts.', content: HTML } },
});

const explanation = contract({
  method: 'get',
  path: '/problems/{code}',
  operationId: 'getProblem',
  summary: 'What a problem means, for people',
  description: 'The address that the `type` of every problem names.',
  tags: ['deployment'],
  scope: 'public',
  problems: ['misconfigured'],
  request: { params: CodePath },
  responses: { 200: { description: 'A page: what happened and what to do.', content: HTML } },
});

export function pageRoutes(app: App): void {
  route(app, docs, () => docsPage(documentOf(app)));

  route(app, explanation, async (c) => {
    const { code } = c.req.valid('param');
    return isProblemCode(code) ? problemPage(code) : problem(c, 'not_found');
  });
}
