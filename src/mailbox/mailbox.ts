/**
 * The Mailbox object: one account's Durable Object. Hands the platform to the service and passes calls through; every
 * method here is a public RPC endpoint, so there are no others.
 */
import { DurableObject } from 'cloudflare:workers';
import { readConfig } from '../config.ts';
import { DEADLINES } from '../limits.ts';
import { dial } from '../net/dial.ts';
import { NetError } from '../net/error.ts';
import { judgeTarget, parseAllowedTargets } from '../net/target.ts';
import type { Deps, Target } from './deps.ts';
import type * as rpc from './rpc.ts';
import { MailboxService } from './service.ts';
import { durableSql } from './sql.ts';

export class Mailbox extends DurableObject<Env> implements rpc.MailboxRpc {
  readonly #service: MailboxService | { misconfigured: string };

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const read = readConfig(env);
    this.#service = read.ok
      ? new MailboxService(durableDeps(state, read.config.allowedTargets), read.config)
      : { misconfigured: read.problems.join(' ') };
  }

  create(account: string, settings: rpc.AccountSettings, verify: boolean, token: rpc.TokenSettings | null) {
    return this.#ask((service) => service.create(account, settings, verify, token));
  }

  account(caller: rpc.Caller) {
    return this.#ask((service) => service.account(caller));
  }

  remove(caller: rpc.Caller) {
    return this.#ask((service) => service.remove(caller));
  }

  messages(caller: rpc.Caller, query: rpc.ListQuery) {
    return this.#ask((service) => service.messages(caller, query));
  }

  message(caller: rpc.Caller, id: string, query: rpc.MessageQuery) {
    return this.#ask((service) => service.message(caller, id, query));
  }

  raw(caller: rpc.Caller, id: string) {
    return this.#ask((service) => service.raw(caller, id));
  }

  attachment(caller: rpc.Caller, id: string, part: string) {
    return this.#ask((service) => service.attachment(caller, id, part));
  }

  deleteMessage(caller: rpc.Caller, id: string) {
    return this.#ask((service) => service.deleteMessage(caller, id));
  }

  changes(caller: rpc.Caller, query: rpc.ChangesQuery) {
    return this.#ask((service) => service.changes(caller, query));
  }

  sync(caller: rpc.Caller) {
    return this.#ask((service) => service.sync(caller));
  }

  identity(caller: rpc.Caller) {
    return this.#ask((service) => service.identity(caller));
  }

  override async alarm(): Promise<void> {
    // While the configuration is wrong nothing is known to be due; the alarm comes back until it is mended.
    if (this.#service instanceof MailboxService) await this.#service.alarm();
    else await this.ctx.storage.setAlarm(Date.now() + 60 * 60 * 1000);
  }

  #ask<T>(question: (service: MailboxService) => Promise<rpc.Result<T>>): Promise<rpc.Result<T>> {
    return this.#service instanceof MailboxService
      ? question(this.#service)
      : Promise.resolve({ ok: false, failure: { kind: 'misconfigured', detail: this.#service.misconfigured } });
  }
}

function durableDeps(state: DurableObjectState, allowedTargets: string): Deps {
  const allowed = parseAllowedTargets(allowedTargets);
  return {
    // The policy is asked on every connection: what was allowed at creation may not be any more.
    dial: async (target: Target) => {
      const judged = judgeTarget(target, allowed);
      if (!judged.ok) throw new NetError({ kind: 'forbidden', detail: judged.detail });
      return dial({ ...target, host: judged.host, port: judged.port }, DEADLINES);
    },
    now: () => Date.now(),
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
    alarm: {
      set: (at) => state.waitUntil(state.storage.setAlarm(at)),
      clear: () => state.waitUntil(state.storage.deleteAlarm()),
    },
    deadlines: DEADLINES,
    sql: durableSql(state.storage),
    erase: async () => {
      await state.storage.deleteAlarm();
      await state.storage.deleteAll();
    },
  };
}
