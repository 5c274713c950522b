/** Figures: …/stats about one mailbox, from its ledger; /v1/stats about all accounts, as the last visits found them. */
import { PRIVATE_JSON } from '../answer.ts';
import { contract } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { ACCOUNT_STATS, DEPLOYMENT_STATS } from '../schemas/examples.ts';
import { AccountPath } from '../schemas/input.ts';
import { AccountStats, DeploymentStats } from '../schemas/stats.ts';
import { directoryOf } from '../stubs.ts';

const account = contract({
  method: 'get',
  path: '/v1/accounts/{account}/stats',
  operationId: 'getAccountStats',
  summary: 'Read figures about a mailbox',
  description: 'Of what is known here; the mail server is not asked.',
  tags: ['messages'],
  scope: 'read',
  problems: [],
  request: { params: AccountPath },
  responses: { 200: { description: 'The figures.', content: { 'application/json': { schema: AccountStats, example: ACCOUNT_STATS } } } },
});

const deployment = contract({
  method: 'get',
  path: '/v1/stats',
  operationId: 'getStats',
  summary: 'Read figures about all accounts',
  description: 'Not counted for who asks: they are gathered in rounds, at least daily, and `asOf` says of when the oldest is.',
  tags: ['deployment'],
  scope: 'operator',
  problems: [],
  responses: {
    200: { description: 'The figures.', content: { 'application/json': { schema: DeploymentStats, example: DEPLOYMENT_STATS } } },
  },
});

export function statsRoutes(app: App): void {
  route(app, account, async (c) => {
    const result = await c.var.mailbox.stats(c.var.caller);
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });

  route(app, deployment, async (c) => {
    const result = await directoryOf(c.env).stats();
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });
}
