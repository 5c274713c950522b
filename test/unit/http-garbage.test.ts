/** Whatever is sent, and wherever: never an error of ours, and never an echo. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPERATOR_KEY, World } from './http-world.ts';

/** Stands for a secret: it is in all that the caller makes up, and must be in nothing that is answered. */
const MARK = 'zQx7secretMARK';

/** Values with the mark in every text and every name that a caller may make up. */
const marked = fc.string().map((text) => `${MARK}${text}`);
const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    marked,
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(marked, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const MEMBERS = [
  'email',
  'externalId',
  'server',
  'auth',
  'initial',
  'pollSeconds',
  'paused',
  'verify',
  'location',
  'jurisdiction',
  'cache',
  'token',
];
const newAccount = fc.record(
  {
    ...Object.fromEntries(MEMBERS.map((member) => [member, anything])),
    server: fc.oneof(anything, fc.record({ host: marked, port: anything, security: anything }, { requiredKeys: [] })),
    auth: fc.oneof(anything, fc.record({ username: marked, password: marked, method: anything }, { requiredKeys: [] })),
  },
  { requiredKeys: [] },
);

/** What the caller may read of an answer, whole. */
async function everything(response: Response): Promise<string> {
  return JSON.stringify([...response.headers]) + (await response.text());
}

test('no body whatever gets a 5xx or an echo', async () => {
  const world = new World();
  await fc.assert(
    fc.asyncProperty(fc.oneof(newAccount, anything), async (json) => {
      const response = await world.ask('POST', '/v1/accounts', { as: OPERATOR_KEY, json });
      expect([400, 201, 422]).toContain(response.status);
      if (response.status !== 201) expect(await everything(response)).not.toContain(MARK);
    }),
    { numRuns: 300 },
  );
});

test('no path, query, credential or octets whatever get a 5xx or an echo', async () => {
  const world = new World();
  const { id } = world.account();
  const name = fc.constantFrom('limit', 'cursor', 'order', 'fields', 'maxAge', 'since', 'include', 'html', `${MARK}name`);
  const query = fc.array(fc.tuple(name, marked), { maxLength: 3 }).map((pairs) => new URLSearchParams(pairs).toString());
  const segment = fc.constantFrom('', '/messages', '/changes', '/sync', `/messages/${MARK}`, `/messages/${MARK}/raw`, `/${MARK}`);
  const method = fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS');
  const who = fc.constantFrom(id, 'acc_', MARK, encodeURIComponent(`../${MARK}`));
  const credential = fc.constantFrom(OPERATOR_KEY, `${MARK}key`, `pgt_${MARK}`);
  const body = fc.uint8Array({ maxLength: 64 });
  await fc.assert(
    fc.asyncProperty(method, who, segment, query, credential, body, async (verb, account, rest, search, as, octets) => {
      const sent = verb === 'GET' || verb === 'HEAD' ? {} : { body: octets, headers: { 'Content-Type': 'application/json' } };
      const response = await world.ask(verb, `/v1/accounts/${account}${rest}?${search}`, { as, ...sent });
      expect(response.status).toBeLessThan(500);
      expect(await everything(response)).not.toContain(MARK);
    }),
    { numRuns: 500 },
  );
});
