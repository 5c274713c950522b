/**
 * Who an account is in the Directory (e-mail address, `externalId`, host) and how that changes. The Mailbox is the truth and
 * changes in between: first the new `externalId` is set aside, then the Mailbox changes, then the entry follows it. Until
 * then both are taken, so that whatever breaks, one can still be had. Sealing is asynchronous and done first; check and
 * write are one synchronous transaction.
 */
import type { Vault } from '../crypto/vault.ts';
import { DIRECTORY } from '../limits.ts';
import { identityProblem } from './entry.ts';
import { busy, conflict, DONE } from './result.ts';
import type { DirectoryResult, Identity } from './rpc.ts';
import type { DirectoryStore, EntryRow } from './store.ts';

export class Identities {
  readonly #store: DirectoryStore;
  readonly #vault: () => Promise<Vault>;
  readonly #now: () => number;

  constructor(store: DirectoryStore, vault: () => Promise<Vault>, now: () => number) {
    this.#store = store;
    this.#vault = vault;
    this.#now = now;
  }

  /** Null where the account may have the `externalId`. A reservation that was left unconfirmed for long is superseded. */
  claim(externalHash: Uint8Array | null, id: string): DirectoryResult<never> | null {
    const claimant = externalHash && this.#store.claimant(externalHash);
    if (!claimant || claimant.id === id) return null;
    const now = this.#now();
    if (claimant.state !== 'pending' || now - claimant.since < DIRECTORY.reservationTime) return conflict(claimant.id);
    this.#store.supersede(claimant.id, id, now);
    return null;
  }

  async propose(id: string, externalId: string | null | undefined): Promise<DirectoryResult<null>> {
    const problem = externalId === undefined ? null : identityProblem({ externalId });
    if (problem) return problem;
    const hash = typeof externalId === 'string' ? hashOf(await this.#vault(), externalId) : null;
    return this.#store.transaction(() => {
      const now = this.#now();
      const entry = this.#store.entry(id);
      // One that isn't live yet, or not any more, will soon be one or the other.
      if (entry?.state !== 'live' || this.#isChanging(entry, now)) return busy();
      const taken = this.claim(hash, id);
      if (taken) return taken;
      this.#store.propose(id, hash, now, now + DIRECTORY.proposalTime);
      return DONE;
    });
  }

  /** What is no longer live has no use for it. `conflict` where another account has the `externalId`; then nothing is changed. */
  async settle(id: string, identity: Identity): Promise<DirectoryResult<null>> {
    const problem = identityProblem(identity);
    if (problem) return problem;
    const { external_hash: hash, box } = await sealIdentity(identity, id, await this.#vault());
    return this.#store.transaction(() => {
      if (this.#store.entry(id)?.state !== 'live') return DONE;
      const taken = this.claim(hash, id);
      if (taken) return taken;
      this.#store.setIdentity(id, hash, box);
      return DONE;
    });
  }

  #isChanging({ next_since: since }: EntryRow, now: number): boolean {
    return since !== null && now - since < DIRECTORY.proposalTime;
  }
}

/** An identity as it is stored. */
export async function sealIdentity(
  { email, externalId, host }: Identity,
  id: string,
  vault: Vault,
): Promise<Pick<EntryRow, 'external_hash' | 'box'>> {
  return {
    external_hash: externalId === null ? null : hashOf(vault, externalId),
    box: await vault.sealJson({ email, externalId, host } satisfies Identity, id, 'entry'),
  };
}

/** The keyed hash under which an `externalId` is found. */
export function hashOf(vault: Vault, externalId: string): Uint8Array {
  return vault.hash('externalId', new TextEncoder().encode(externalId));
}
