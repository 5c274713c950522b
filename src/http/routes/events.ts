/** …/events: who did what to an account. Names and ids, never a value and nothing of a message. */
import { MAILBOX } from '../../limits.ts';
import { PRIVATE_JSON } from '../answer.ts';
import { contract } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { EventPage, EventQuery } from '../schemas/event.ts';
import { EVENT } from '../schemas/examples.ts';
import { AccountPath } from '../schemas/input.ts';

const list = contract({
  method: 'get',
  path: '/v1/accounts/{account}/events',
  operationId: 'listEvents',
  summary: 'List who did what to the account',
  description: `Who created and changed it, gave and revoked tokens, deleted messages. The newest first; the newest ${MAILBOX.events.toLocaleString('en')} are kept.`,
  tags: ['accounts'],
  scope: 'manage',
  problems: [],
  request: { params: AccountPath, query: EventQuery },
  responses: {
    200: {
      description: 'A page of events.',
      content: { 'application/json': { schema: EventPage, example: { data: [EVENT], nextCursor: null } } },
    },
  },
});

export function eventRoutes(app: App): void {
  route(app, list, async (c) => {
    const result = await c.var.mailbox.events(c.var.caller, c.req.valid('query'));
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });
}
