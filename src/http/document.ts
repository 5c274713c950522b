/** The OpenAPI 3.1 document of everything that the app has routes for, derived from their contracts. */
import { RATE } from '../limits.ts';
import { version } from '../version.ts';
import { HEADERS } from './contract.ts';
import { PROBLEMS } from './problem-codes.ts';
import type { ProblemCode } from './problem-codes.ts';
import type { Problem } from './problem.ts';
import type { App } from './route.ts';

const DESCRIPTION = `POP3 mailboxes over HTTP and JSON.

Every error is a problem (RFC 9457). Unknown members and parameters in a request are refused; in answers, ignore what you don't know:
members and enum values may be added. Times are RFC 3339 in UTC, sizes octets.

Every GET has an \`ETag\` and heeds \`If-None-Match\`; HEAD answers the same without the body.

A token may call ${RATE.perMinute.toLocaleString('en')} times a minute, ${RATE.burst.toLocaleString('en')} times at once; the operator as often as needed.`;

/** What the operations are grouped by, in the order in which they are shown. */
const TAGS = [
  { name: 'messages', description: 'Reading and deleting mail.' },
  { name: 'changes', description: 'Following what comes and goes.' },
  { name: 'accounts', description: 'Whose mailboxes there are, and who may use them.' },
  { name: 'diagnosis', description: 'Looking at mail servers without keeping anything.' },
  { name: 'deployment', description: 'The gateway itself.' },
];

export type Document = ReturnType<App['getOpenAPI31Document']>;

const documents = new WeakMap<App, Document>();

/** The document of `app`, made once all routes are there: at the first request that wants it. It never changes. */
export function documentOf(app: App): Document {
  const made = documents.get(app) ?? makeDocument(app);
  documents.set(app, made);
  return made;
}

function makeDocument(app: App): Document {
  const registry = app.openAPIRegistry;
  registry.registerComponent('securitySchemes', 'operatorKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'One of the keys of the deployment. May do everything.',
  });
  registry.registerComponent('securitySchemes', 'accountToken', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'pgt_…',
    description: 'A token of one account, limited to its scopes; `manage` implies the others.',
  });
  registry.registerComponent('securitySchemes', 'ticket', {
    type: 'apiKey',
    in: 'query',
    name: 'ticket',
    description: 'Part of a URL that `createTicket` signed, or that the HTML of a message came with; good for that URL alone.',
  });
  for (const [name, header] of Object.entries(HEADERS)) registry.registerComponent('headers', name, header);
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) registry.registerComponent('examples', code, { value: exampleOf(code) });
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Popgate', version, description: DESCRIPTION, license: { name: 'MIT' } },
    servers: [{ url: '/' }],
    tags: TAGS,
  });
}

/** What the mail server may have said, with the problems that are about it. */
const SAID = { phase: 'login', responseCode: 'SYS/TEMP', text: 'Please try again later.' };

function exampleOf(code: ProblemCode): Problem {
  const { title, status, detail, retryable } = PROBLEMS[code];
  const instance = 'urn:uuid:1c9d4f0e-2f4b-4a53-9c39-7a1f0c2f3b55';
  const problem: Problem = { type: `/problems/${code}`, title, status, detail, instance, code, retryable };
  if (code === 'invalid_request') problem.errors = [{ pointer: '/limit', detail: 'Must be 200 or less.' }];
  if (code === 'upstream_temporary') problem.upstream = SAID;
  return problem;
}
