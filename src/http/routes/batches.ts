/** …/messages/get and …/messages/delete: many messages in one call and one upstream session, each with its own outcome. */
import { PRIVATE_JSON } from '../answer.ts';
import { contract } from '../contract.ts';
import { failed, partFailed } from '../problem.ts';
import { PROBLEMS } from '../problem-codes.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { MESSAGE_ID } from '../schemas/examples.ts';
import { Batch, BatchRequest, DeleteReport, DeleteRequest } from '../schemas/batch.ts';
import { AccountPath } from '../schemas/input.ts';

const OTHER_ID = 'b7Yd0wq1TzK5nE2hUoLx3g';
const { title, status, detail, retryable } = PROBLEMS.message_gone;
const GONE = {
  type: '/problems/message_gone',
  title,
  status,
  detail,
  instance: 'urn:uuid:1c9d4f0e-2f4b-4a53-9c39-7a1f0c2f3b55',
  code: 'message_gone' as const,
  retryable,
};

const get = contract({
  method: 'post',
  path: '/v1/accounts/{account}/messages/get',
  operationId: 'getMessages',
  summary: 'Read several messages',
  description:
    'In the order of `ids`, each once. What has to be fetched is fetched in one session with the mail server; what fails for one message is the problem in its place.',
  tags: ['messages'],
  scope: 'read',
  problems: [],
  request: {
    params: AccountPath,
    body: {
      required: true,
      content: { 'application/json': { schema: BatchRequest, example: { ids: [MESSAGE_ID, OTHER_ID], fields: ['subject', 'text'] } } },
    },
  },
  responses: {
    200: {
      description: 'A message or a problem for each id.',
      content: {
        'application/json': {
          schema: Batch,
          example: {
            data: [
              { id: MESSAGE_ID, message: { id: MESSAGE_ID, subject: 'Meeting tomorrow', text: "Let's meet tomorrow at 10" } },
              { id: OTHER_ID, problem: GONE },
            ],
          },
        },
      },
    },
  },
});

const remove = contract({
  method: 'post',
  path: '/v1/accounts/{account}/messages/delete',
  operationId: 'deleteMessages',
  summary: 'Delete several messages on the mail server',
  description: 'All in one session. What the mail server refuses for one message, or does not confirm, is the problem of that message.',
  tags: ['messages'],
  scope: 'delete',
  problems: ['upstream_timeout'],
  request: {
    params: AccountPath,
    body: { required: true, content: { 'application/json': { schema: DeleteRequest, example: { ids: [MESSAGE_ID, OTHER_ID] } } } },
  },
  responses: {
    200: {
      description: 'What became of each id.',
      content: { 'application/json': { schema: DeleteReport, example: { deleted: [MESSAGE_ID], notFound: [OTHER_ID], failed: [] } } },
    },
  },
});

export function batchRoutes(app: App): void {
  route(app, get, async (c) => {
    const result = await c.var.mailbox.messagesById(c.var.caller, c.req.valid('json'));
    if (!result.ok) return failed(c, result.failure);
    const data = result.value.map((entry) => ('failure' in entry ? { id: entry.id, problem: partFailed(c, entry.failure) } : entry));
    return c.json({ data }, 200, PRIVATE_JSON);
  });

  route(app, remove, async (c) => {
    const { ids, dryRun } = c.req.valid('json');
    const result = await c.var.mailbox.deleteMessages(c.var.caller, ids, dryRun);
    if (!result.ok) return failed(c, result.failure);
    const parts = result.value.failed.map(({ id, failure }) => ({ id, problem: partFailed(c, failure) }));
    return c.json({ ...result.value, failed: parts }, 200, PRIVATE_JSON);
  });
}
