/** …/changes: what came, changed and went since a state; JMAP's semantics (RFC 8620 §5.2). */
import { PRIVATE_JSON } from '../answer.ts';
import { ASKING, contract } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { Changes, ChangesQuery } from '../schemas/changes.ts';
import { CHANGES } from '../schemas/examples.ts';
import { AccountPath } from '../schemas/input.ts';
import { waitForChanges } from '../waiting.ts';

const changes = contract({
  method: 'get',
  path: '/v1/accounts/{account}/changes',
  operationId: 'listChanges',
  summary: 'List what has changed',
  description: 'Follow `newState` until `hasMore` is false: each message is in `created` exactly once, whatever fails in between.',
  tags: ['changes'],
  scope: 'read',
  problems: ASKING,
  request: { params: AccountPath, query: ChangesQuery },
  responses: { 200: { description: 'A page of changes.', content: { 'application/json': { schema: Changes, example: CHANGES } } } },
});

export function changeRoutes(app: App): void {
  route(app, changes, async (c) => {
    const { wait, ...query } = c.req.valid('query');
    const result = await waitForChanges(c.var.mailbox, c.var.caller, query, wait, c.req.raw.signal);
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });
}
