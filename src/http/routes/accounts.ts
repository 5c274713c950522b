/**
 * /v1/accounts: who has a mailbox here. Only the operator creates and lists accounts; an account's own token
 * reads it, and removes it with the scope `manage`. No answer ever has a password or an upstream token in it.
 */
import { amendAccount } from '../amendment.ts';
import { contract, LOGGING_IN } from '../contract.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { Account, AccountPage, AccountPatch, AccountQuery, CreatedAccount, NewAccount } from '../schemas/account.ts';
import { ACCOUNT, ACCOUNT_ENTRY, ACCOUNT_PATCH, NEW_ACCOUNT, NEW_TOKEN } from '../schemas/examples.ts';
import { AccountPath } from '../schemas/input.ts';
import { PRIVATE_JSON, SECRET_JSON } from '../answer.ts';
import { createAccount, removeAccount } from '../lifecycle.ts';
import { failed } from '../problem.ts';
import { directoryOf } from '../stubs.ts';

const create = contract({
  method: 'post',
  path: '/v1/accounts',
  operationId: 'createAccount',
  summary: 'Create an account',
  description: 'Logs in to the mail server first, unless `verify` is false; if that fails nothing is stored.',
  tags: ['accounts'],
  scope: 'operator',
  problems: [...LOGGING_IN, 'conflict', 'target_not_allowed'],
  request: { body: { required: true, content: { 'application/json': { schema: NewAccount, example: NEW_ACCOUNT } } } },
  responses: {
    201: {
      description: 'The account and its first token, whose secret is shown this once.',
      headers: { Location: { description: "The account's path.", schema: { type: 'string' } } },
      content: { 'application/json': { schema: CreatedAccount, example: { account: ACCOUNT, token: NEW_TOKEN } } },
    },
  },
});

const list = contract({
  method: 'get',
  path: '/v1/accounts',
  operationId: 'listAccounts',
  summary: 'List the accounts',
  tags: ['accounts'],
  scope: 'operator',
  problems: [],
  request: { query: AccountQuery },
  responses: {
    200: {
      description: 'A page of accounts.',
      content: { 'application/json': { schema: AccountPage, example: { data: [ACCOUNT_ENTRY], nextCursor: null } } },
    },
  },
});

const read = contract({
  method: 'get',
  path: '/v1/accounts/{account}',
  operationId: 'getAccount',
  summary: 'Read an account',
  tags: ['accounts'],
  scope: 'read',
  problems: [],
  request: { params: AccountPath },
  responses: { 200: { description: 'The account.', content: { 'application/json': { schema: Account, example: ACCOUNT } } } },
});

const amend = contract({
  method: 'patch',
  path: '/v1/accounts/{account}',
  operationId: 'updateAccount',
  summary: 'Change an account',
  description:
    'A merge patch (RFC 7396): what is not named stays, null restores the default. A new server or new credentials log in first; ' +
    'if that fails, nothing is changed. While an account is paused its mail server is not asked, and nothing is lost.',
  tags: ['accounts'],
  scope: 'manage',
  problems: [...LOGGING_IN, 'conflict', 'target_not_allowed'],
  request: {
    params: AccountPath,
    body: {
      required: true,
      content: {
        'application/merge-patch+json': { schema: AccountPatch, example: ACCOUNT_PATCH },
        'application/json': { schema: AccountPatch, example: ACCOUNT_PATCH },
      },
    },
  },
  responses: { 200: { description: 'The account as it is now.', content: { 'application/json': { schema: Account, example: ACCOUNT } } } },
});

const remove = contract({
  method: 'delete',
  path: '/v1/accounts/{account}',
  operationId: 'deleteAccount',
  summary: 'Remove an account',
  description: 'Credentials, ledger, cached mail and tokens are gone for good; the mail on the server stays.',
  tags: ['accounts'],
  scope: 'manage',
  problems: [],
  request: { params: AccountPath },
  responses: { 204: { description: 'Removed.' } },
});

export function accountRoutes(app: App): void {
  route(app, create, async (c) => {
    const result = await createAccount(c.env, c.var.config, c.req.valid('json'));
    if (!result.ok) return failed(c, result.failure);
    const headers = { Location: `/v1/accounts/${result.value.account.id}`, ...SECRET_JSON };
    return c.json(result.value, 201, headers);
  });

  route(app, list, async (c) => {
    const { limit, cursor, externalId } = c.req.valid('query');
    const result = await directoryOf(c.env).list({ limit, cursor, externalId: externalId ?? null });
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });

  route(app, read, async (c) => {
    const result = await c.var.mailbox.account(c.var.caller);
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });

  route(app, amend, async (c) => {
    const { env, var: known } = c;
    const amending = { env, config: known.config, mailbox: known.mailbox, id: known.account, caller: known.caller };
    const result = await amendAccount(amending, c.req.valid('json'));
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });

  route(app, remove, async (c) => {
    const result = await removeAccount(c.env, c.var.mailbox, c.var.account, c.var.caller);
    return result.ok ? c.body(null, 204) : failed(c, result.failure);
  });
}
