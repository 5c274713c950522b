/**
 * A DNS-over-HTTPS resolver on loopback that answers in JSON (`application/dns-json`) what a test has put into its zone,
 * or octets that no resolver should send. It keeps the questions.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Addresses and aliases of a name, or a test's own answer. */
export type Zone = Map<string, { readonly a?: string[]; readonly aaaa?: string[]; readonly alias?: string } | OddAnswer>;

export type OddAnswer = (response: ServerResponse) => unknown;

export interface StubResolver {
  readonly url: string;
  readonly zone: Zone;
  /** `name type`, in order. */
  readonly questions: string[];
  close(): Promise<void>;
}

export async function startResolver(): Promise<StubResolver> {
  const zone: Zone = new Map();
  const questions: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://resolver');
    const name = searchParams.get('name') ?? '';
    const type = Number(searchParams.get('type'));
    questions.push(`${name} ${type}`);
    const entry = zone.get(name);
    if (typeof entry === 'function') return void entry(response);
    const addresses = (type === 1 ? entry?.a : entry?.aaaa) ?? [];
    const alias = entry?.alias === undefined ? [] : [{ name, type: 5, TTL: 60, data: entry.alias }];
    const answers = [...alias, ...addresses.map((data) => ({ name: entry?.alias ?? name, type, TTL: 60, data }))];
    json(response, { Status: entry === undefined ? 3 : 0, TC: false, ...(answers.length === 0 ? {} : { Answer: answers }) });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/dns-query`,
    zone,
    questions,
    close: () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      return closed.promise;
    },
  };
}

/** Answers 200 with JSON. */
export function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/dns-json' }).end(JSON.stringify(body));
}
