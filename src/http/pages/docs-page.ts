/** The OpenAPI document for people: every operation by its group, with its parameters, the members of its body, examples and problems. */
import { html } from 'hono/html';
import type { Document } from '../document.ts';
import { meaningOf, membersOf } from './members.ts';
import type { Member, Schema } from './members.ts';
import { page, prose } from './page.ts';
import type { Html } from './page.ts';

/** What this page reads of an operation; the document has it all, typed more loosely. */
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly 'x-scope': string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, unknown>>;
}

type Content = Readonly<Record<string, Media>>;
type Schemas = Readonly<Record<string, Schema>>;

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** The document as a page. */
export function docsPage(document: Document): Promise<Response> {
  const entries = entriesOf(document);
  const schemas = (document.components?.schemas ?? {}) as Schemas;
  const groups = (document.tags ?? []).map(({ name, description }) => ({
    name,
    description: description ?? '',
    entries: entries.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const shown = groups.filter((group) => group.entries.length > 0);
  return page(
    'The HTTP interface',
    html`${(document.info.description ?? '').split('\n\n').map((paragraph) => html`<p>${prose(paragraph)}</p> `)}
      <p>The same for programs: <a href="/openapi.json">openapi.json</a>, OpenAPI ${document.openapi}, version ${document.info.version}.</p>
      <p>
        Callers send <code>Authorization: Bearer</code> with one of the operator's keys, or with a token of one account, limited to its
        scopes.
      </p>
      ${shown.map(
        (group) =>
          html`<h2 id="${group.name}">${capital(group.name)}</h2>
            <p>${group.description}</p>
            ${group.entries.map((entry) => operationOf(entry, schemas))}`,
      )}`,
  );
}

function entriesOf(document: Document): Entry[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation: operation as Operation })),
  );
}

function operationOf({ method, path, operation }: Entry, schemas: Schemas): Html {
  const { parameters = [], requestBody } = operation;
  // Where a body may come as several types, it has the same members in all.
  const members = membersOf(Object.values(requestBody?.content ?? {})[0]?.schema ?? {}, schemas);
  const answers = Object.entries(operation.responses).filter(([status]) => Number(status) < 400);
  return html`<h3 id="${operation.operationId}">${operation.summary}</h3>
    <p><code>${method} ${path}</code></p>
    <p>${CALLERS[operation['x-scope']] ?? `For a token with the scope ${operation['x-scope']}, and the operator.`}</p>
    ${operation.description === undefined ? '' : html`<p>${prose(operation.description)}</p>`}
    ${
      parameters.length === 0
        ? ''
        : html`<table>
            <tr>
              <th>Parameter</th>
              <th>In</th>
              <th>Meaning</th>
            </tr>
            ${parameters.map(parameterOf)}
          </table>`
    }
    ${members.length === 0 ? '' : tableOf(members)} ${examplesOf('Request', requestBody?.content)}
    ${answers.map(
      ([status, { description, content }]) =>
        html`<p>${status}: ${prose(description)}</p>
          ${examplesOf('Answer', content)}`,
    )}
    <p>Problems: ${problemsOf(operation).map((code) => html`<a href="/problems/${code}">${code}</a> `)}</p> `;
}

const CALLERS: Readonly<Record<string, string>> = {
  public: 'For anybody.',
  operator: 'For the operator alone.',
  any: 'For any token, and the operator.',
};

function parameterOf({ name, in: place, required, description, schema }: Parameter): Html {
  const meaning = meaningOf(schema, required === true && place !== 'path', description);
  return html`<tr>
    <td><code>${name}</code></td>
    <td>${place}</td>
    <td>${prose(meaning)}</td>
  </tr> `;
}

function tableOf(members: readonly Member[]): Html {
  return html`<table>
    <tr>
      <th>Member</th>
      <th>Meaning</th>
    </tr>
    ${members.map(
      ({ name, meaning }) =>
        html`<tr>
          <td><code>${name}</code></td>
          <td>${prose(meaning)}</td>
        </tr> `,
    )}
  </table>`;
}

function examplesOf(title: string, content: Content = {}): Html[] {
  return Object.entries(content).map(([type, { example }]) => {
    const shown = example === undefined ? '' : html`<pre>${typeof example === 'string' ? example : JSON.stringify(example, null, 2)}</pre>`;
    return html`<p>${title}: <code>${type}</code></p>
      ${shown} `;
  });
}

/** The codes of the problems of an operation, in the order of their statuses. */
function problemsOf({ responses }: Operation): string[] {
  return Object.values(responses).flatMap(({ content }) => Object.keys(content?.['application/problem+json']?.examples ?? {}));
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
