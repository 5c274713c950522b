/** The operations of the OpenAPI document as calls: a path with ids in it, and the body that the document shows. */
import type { Asking, NodeGateway } from './node-gateway.ts';

export interface ApiOperation {
  /** `GET /path/{account}` */
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly scope: string;
  /** Path parameters with the value that the document shows. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Names of query parameters. */
  readonly query: readonly string[];
  /** Names of header parameters. */
  readonly headers: readonly string[];
  /** The body that the document shows; undefined for an operation without. */
  readonly body: unknown;
}

interface Described {
  readonly operationId: string;
  readonly 'x-scope': string;
  readonly parameters?: readonly { name: string; in: string; example?: unknown; schema: { example?: unknown } }[];
  readonly requestBody?: { content: Record<string, { example?: unknown }> };
}

/** Every operation that the gateway's document has. */
export async function operationsOf(gateway: NodeGateway): Promise<ApiOperation[]> {
  const response = await gateway.ask('GET', '/openapi.json');
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, Described>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => operationOf(method.toUpperCase(), path, described)),
  );
}

function operationOf(method: string, path: string, described: Described): ApiOperation {
  const of = (place: string) => (described.parameters ?? []).filter((parameter) => parameter.in === place);
  const content = Object.values(described.requestBody?.content ?? {})[0];
  return {
    title: `${method} ${path}`,
    method,
    path,
    operationId: described.operationId,
    scope: described['x-scope'],
    parameters: Object.fromEntries(of('path').map(({ name, example, schema }) => [name, String(example ?? schema.example)])),
    query: of('query').map(({ name }) => name),
    headers: of('header').map(({ name }) => name),
    body: content?.example,
  };
}

/** A mail server that is there, and a user of it; where they don't matter they are left out. */
export interface MailPlace {
  readonly server?: object;
  readonly auth?: object;
}

/** Calls an operation with these path parameters, the shown ones where none are given; an account or a place in its body is replaced too. */
export function call(
  gateway: NodeGateway,
  operation: ApiOperation,
  parameters: Readonly<Record<string, string>>,
  asking: Asking,
  place: MailPlace,
): Promise<Response> {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameters[name] ?? operation.parameters[name] ?? '');
  const body = withAccount(withPlace(operation.body, place), parameters['account']);
  return gateway.ask(operation.method, path, { ...(body === undefined ? {} : { json: body }), ...asking });
}

/** The same body, but for a mail server and a user that are there, and a key of the operator's that is not taken. */
export function withPlace(body: unknown, { server, auth }: MailPlace): unknown {
  if (typeof body !== 'object' || body === null || !('server' in body)) return body;
  const place = { ...(server === undefined ? {} : { server }), ...(auth !== undefined && 'auth' in body ? { auth } : {}) };
  return { ...body, ...place, ...('externalId' in body ? { externalId: null } : {}) };
}

/** The same body about another account, if it is about one. */
function withAccount(body: unknown, account: string | undefined): unknown {
  return account !== undefined && typeof body === 'object' && body !== null && 'account' in body ? { ...body, account } : body;
}
