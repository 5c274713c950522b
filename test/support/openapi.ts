/**
 * The OpenAPI 3.1 document of a running gateway as a judge: an answer is right if its operation promises the status, the
 * type of its content and, of JSON, every member. Members that the document doesn't know are refused too, although a
 * client ignores them: what isn't documented isn't meant to be said.
 */
import { z } from 'zod';

/** An answer as a client has it; `json` is its parsed body, where it has a JSON one. */
export interface Answered {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly status: number;
  /** Without parameters; null where there is no body. */
  readonly contentType: string | null;
  readonly json?: unknown;
}

type Json = { readonly [name: string]: unknown };

interface PromisedAnswer {
  readonly content?: { readonly [contentType: string]: { readonly schema?: Json } };
  readonly headers?: Json;
}

interface Operation {
  readonly responses: { readonly [status: string]: PromisedAnswer };
}

interface Document {
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } };
  readonly components: { readonly schemas: { readonly [name: string]: Json } };
}

const REFERENCE = '#/components/schemas/';
const PROBLEM = 'application/problem+json';

export class OpenApi {
  readonly #document: Document;
  readonly #definitions: Json;
  readonly #schemas = new Map<Json, z.ZodType>();

  constructor(document: unknown) {
    this.#document = document as Document;
    this.#definitions = closed(this.#document.components.schemas) as Json;
  }

  /** The document that the gateway at `url` serves. */
  static async of(url: string): Promise<OpenApi> {
    const response = await fetch(`${url}/openapi.json`);
    if (response.status !== 200) throw new Error(`GET /openapi.json is ${response.status}.`);
    return new OpenApi(await response.json());
  }

  /** Throws where the document doesn't promise this answer. */
  check(answer: Answered): void {
    const where = `${answer.method} ${answer.path}: ${answer.status} ${answer.contentType ?? '(no body)'}`;
    const promised = this.#promised(answer, where);
    if (answer.contentType === null) {
      if (promised?.content !== undefined && answer.method !== 'HEAD') throw new Error(`${where}: a body is promised.`);
      return;
    }
    const schema = promised === null ? this.#problem() : schemaOf(promised, answer.contentType);
    if (schema === undefined) throw new Error(`${where}: this type of content is not promised.`);
    if (!answer.contentType.endsWith('json')) return;
    const result = this.#compiled(schema).safeParse(answer.json);
    if (!result.success) throw new Error(`${where} is not as documented:\n${z.prettifyError(result.error)}`);
  }

  /** What the document says of this status; null for what no operation is responsible for: an unknown path or method. */
  #promised({ method, path, status }: Answered, where: string): PromisedAnswer | null {
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
    const fitting = Object.entries(this.#document.paths).filter(([template]) => fits(template, path));
    const found = fitting.find(([, operations]) => operations[verb] !== undefined) ?? fitting[0];
    const operation = found?.[1][verb];
    if (found === undefined || operation === undefined) {
      if (method === 'OPTIONS' && status === 204) return {};
      // A gateway that is not configured says so wherever it is asked.
      if (status === (found === undefined ? 404 : 405) || status === 503) return null;
      throw new Error(`${where}: there is no such operation.`);
    }
    const promised = operation.responses[status];
    if (promised === undefined) throw new Error(`${where}: this status is not promised.`);
    return promised;
  }

  #problem(): Json {
    const problem = this.#document.components.schemas.Problem;
    if (problem === undefined) throw new Error('The document has no schema of problems.');
    return problem;
  }

  #compiled(schema: Json): z.ZodType {
    const known = this.#schemas.get(schema);
    if (known !== undefined) return known;
    const whole = { ...(closed(schema) as Json), $defs: this.#definitions };
    const made = z.fromJSONSchema(whole as Parameters<typeof z.fromJSONSchema>[0]);
    this.#schemas.set(schema, made);
    return made;
  }
}

function schemaOf({ content }: PromisedAnswer, contentType: string): Json | undefined {
  const { schema } = content?.[contentType] ?? (contentType === PROBLEM ? undefined : content?.['*/*']) ?? {};
  return schema;
}

function fits(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length && wanted.every((segment, at) => (segment.startsWith('{') ? given[at] !== '' : segment === given[at]))
  );
}

/** The same schema with its references turned to where JSON Schema keeps definitions, and no further members in its objects. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const made = Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === '$ref' && typeof member === 'string' ? member.replace(REFERENCE, '#/$defs/') : closed(member),
    ]),
  );
  const open = typeof made.properties === 'object' && 'type' in made && !('additionalProperties' in made);
  return open ? { ...made, additionalProperties: false } : made;
}
