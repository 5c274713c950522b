/**
 * UIDLs at rest. A few lie each in a box of its own, in the row that they belong to. Of many that come together a hundred
 * share one box, because sealing them one by one is most of what a first listing of a large mailbox would cost. A pack is
 * never changed; a row that gets another UIDL gets a box of its own.
 */
import { Buffer } from 'node:buffer';
import { MAILBOX } from '../limits.ts';
import type { Vault } from '../crypto/vault.ts';
import type { Deps } from './deps.ts';
import type { KeyStore, Pack } from './store/key-store.ts';
import type { MessageRow } from './store/message-store.ts';

/** Octets of a pack's number, which is drawn by chance. */
const NUMBER_OCTETS = 6;

export class Uidls {
  readonly #vault: Vault;
  readonly #keys: Pick<KeyStore, 'pack'>;
  readonly #random: Deps['random'];
  /** The packs opened last, the newest last. */
  readonly #opened = new Map<number, Promise<string[]>>();

  constructor(vault: Vault, keys: Pick<KeyStore, 'pack'>, random: Deps['random']) {
    this.#vault = vault;
    this.#keys = keys;
    this.#random = random;
  }

  /** Seals UIDLs together, to be stored with the rows that point into the pack. */
  async seal(uidls: readonly Uint8Array[]): Promise<Pack> {
    const pack = Buffer.from(this.#random(NUMBER_OCTETS)).readUIntBE(0, NUMBER_OCTETS);
    const texts = uidls.map((uidl) => Buffer.from(uidl).toString('latin1'));
    return { pack, box: await this.#vault.sealJson(texts, pack, 'uidls') };
  }

  /** The octets of a row's UIDL, or null where the server has none. */
  async of(row: Pick<MessageRow, 'id' | 'uidl' | 'pack' | 'pack_at'>): Promise<Uint8Array | null> {
    if (row.uidl !== null) return this.#vault.open(row.uidl, row.id, 'uidl');
    if (row.pack === null || row.pack_at === null) return null;
    const text = (await this.#open(row.pack))[row.pack_at];
    return text === undefined ? null : Buffer.from(text, 'latin1');
  }

  #open(pack: number): Promise<string[]> {
    const known = this.#opened.get(pack);
    if (known) return known;
    const box = this.#keys.pack(pack);
    const opened = box ? (this.#vault.openJson(box, pack, 'uidls') as Promise<string[]>) : Promise.resolve([]);
    opened.catch(() => this.#opened.delete(pack));
    this.#opened.set(pack, opened);
    const [oldest] = this.#opened.keys();
    if (this.#opened.size > MAILBOX.openPacks && oldest !== undefined) this.#opened.delete(oldest);
    return opened;
  }
}
