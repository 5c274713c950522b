/**
 * The Mailbox object: one account's Durable Object. Hands the platform to the service and passes calls through; every
 * method here is a public RPC endpoint, so there are no others.
 */
import { DurableObject } from 'cloudflare:workers';
import { readConfig } from '../config.ts';
import { platformRandom } from '../crypto/random.ts';
import { DEADLINES, MAILBOX } from '../limits.ts';
import { admitted, type TargetPolicy, targetPolicy } from '../net/admission.ts';
import { dial } from '../net/dial.ts';
import { standDown } from './checks.ts';
import type { Deps, Target, Turn } from './deps.ts';
import type * as rpc from './rpc.ts';
import { MailboxService } from './service.ts';
import { durableSql } from './sql.ts';
import { Store } from './store.ts';

export class Mailbox extends DurableObject<Env> implements rpc.MailboxRpc {
  readonly #service: MailboxService | { misconfigured: string };

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const read = readConfig(env);
    this.#service = read.ok
      ? new MailboxService(
          durableDeps(
            state,
            targetPolicy(read.config, (url, init) => fetch(url, init)),
            env.MAIL_HOST,
          ),
          read.config,
        )
      : { misconfigured: read.problems.join(' ') };
  }

  create(account: string, settings: rpc.AccountSettings, verify: boolean, token: rpc.TokenSettings | null) {
    return this.#ask((service) => service.create(account, settings, verify, token));
  }

  account(caller: rpc.Caller) {
    return this.#ask((service) => service.account(caller));
  }

  authorize(caller: rpc.Caller, scope: rpc.Scope) {
    return this.#ask((service) => service.authorize(caller, scope));
  }

  update(caller: rpc.Caller, change: rpc.AccountChange, verify: boolean) {
    return this.#ask((service) => service.update(caller, change, verify));
  }

  remove(caller: rpc.Caller) {
    return this.#ask((service) => service.remove(caller));
  }

  messages(caller: rpc.Caller, query: rpc.ListQuery) {
    return this.#ask((service) => service.messages(caller, query));
  }

  message(caller: rpc.Caller, id: string, query: rpc.MessageQuery, ifNoneMatch: rpc.EntityTags | null) {
    return this.#ask((service) => service.message(caller, id, query, ifNoneMatch));
  }

  raw(caller: rpc.Caller, id: string, query: rpc.OctetsQuery | null) {
    return this.#ask((service) => service.raw(caller, id, query));
  }

  attachment(caller: rpc.Caller, id: string, part: string, query: rpc.AttachmentQuery | null) {
    return this.#ask((service) => service.attachment(caller, id, part, query));
  }

  ticket(caller: rpc.Caller, path: string, ttlSeconds: number) {
    return this.#ask((service) => service.ticket(caller, path, ttlSeconds));
  }

  messagesById(caller: rpc.Caller, query: rpc.BatchQuery) {
    return this.#ask((service) => service.messagesById(caller, query));
  }

  deleteMessage(caller: rpc.Caller, id: string) {
    return this.#ask((service) => service.deleteMessage(caller, id));
  }

  deleteMessages(caller: rpc.Caller, ids: string[], dryRun: boolean) {
    return this.#ask((service) => service.deleteMessages(caller, ids, dryRun));
  }

  changes(caller: rpc.Caller, query: rpc.ChangesQuery) {
    return this.#ask((service) => service.changes(caller, query));
  }

  changedSince(caller: rpc.Caller, state: string) {
    return this.#ask((service) => service.changedSince(caller, state));
  }

  checkpoints(caller: rpc.Caller) {
    return this.#ask((service) => service.checkpoints(caller));
  }

  checkpoint(caller: rpc.Caller, name: string) {
    return this.#ask((service) => service.checkpoint(caller, name));
  }

  setCheckpoint(caller: rpc.Caller, name: string, change: { state: string; force: boolean }, conditions: rpc.Conditions) {
    return this.#ask((service) => service.setCheckpoint(caller, name, change, conditions));
  }

  deleteCheckpoint(caller: rpc.Caller, name: string, conditions: rpc.Conditions) {
    return this.#ask((service) => service.deleteCheckpoint(caller, name, conditions));
  }

  sync(caller: rpc.Caller) {
    return this.#ask((service) => service.sync(caller));
  }

  identity(caller: rpc.Caller) {
    return this.#ask((service) => service.identity(caller));
  }

  createToken(caller: rpc.Caller, settings: rpc.TokenSettings) {
    return this.#ask((service) => service.createToken(caller, settings));
  }

  tokens(caller: rpc.Caller) {
    return this.#ask((service) => service.tokens(caller));
  }

  revokeToken(caller: rpc.Caller, id: string) {
    return this.#ask((service) => service.revokeToken(caller, id));
  }

  events(caller: rpc.Caller, query: rpc.EventQuery) {
    return this.#ask((service) => service.events(caller, query));
  }

  stats(caller: rpc.Caller) {
    return this.#ask((service) => service.stats(caller));
  }

  visit(caller: rpc.Caller) {
    return this.#ask((service) => service.visit(caller));
  }

  peek(caller: rpc.Caller, query: rpc.PeekQuery) {
    return this.#ask((service) => service.peek(caller, query));
  }

  diagnose(caller: rpc.Caller, place: rpc.DiagnosisPlace | null) {
    return this.#ask((service) => service.diagnose(caller, place));
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    const rang = info?.scheduledTime ?? null;
    // While the configuration is wrong nothing is known to be due; the alarm comes back until it is mended.
    if (this.#service instanceof MailboxService) return this.#service.alarm(rang);
    await this.ctx.storage.setAlarm(Date.now() + MAILBOX.backoffMost);
    standDown(new Store(durableSql(this.ctx.storage)), rang, Date.now());
  }

  #ask<T>(question: (service: MailboxService) => Promise<rpc.Result<T>>): Promise<rpc.Result<T>> {
    return this.#service instanceof MailboxService
      ? question(this.#service)
      : Promise.resolve({ ok: false, failure: { kind: 'misconfigured', detail: this.#service.misconfigured } });
  }
}

function durableDeps(state: DurableObjectState, policy: TargetPolicy, hosts: Env['MAIL_HOST']): Deps {
  return {
    // The policy is asked on every connection: what was allowed at creation may not be any more, and names move.
    dial: async (target: Target) => dial(await admitted(target, policy), DEADLINES),
    now: () => Date.now(),
    random: platformRandom,
    alarm: {
      get: () => state.storage.getAlarm(),
      set: (at) => state.waitUntil(state.storage.setAlarm(at)),
      clear: () => state.waitUntil(state.storage.deleteAlarm()),
    },
    turns: (host, jurisdiction) => turnAt(host, jurisdiction, hosts),
    deadlines: DEADLINES,
    sql: durableSql(state.storage),
    erase: async () => {
      await state.storage.deleteAlarm();
      await state.storage.deleteAll();
    },
  };
}

/** A turn at the object of a mail host, which lives where the account that asks must live. */
async function turnAt(host: string, jurisdiction: string | null, hosts: Env['MAIL_HOST']): Promise<Turn | null> {
  const namespace = jurisdiction === null ? hosts : hosts.jurisdiction(jurisdiction as DurableObjectJurisdiction);
  const turn = await namespace.getByName(host.toLowerCase().replace(/\.$/, '')).turn();
  return turn && { end: () => turn[Symbol.dispose]() };
}
