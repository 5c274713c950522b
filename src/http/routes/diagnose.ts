/**
 * /v1/diagnose: a mail server spoken to step by step. One without an account is the operator's to ask about, by a Mailbox object
 * that nobody has named before, as for a peek; an account's own server is spoken to by its own Mailbox, in its turn.
 */
import { isAccountId, newAccountId } from '../../crypto/ids.ts';
import { platformRandom } from '../../crypto/random.ts';
import { PRIVATE_JSON } from '../answer.ts';
import { contract } from '../contract.ts';
import { failed, problem } from '../problem.ts';
import { countingMailbox, provenThen, route } from '../route.ts';
import type { App } from '../route.ts';
import { Diagnose, Diagnosis } from '../schemas/diagnose.ts';
import { DIAGNOSE, DIAGNOSIS } from '../schemas/examples.ts';
import { mailboxOf } from '../stubs.ts';

const diagnose = contract({
  method: 'post',
  path: '/v1/diagnose',
  operationId: 'diagnose',
  summary: 'Find out why a mail server does not work',
  description:
    'Connects, logs in and looks, one step after another. Whatever comes of it is the answer, and the first failure ends it. ' +
    'With `server` (and `auth`) for the operator only; with `account` also for a token with the scope `manage` on that account, ' +
    'which is not told how connecting went, nor what the greeting says. Nothing is stored, but a refused login counts for the account.',
  tags: ['diagnosis'],
  scope: 'manage',
  problems: ['not_found'],
  request: { body: { required: true, content: { 'application/json': { schema: Diagnose, example: DIAGNOSE } } } },
  responses: {
    200: { description: 'What came of it.', content: { 'application/json': { schema: Diagnosis, example: DIAGNOSIS } } },
  },
});

export function diagnoseRoutes(app: App): void {
  route(app, diagnose, async (c) => {
    const { account, server, auth } = c.req.valid('json');
    const isOperator = c.var.caller.kind === 'operator';
    if (server !== undefined) {
      if (!isOperator) return provenThen(c, c.var.mailbox, 'forbidden', 'Only the operator may do this, not an account token.');
      const result = await mailboxOf(c.env, newAccountId(platformRandom, null)).diagnose(c.var.caller, { server, auth });
      return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
    }
    if (!isOperator && account !== c.var.account) return provenThen(c, c.var.mailbox, 'not_found');
    if (account === undefined || !isAccountId(account)) return problem(c, 'not_found');
    const mailbox = isOperator ? countingMailbox(c, account) : c.var.mailbox;
    const result = await mailbox.diagnose(c.var.caller, null);
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });
}
