/**
 * The Directory object: which accounts exist. One object for the whole deployment. Hands the platform to the registry
 * and passes calls through; every method here is a public RPC endpoint, so there are no others.
 */
import { DurableObject } from 'cloudflare:workers';
import { readConfig, type ConfigVariables } from '../config.ts';
import { platformRandom } from '../crypto/random.ts';
import { durableSql } from '../mailbox/sql.ts';
import { Registry } from './registry.ts';
import type { DirectoryEntry, DirectoryQuery, DirectoryResult, DirectoryRpc, Identity, Visited } from './rpc.ts';

export class Directory extends DurableObject<ConfigVariables> implements DirectoryRpc {
  readonly #registry: Registry | { misconfigured: string };

  constructor(state: DurableObjectState, env: ConfigVariables) {
    super(state, env);
    const read = readConfig(env);
    this.#registry = read.ok
      ? new Registry({ sql: durableSql(state.storage), now: () => Date.now(), random: platformRandom }, read.config.keyring)
      : { misconfigured: read.problems.join(' ') };
  }

  reserve(entry: DirectoryEntry) {
    return this.#ask((registry) => registry.reserve(entry));
  }

  confirm(id: string) {
    return this.#ask((registry) => registry.confirm(id));
  }

  release(id: string) {
    return this.#ask((registry) => registry.release(id));
  }

  forget(id: string) {
    return this.#ask((registry) => registry.forget(id));
  }

  propose(id: string, externalId: string | null | undefined) {
    return this.#ask((registry) => registry.propose(id, externalId));
  }

  settle(id: string, identity: Identity) {
    return this.#ask((registry) => registry.settle(id, identity));
  }

  withdraw(id: string) {
    return this.#ask((registry) => registry.withdraw(id));
  }

  due() {
    return this.#ask((registry) => registry.due());
  }

  visited(visits: Visited[]) {
    return this.#ask((registry) => registry.visited(visits));
  }

  stats() {
    return this.#ask((registry) => registry.stats());
  }

  list(query: DirectoryQuery) {
    return this.#ask((registry) => registry.list(query));
  }

  #ask<T>(question: (registry: Registry) => Promise<DirectoryResult<T>>): Promise<DirectoryResult<T>> {
    return this.#registry instanceof Registry
      ? question(this.#registry)
      : Promise.resolve({ ok: false, failure: { kind: 'misconfigured', detail: this.#registry.misconfigured } });
  }
}
