/**
 * Whatever is sent to any operation of the OpenAPI document, in its path, query, headers or body, against real objects: never
 * an error of ours, and never an error that repeats what was sent.
 */
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiOperation, operationsOf, withPlace } from '../support/api-operations.ts';
import { Maildrop } from '../support/maildrop.ts';
import { type MadeAccount, NodeGateway, OPERATOR_KEY } from '../support/node-gateway.ts';
import { startPop3Server, type Pop3Server } from '../support/pop3-server.ts';

/** Stands for a secret: it is in all that is made up here, and must be in no error. */
const MARK = 'zQx7secretMARK';
const OPERATIONS = await operationsOf(new NodeGateway());

let server: Pop3Server;
let gateway: NodeGateway;
let mine: MadeAccount;
let message: string;

beforeAll(async () => {
  const maildrop = new Maildrop();
  for (let n = 0; n < 3; n++) maildrop.add(Buffer.from(`Subject: ${n}\r\n\r\nHello\r\n`));
  server = await startPop3Server({
    users: new Map([
      ['ann', { password: 'secret', maildrop }],
      ['bob', { password: 'secret' }],
    ]),
  });
  gateway = new NodeGateway({ ports: [server.port], vars: { CORS_ORIGINS: '*' }, mailbox: { lingerMs: 1_000 } });
  mine = await gateway.account(server.port);
  const { data } = (await (await gateway.ask('GET', `${mine.path}/messages`, { as: mine.token })).json()) as { data: { id: string }[] };
  message = data[0]!.id;
});
afterAll(() => server.close());

const marked = fc.oneof(fc.string(), fc.string({ unit: 'binary' })).map((text) => `${MARK}${text}`);
/** Values at the edges of what parameters take; none of them makes a request wait. */
const edge = fc.constantFrom(
  '',
  '0',
  '-1',
  '1e3',
  '1.5',
  'NaN',
  'null',
  'true',
  '99999999999999999999',
  '%',
  '\u0000',
  '\ud800',
  '../..',
  's1.',
  '*',
  ',',
);
const odd = fc.oneof(
  { weight: 3, arbitrary: marked },
  { weight: 2, arbitrary: edge },
  { weight: 1, arbitrary: fc.constant(MARK.repeat(2_000)) },
);

const anyJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    odd,
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(marked, fc.constantFrom('__proto__', 'constructor', 'toString')), tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** The body that the document shows, with members replaced, left out or added anywhere. */
function bent(value: unknown): fc.Arbitrary<unknown> {
  const inner = Array.isArray(value)
    ? fc.tuple(...value.map(bent))
    : typeof value === 'object' && value !== null
      ? fc
          .tuple(
            fc.record(Object.fromEntries(Object.entries(value).map(([name, member]) => [name, bent(member)])), { requiredKeys: [] }),
            fc.dictionary(marked, anyJson, { maxKeys: 1 }),
          )
          .map(([known, unknown]) => ({ ...known, ...unknown }))
      : fc.constant(value);
  return fc.oneof({ weight: 6, arbitrary: inner }, { weight: 1, arbitrary: anyJson });
}

const HEADERS = [
  'If-Match',
  'If-None-Match',
  'Range',
  'If-Range',
  'Origin',
  'Accept',
  'Content-Type',
  'CF-Connecting-IP',
  'Accept-Language',
];
/** What a header may carry at all (RFC 9110 §5.5). */
const headerValue = fc
  .oneof(odd, fc.constantFrom('*', '"', 'W/"x"', 'bytes=0-', 'bytes=-1', 'bytes=9-1', 'bytes=0-0,2-3', 'application/json', 'null'))
  .map((text) => text.replaceAll(/[^\x21-\x7e\x80-\xff]/g, ' ').trim());

interface Sent {
  readonly operation: ApiOperation;
  readonly path: string;
  readonly as: string | undefined;
  readonly headers: Record<string, string>;
  readonly body: BodyInit | undefined;
}

/** A call of `operation` that is almost right, or not at all. */
function sending(operation: ApiOperation): fc.Arbitrary<Sent> {
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const target = { host: '127.0.0.1', port: server.port, security: 'none' };
  const shown =
    operation.method === 'GET' ? undefined : withPlace(operation.body, { server: target, auth: { username: 'bob', password: 'secret' } });
  // The account itself stays: it is removed under other names only.
  const removes = operation.method === 'DELETE' && operation.path.endsWith('{account}');
  const own = (name: string) => (name === 'account' ? mine.id : name === 'message' ? message : operation.parameters[name]!);
  const segment = (name: string) =>
    removes ? odd : fc.oneof({ weight: 4, arbitrary: fc.constant(own(name)) }, { weight: 1, arbitrary: odd });
  const parameters = fc.record(Object.fromEntries(names.map((name) => [name, segment(name)])));
  const query = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...operation.query, 'limit'), marked), odd), { maxLength: 2 });
  const octets = fc.oneof(
    { weight: 4, arbitrary: bent(shown).map((value) => JSON.stringify(value) as string | undefined) },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.uint8Array({ maxLength: 64 }).map((some) => Buffer.from(some)),
        odd.map((text) => `{"${text}`),
      ),
    },
  );
  const headers = fc.dictionary(fc.constantFrom(...HEADERS), headerValue, { maxKeys: 2 });
  const credential = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(OPERATOR_KEY, mine.token) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, `${MARK}key`, `pgt_${MARK}`) },
  );
  return fc.tuple(parameters, query, headers, credential, octets).map(([values, pairs, some, as, body]) => ({
    operation,
    path: `${operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encoded(values[name] ?? ''))}${search(pairs)}`,
    as,
    headers: { 'Content-Type': 'application/json', ...some },
    body: operation.method === 'GET' || shown === undefined ? undefined : (body as BodyInit),
  }));
}

/** One segment of a path; an empty one would be another path. */
function encoded(value: string): string {
  return value === '' || value === '..' ? '_' : encodeURIComponent(value.toWellFormed());
}

function search(pairs: readonly (readonly [string, string])[]): string {
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([name, value]) => [name, value.toWellFormed()])).toString()}`;
}

test.each(OPERATIONS)('$title', async (operation) => {
  await fc.assert(
    fc.asyncProperty(sending(operation), async ({ path, as, headers, body }) => {
      const response = await gateway.ask(operation.method, path, {
        headers,
        ...(as === undefined ? {} : { as }),
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      // Accounts that are made share a maildrop, and meet its lock. A body that lost its `security` wants TLS, which isn't there.
      if (!/"code":"(?:mailbox_in_use|upstream_unreachable)"/.test(text)) expect(response.status, text).toBeLessThan(500);
      // Requests are spread over time, so that the limits of use are not what is tested.
      gateway.advance(50);
      if (response.status < 400) return;
      expect(response.headers.get('Content-Type')).toBe('application/problem+json');
      expect(JSON.parse(text)).toMatchObject({ status: response.status });
      expect(text + JSON.stringify([...response.headers])).not.toContain(MARK);
      expect(text).not.toContain(mine.token);
      expect(text).not.toContain(OPERATOR_KEY);
    }),
    { numRuns: 40 },
  );
});
