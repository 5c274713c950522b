/** …/sync: asks the mail server now and says what it cost. Calls that meet share one session. */
import { PRIVATE_JSON } from '../answer.ts';
import { ASKING, contract } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { Report, SyncRequest } from '../schemas/changes.ts';
import { REPORT } from '../schemas/examples.ts';
import { AccountPath } from '../schemas/input.ts';

const sync = contract({
  method: 'post',
  path: '/v1/accounts/{account}/sync',
  operationId: 'syncAccount',
  summary: 'Ask the mail server now',
  tags: ['changes'],
  scope: 'read',
  problems: ASKING,
  request: { params: AccountPath, body: { required: false, content: { 'application/json': { schema: SyncRequest, example: {} } } } },
  responses: {
    200: { description: 'What was found, and the traffic it took.', content: { 'application/json': { schema: Report, example: REPORT } } },
  },
});

export function syncRoutes(app: App): void {
  route(app, sync, async (c) => {
    const result = await c.var.mailbox.sync(c.var.caller);
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });
}
