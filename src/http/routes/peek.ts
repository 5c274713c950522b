/**
 * /v1/peek: a look into a maildrop that has no account. It is taken by a Mailbox object that nobody has named before and
 * nobody will name again, which stores nothing, so that it has a session's deadlines and is near nothing else.
 */
import { newAccountId } from '../../crypto/ids.ts';
import { platformRandom } from '../../crypto/random.ts';
import { PRIVATE_JSON } from '../answer.ts';
import { contract, LOGGING_IN } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { PEEK, PEEK_ITEM } from '../schemas/examples.ts';
import { Peek, PeekAnswer } from '../schemas/peek.ts';
import { mailboxOf } from '../stubs.ts';
import { targetRefusal } from '../target.ts';

const peek = contract({
  method: 'post',
  path: '/v1/peek',
  operationId: 'peek',
  summary: 'Look into a mailbox that has no account',
  description: 'One session; nothing is stored. Not for a mailbox that has an account: it would meet its own lock.',
  tags: ['diagnosis'],
  scope: 'operator',
  problems: [...LOGGING_IN, 'target_not_allowed'],
  request: { body: { required: true, content: { 'application/json': { schema: Peek, example: PEEK } } } },
  responses: {
    200: { description: 'The newest messages.', content: { 'application/json': { schema: PeekAnswer, example: { data: [PEEK_ITEM] } } } },
  },
});

export function peekRoutes(app: App): void {
  route(app, peek, async (c) => {
    const query = c.req.valid('json');
    const refusal = await targetRefusal(query.server, c.var.config);
    if (refusal !== null) return failed(c, refusal);
    const mailbox = mailboxOf(c.env, newAccountId(platformRandom, null));
    const result = await mailbox.peek(c.var.caller, query);
    return result.ok ? c.json({ data: result.value }, 200, PRIVATE_JSON) : failed(c, result.failure);
  });
}
