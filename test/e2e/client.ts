/**
 * A client over HTTP that trusts nobody: each answer must have what every answer has (`Request-Id`, `Vary`, `nosniff`), be
 * as the OpenAPI document says, and each problem must be whole and repeat no secret (RFC 9457, RFC 6750 §3).
 * A 500 is never an answer that a test waits for.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { OpenApi } from '../support/openapi.ts';
import type { AccountView, NewToken } from '../../src/mailbox/rpc.ts';

/** What a client needs of its world. */
export interface Guards {
  readonly url: string;
  readonly openApi: OpenApi;
  /** Texts that no problem may repeat. */
  readonly secrets: Set<string>;
}

export interface Asking {
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly octets: Buffer;
  /** The parsed body where it is JSON, else undefined. */
  readonly json: unknown;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly retryable: boolean;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly upstream?: { readonly phase: string | null; readonly responseCode: string | null; readonly text: string | null };
  readonly account?: string;
}

export interface Created {
  readonly account: AccountView;
  readonly token: NewToken | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Put into everything that is sent wrong on purpose: no problem may have it. */
export const MARK = `mark-${randomBytes(6).toString('hex')}`;

export class Client {
  readonly #world: Guards;
  readonly #credential: string | null;

  constructor(world: Guards, credential: string | null) {
    this.#world = world;
    this.#credential = credential;
  }

  /** Asks, and returns whatever is answered. */
  async call(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    const body = asking.json === undefined ? asking.body : JSON.stringify(asking.json);
    const response = await fetch(this.#world.url + path, {
      method,
      headers: {
        ...(this.#credential === null ? {} : { Authorization: `Bearer ${this.#credential}` }),
        ...(asking.json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...asking.headers,
      },
      ...(body === undefined ? {} : { body, duplex: 'half' as const }),
      redirect: 'manual',
    });
    const octets = Buffer.from(await response.arrayBuffer());
    const contentType = response.headers.get('Content-Type')?.split(';', 1)[0] ?? null;
    const json: unknown = octets.length > 0 && contentType?.endsWith('json') ? JSON.parse(octets.toString('utf8')) : undefined;
    const answer = { status: response.status, headers: response.headers, octets, json };
    this.#check(method, path, contentType, answer);
    return answer;
  }

  /** Asks for JSON, which must be given. */
  async json<T>(method: string, path: string, json?: unknown): Promise<T> {
    const answer = await this.call(method, path, json === undefined ? {} : { json });
    expect(answer.status, `${method} ${path}: ${answer.octets.toString('utf8')}`).toBeLessThan(300);
    return answer.json as T;
  }

  async get<T>(path: string): Promise<T> {
    return this.json<T>('GET', path);
  }

  /** Creates an account; its token is a secret from then on. */
  async create(json: unknown): Promise<Created> {
    const created = await this.json<Created>('POST', '/v1/accounts', json);
    if (created.token !== null) this.#world.secrets.add(created.token.secret);
    return created;
  }

  /** Asks for what must be refused with this status and code, and returns the problem. */
  async refused(status: number, code: string, method: string, path: string, asking: Asking = {}): Promise<Problem> {
    return (await this.refusal(status, code, method, path, asking)).problem;
  }

  /** The same, with the headers of the answer. */
  async refusal(
    status: number,
    code: string,
    method: string,
    path: string,
    asking: Asking = {},
  ): Promise<{ problem: Problem; headers: Headers }> {
    const { json, octets, headers, ...answer } = await this.call(method, path, asking);
    const problem = json as Problem;
    expect({ status: answer.status, code: problem?.code }, `${method} ${path}: ${octets.toString('utf8')}`).toEqual({ status, code });
    return { problem, headers };
  }

  #check(method: string, path: string, contentType: string | null, answer: Answer): void {
    const where = `${method} ${path}`;
    const { status, headers, octets, json } = answer;
    const requestId = headers.get('Request-Id');
    expect(status, `${where}: ${octets.toString('utf8')}`).not.toBe(500);
    expect(requestId, where).toMatch(UUID);
    expect(headers.get('Vary')?.split(/, */), where).toEqual(expect.arrayContaining(['Authorization', 'Origin']));
    expect(headers.get('X-Content-Type-Options'), where).toBe('nosniff');
    if (method === 'GET' && json !== undefined) checkSilence(where, octets, this.#world.secrets);
    if (status >= 400) {
      expect(contentType, where).toBe('application/problem+json');
      if (method !== 'HEAD') checkProblem(where, answer, json as Problem, requestId, this.#world.secrets);
    }
    this.#world.openApi.check({
      method,
      path: new URL(path, this.#world.url).pathname,
      status,
      contentType: bodyType(answer, contentType),
      json,
    });
  }
}

/** The type of a body that is there; an empty file has its type too. */
function bodyType({ status, octets }: Answer, contentType: string | null): string | null {
  return status === 204 || (octets.length === 0 && contentType?.endsWith('json')) ? null : contentType;
}

function checkProblem(
  where: string,
  { status, headers, octets }: Answer,
  problem: Problem,
  requestId: string | null,
  secrets: Iterable<string>,
): void {
  expect(problem, where).toMatchObject({ status, type: `/problems/${problem.code}`, instance: `urn:uuid:${requestId}` });
  expect(problem.title, where).not.toBe('');
  expect(problem.detail, where).toMatch(/^[A-Z].*\.$/s);
  expect(headers.get('Cache-Control'), where).toBe('no-store');
  expect(headers.get('WWW-Authenticate'), where).toBe(status === 401 ? 'Bearer' : null);
  checkSilence(where, octets, [...secrets, MARK]);
}

function checkSilence(where: string, octets: Buffer, secrets: Iterable<string>): void {
  const text = octets.toString('utf8');
  for (const secret of secrets) expect(text.includes(secret), `${where} repeats what was sent: ${text}`).toBe(false);
}
