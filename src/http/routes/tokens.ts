/**
 * …/tokens: who may use an account beside the operator; and /v1/token, the token that asks. A secret is told once, when it
 * is made: here are only hashes of them.
 */
import { PRIVATE_JSON, SECRET_JSON } from '../answer.ts';
import { contract } from '../contract.ts';
import { failed } from '../problem.ts';
import { route } from '../route.ts';
import type { App } from '../route.ts';
import { NewTokenSettings } from '../schemas/new-token.ts';
import { IDENTITY, NEW_TOKEN, NEW_TOKEN_SETTINGS, TOKEN } from '../schemas/examples.ts';
import { AccountPath } from '../schemas/input.ts';
import { CreatedToken, Identity, TokenList, TokenPath } from '../schemas/token.ts';

const PATH = '/v1/accounts/{account}/tokens';

const create = contract({
  method: 'post',
  path: PATH,
  operationId: 'createToken',
  summary: 'Create a token',
  tags: ['accounts'],
  scope: 'manage',
  problems: ['conflict'],
  request: {
    params: AccountPath,
    body: { required: true, content: { 'application/json': { schema: NewTokenSettings, example: NEW_TOKEN_SETTINGS } } },
  },
  responses: {
    201: {
      description: 'The token, with its secret, which is shown this once.',
      headers: { Location: { description: "The token's path.", schema: { type: 'string' } } },
      content: { 'application/json': { schema: CreatedToken, example: { token: NEW_TOKEN } } },
    },
  },
});

const list = contract({
  method: 'get',
  path: PATH,
  operationId: 'listTokens',
  summary: 'List the tokens',
  tags: ['accounts'],
  scope: 'manage',
  problems: [],
  request: { params: AccountPath },
  responses: {
    200: {
      description: 'All of them, the oldest first, without their secrets.',
      content: { 'application/json': { schema: TokenList, example: { data: [TOKEN] } } },
    },
  },
});

const revoke = contract({
  method: 'delete',
  path: `${PATH}/{token}`,
  operationId: 'revokeToken',
  summary: 'Revoke a token',
  description: 'At once; so are the tickets that were issued in its name.',
  tags: ['accounts'],
  scope: 'manage',
  problems: [],
  request: { params: TokenPath },
  responses: { 204: { description: 'Revoked.' } },
});

const identity = contract({
  method: 'get',
  path: '/v1/token',
  operationId: 'getToken',
  summary: 'Read what the token that asks is good for',
  tags: ['accounts'],
  scope: 'any',
  problems: [],
  responses: {
    200: { description: 'The token, or the operator.', content: { 'application/json': { schema: Identity, example: IDENTITY } } },
  },
});

const OPERATOR = { id: null, account: null, scopes: ['operator' as const], expiresAt: null, origins: [], label: '' };

export function tokenRoutes(app: App): void {
  route(app, create, async (c) => {
    const result = await c.var.mailbox.createToken(c.var.caller, c.req.valid('json'));
    if (!result.ok) return failed(c, result.failure);
    const headers = { Location: `/v1/accounts/${c.var.account}/tokens/${result.value.id}`, ...SECRET_JSON };
    return c.json({ token: result.value }, 201, headers);
  });

  route(app, list, async (c) => {
    const result = await c.var.mailbox.tokens(c.var.caller);
    return result.ok ? c.json({ data: result.value }, 200, PRIVATE_JSON) : failed(c, result.failure);
  });

  route(app, revoke, async (c) => {
    const result = await c.var.mailbox.revokeToken(c.var.caller, c.req.valid('param').token);
    return result.ok ? c.body(null, 204) : failed(c, result.failure);
  });

  route(app, identity, async (c) => {
    if (c.var.caller.kind === 'operator') return c.json(OPERATOR, 200, PRIVATE_JSON);
    const result = await c.var.mailbox.identity(c.var.caller);
    return result.ok ? c.json(result.value, 200, PRIVATE_JSON) : failed(c, result.failure);
  });
}
