/** …/tickets: URLs that need no other credential, for one GET each: pictures in a page, downloads by a browser. */
import { SECRET_JSON } from '../answer.ts';
import { contract } from '../contract.ts';
import { failed, invalid } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { TICKET } from '../schemas/examples.ts';
import { AccountPath } from '../schemas/input.ts';
import { NewTicket, Ticket } from '../schemas/ticket.ts';
import { isTicketable } from '../ticket.ts';

const ASKED = { path: TICKET.url.replace(/\?.*/, ''), ttlSeconds: 300 };

const create = contract({
  method: 'post',
  path: '/v1/accounts/{account}/tickets',
  operationId: 'createTicket',
  summary: 'Sign a URL',
  description:
    'A URL for GET of that one path and query, which whoever has it may use until it ends: after an hour at most, with the token that asked, or as soon as that is revoked. What the operator signs ends with its time or with the account.',
  tags: ['accounts'],
  scope: 'read',
  problems: [],
  request: { params: AccountPath, body: { required: true, content: { 'application/json': { schema: NewTicket, example: ASKED } } } },
  responses: { 200: { description: 'The signed URL.', content: { 'application/json': { schema: Ticket, example: TICKET } } } },
});

export function ticketRoutes(app: App): void {
  route(app, create, async (c) => {
    const { path, ttlSeconds } = c.req.valid('json');
    const result = await c.var.mailbox.ticket(c.var.caller, path, ttlSeconds);
    if (!result.ok) return failed(c, result.failure);
    // Judged last, so that who may not ask at all is told nothing else; what was signed is good for nothing.
    if (!isTicketable(app, c.var.account, path)) {
      const detail = 'Must be a path of this account that can be read by GET, spelled as it will be asked for, without a ticket.';
      return invalid(c, [{ pointer: '/path', detail }]);
    }
    return c.json(result.value, 200, SECRET_JSON);
  });
}
