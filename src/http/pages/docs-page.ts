/** The OpenAPI document for people: every operation by its group, with its parameters, examples and problems. */
import { html } from 'hono/html';
import type { Document } from '../document.ts';
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
  readonly schema: {
    readonly description?: string;
    readonly type?: string;
    readonly enum?: readonly unknown[];
    readonly default?: string | number | boolean;
    readonly minimum?: number;
    readonly maximum?: number;
  };
}

type Content = Readonly<Record<string, { readonly example?: unknown; readonly examples?: Readonly<Record<string, unknown>> }>>;

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** The document as a page. */
export function docsPage(document: Document): Promise<Response> {
  const entries = entriesOf(document);
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
            ${group.entries.map(operationOf)}`,
      )}`,
  );
}

function entriesOf(document: Document): Entry[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation: operation as Operation })),
  );
}

function operationOf({ method, path, operation }: Entry): Html {
  const parameters = operation.parameters ?? [];
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
    ${examplesOf('Request', operation.requestBody?.content)}
    ${answers.map(
      ([status, { description, content }]) =>
        html`<p>${status}: ${prose(description)}</p>
          ${examplesOf('Answer', content)}`,
    )}
    <p>Problems: ${problemsOf(operation).map((code) => html`<a href="/problems/${code}">${code}</a> `)}</p> `;
}

const CALLERS: Readonly<Record<string, string>> = { public: 'For anybody.', operator: 'For the operator alone.' };

function parameterOf({ name, in: place, required, description, schema }: Parameter): Html {
  const { minimum, maximum } = schema;
  const sentences = [
    description ?? schema.description ?? '',
    schema.enum === undefined ? '' : `One of: ${schema.enum.join(', ')}.`,
    minimum === undefined || maximum === undefined ? '' : `From ${minimum} to ${maximum}.`,
    schema.default === undefined || schema.default === '' ? '' : `Default: ${schema.default}.`,
    required === true && place !== 'path' ? 'Required.' : '',
  ];
  const meaning = sentences.filter((sentence) => sentence !== '').join(' ');
  return html`<tr>
    <td><code>${name}</code></td>
    <td>${place}</td>
    <td>${prose(meaning)}</td>
  </tr> `;
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
