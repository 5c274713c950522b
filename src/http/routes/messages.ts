/** …/messages: the listing, one message as JSON, and its deletion on the mail server. */
import { PRIVATE_JSON } from '../answer.ts';
import { ifNoneMatch } from '../conditions.ts';
import { ASKING, contract, NOT_MODIFIED } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { MESSAGE, MESSAGE_PAGE } from '../schemas/examples.ts';
import { AccountPath, MessagePath } from '../schemas/input.ts';
import { Message, MessageList, MessageQuery, MessagesQuery } from '../schemas/message.ts';

const list = contract({
  method: 'get',
  path: '/v1/accounts/{account}/messages',
  operationId: 'listMessages',
  summary: 'List messages',
  description:
    'In the order in which they came, newest first unless asked otherwise. A cursor survives change: nothing is skipped or shown twice.',
  tags: ['messages'],
  scope: 'read',
  problems: ASKING,
  request: { params: AccountPath, query: MessagesQuery },
  responses: {
    200: { description: 'A page of messages.', content: { 'application/json': { schema: MessageList, example: MESSAGE_PAGE } } },
  },
});

const read = contract({
  method: 'get',
  path: '/v1/accounts/{account}/messages/{message}',
  operationId: 'getMessage',
  summary: 'Read a message',
  description: 'Its list item with headers, text, sanitized HTML and attachments.',
  tags: ['messages'],
  scope: 'read',
  problems: [...ASKING, 'message_gone'],
  request: { params: MessagePath, query: MessageQuery },
  responses: {
    200: { description: 'The message.', content: { 'application/json': { schema: Message, example: MESSAGE } } },
    304: NOT_MODIFIED,
  },
});

const remove = contract({
  method: 'delete',
  path: '/v1/accounts/{account}/messages/{message}',
  operationId: 'deleteMessage',
  summary: 'Delete a message on the mail server',
  description: 'Answers 204 only after the server has confirmed it, and for what is already gone.',
  tags: ['messages'],
  scope: 'delete',
  problems: [...ASKING, 'delete_unconfirmed'],
  request: { params: MessagePath },
  responses: { 204: { description: 'Deleted.' } },
});

export function messageRoutes(app: App): void {
  route(app, list, async (c) => {
    const result = await c.var.mailbox.messages(c.var.caller, c.req.valid('query'));
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });

  route(app, read, async (c) => {
    const { inline, ...query } = c.req.valid('query');
    const asked = { ...query, ticketsAt: inline === 'tickets' ? new URL(c.req.url).origin : null };
    const result = await c.var.mailbox.message(c.var.caller, c.req.valid('param').message, asked, ifNoneMatch(c));
    if (!result.ok) return failed(c, result.failure);
    const headers = { ETag: `W/"${result.value.etag}"`, ...PRIVATE_JSON };
    return result.value.notModified ? c.body(null, 304, headers) : c.json(result.value.message, 200, headers);
  });

  route(app, remove, async (c) => {
    const result = await c.var.mailbox.deleteMessage(c.var.caller, c.req.valid('param').message);
    return result.ok ? c.body(null, 204) : failed(c, result.failure);
  });
}
