/**
 * The only way a route gets into the app: with a contract that declares its scope. Before the handler runs,
 * the request is authenticated, its account and path are checked, its query and body are read strictly, in
 * this order; the contract goes into the OpenAPI document with its scope and every problem it can answer.
 * A token's scope itself is enforced by the account's Mailbox, the only one that knows the token.
 */
import type { OpenAPIHono, RouteHandler } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { z } from './zod.ts';
import type { Caller, MailboxRpc, Rate } from '../mailbox/rpc.ts';
import type { Config } from '../config.ts';
import { HTTP } from '../limits.ts';
import { isAccountId } from '../crypto/ids.ts';
import { proveToken, readCredential } from './auth.ts';
import { readBody, readQuery } from './input.ts';
import type { Input } from './input.ts';
import { failed, problem } from './problem.ts';
import type { ProblemResponse } from './problem.ts';
import { noting } from './rate.ts';
import { documented, takesTicket } from './contract.ts';
import type { Contract } from './contract.ts';
import { mailboxOf } from './stubs.ts';
import { ticketCaller, withoutTicket } from './ticket.ts';
import type { Bindings } from './stubs.ts';

export interface AppEnv {
  Bindings: Bindings;
  Variables: {
    requestId: string;
    configured: boolean;
    /** Set where `configured`; only /healthz is answered without it. */
    config: Config;
    /** Set on every route that isn't public. */
    caller: Caller;
    /** The Mailbox of `account`. */
    mailbox: MailboxRpc;
    /** The account in the path, well-formed, where the path has `{account}`; else, for a token, its own. */
    account: string;
    /** What the caller's token has left, once a Mailbox has counted this request. */
    rate: Rate | undefined;
  };
}

export type App = OpenAPIHono<AppEnv>;

/** A handler answers as its contract says, checked by the compiler, or with a problem. */
export type ContractHandler<R extends Contract> = (
  c: Parameters<RouteHandler<R, AppEnv>>[0],
) => Promise<Awaited<ReturnType<RouteHandler<R, AppEnv>>> | ProblemResponse>;

/** Adds a route to the app and to its document. */
export function route<R extends Contract>(app: App, config: R, handler: ContractHandler<R>): void {
  app.openAPIRegistry.registerPath(documented(config));
  const path = config.path.replaceAll(/\{(\w+)\}/g, ':$1');
  // The handler's context is the app's own with the validated input's types added; `admit` is what makes them true.
  app.on(config.method.toUpperCase(), path, admit(config), handler as unknown as MiddlewareHandler<AppEnv>);
}

/** Everything that happens between the router and the handler. */
function admit(config: Contract): MiddlewareHandler<AppEnv> {
  const query = (config.request?.query ?? z.strictObject({})) as z.ZodType;
  const body = config.request?.body;
  const content = body?.content['application/json'];
  const ownSchema = content !== undefined && 'schema' in content ? (content.schema as z.ZodType) : undefined;
  // What a DELETE says beside its path would be passed over, and it can't be taken back.
  const bodySchema = ownSchema ?? (config.method === 'delete' ? z.strictObject({}) : undefined);
  const types = Object.keys(body?.content ?? { 'application/json': {} });
  return async (c, next) => {
    const refused = await authenticate(c, config);
    if (refused !== null) return refused;
    if (isImpossible(c)) return afterProof(c, config, problem(c, 'not_found'));
    const asked = await readQuery(takesTicket(config) ? withoutTicket(c.req.url) : c.req.url, query);
    if (!asked.ok) return afterProof(c, config, refuse(c, asked));
    c.req.addValidatedData('query', asked.value as object);
    c.req.addValidatedData('param', c.req.param());
    if (bodySchema !== undefined) {
      const sent = await readBody(c.req.raw, bodySchema, body?.required === true, types);
      if (!sent.ok) return afterProof(c, config, refuse(c, sent));
      c.req.addValidatedData('json', sent.value as object);
    }
    return next();
  };
}

function refuse(c: Context<AppEnv>, input: Extract<Input, { ok: false }>): ProblemResponse {
  return problem(c, input.problem, input.problem === 'invalid_request' ? { errors: input.errors } : {});
}

/** Null where the caller may go on; then `caller` is set, and `mailbox` on an account's route. */
async function authenticate(c: Context<AppEnv>, config: Contract): Promise<ProblemResponse | null> {
  if (config.scope === 'public') return null;
  const credential = readCredential(c.req.raw, c.var.config);
  if (credential === null) return admitTicket(c, config);
  c.set('caller', credential.caller);
  if (config.scope === 'operator' && credential.kind === 'token') {
    return provenThen(c, countingMailbox(c, credential.account), 'forbidden', 'Only the operator may do this, not an account token.');
  }
  if (!config.path.includes('{account}')) {
    if (credential.kind === 'operator') return null;
    c.set('account', credential.account);
    c.set('mailbox', countingMailbox(c, credential.account));
    return null;
  }
  const account = c.req.param('account') ?? '';
  if (!isAccountId(account)) {
    return credential.kind === 'operator' ? problem(c, 'not_found') : provenThen(c, countingMailbox(c, credential.account), 'not_found');
  }
  if (credential.kind === 'token' && credential.account !== account)
    return provenThen(c, countingMailbox(c, credential.account), 'not_found');
  c.set('account', account);
  c.set('mailbox', countingMailbox(c, account));
  return null;
}

/** Whoever has no other credential may have a ticket, which its account's Mailbox judges. */
function admitTicket(c: Context<AppEnv>, config: Contract): ProblemResponse | null {
  const caller = takesTicket(config) ? ticketCaller(c) : null;
  const account = c.req.param('account') ?? '';
  if (caller === null || !isAccountId(account)) return problem(c, 'unauthorized');
  c.set('caller', caller);
  c.set('account', account);
  c.set('mailbox', countingMailbox(c, account));
  return null;
}

/** The Mailbox of an account, for all calls of this request; what it counts is told to the caller. */
export function countingMailbox(c: Context<AppEnv>, account: string): MailboxRpc {
  return noting(mailboxOf(c.env, account), (rate) => c.set('rate', rate));
}

/** 401 unless the caller's token is real, by the word of its `own` Mailbox; then `code`. So a made-up token learns nothing, and a real one no more than that. */
export async function provenThen(
  c: Context<AppEnv>,
  own: MailboxRpc,
  code: 'forbidden' | 'not_found',
  detail?: string,
): Promise<ProblemResponse> {
  const proof = await proveToken(own, c.var.caller);
  if (proof !== null) return failed(c, proof);
  return problem(c, code, detail === undefined ? {} : { detail });
}

/** What is wrong with a request is only told to those who may ask: a Mailbox that is not asked any further judges its token here. */
async function afterProof(c: Context<AppEnv>, config: Contract, answer: ProblemResponse): Promise<ProblemResponse> {
  if (config.scope === 'public' || config.scope === 'operator' || c.var.caller.kind === 'operator') return answer;
  const proof = await proveToken(c.var.mailbox, c.var.caller);
  return proof === null ? answer : failed(c, proof);
}

/** Whether the path has a name longer than any that is ever given. */
function isImpossible(c: Context<AppEnv>): boolean {
  return Object.values(c.req.param()).some((value) => value.length > HTTP.parameterCharacters);
}
