/**
 * A maildrop whose server is not to be relied on: it gives all messages new UIDLs, puts them into another order, hides some
 * and shows them again. Each message has a key, which only the test knows and which never changes.
 */
import { Maildrop, type Mail } from './maildrop.ts';

interface Kept {
  readonly key: string;
  readonly octets: Uint8Array;
  uidl: string;
  hidden: boolean;
}

export class ShiftingDrop extends Maildrop {
  #kept: Kept[] = [];
  /** Every UIDL that was ever given, and whose it was. */
  readonly #keys = new Map<string, string>();
  #round = 0;
  /** The keys of the messages that sessions have deleted. */
  readonly deleted: string[] = [];

  /** Adds a message whose first UIDL is its key. */
  override add(octets: Uint8Array, key: string): string {
    this.#kept.push({ key, octets, uidl: key, hidden: false });
    this.#keys.set(key, key);
    return key;
  }

  /** What a session does at QUIT, by the UIDL that the message had when the session began. */
  override remove(uidl: string): boolean {
    const key = this.#keys.get(uidl);
    const there = this.#kept.some((kept) => kept.key === key);
    if (there && key !== undefined) this.deleted.push(key);
    this.#kept = this.#kept.filter((kept) => kept.key !== key);
    return there;
  }

  /** Removes a message as another mail program does. */
  take(key: string): void {
    this.#kept = this.#kept.filter((kept) => kept.key !== key);
  }

  override list(): readonly Mail[] {
    return this.#kept.filter(({ hidden }) => !hidden).map(({ uidl, octets }) => ({ uidl, octets }));
  }

  /** The keys of the messages that are shown. */
  get shown(): string[] {
    return this.#kept.filter(({ hidden }) => !hidden).map(({ key }) => key);
  }

  get hidden(): string[] {
    return this.#kept.filter(({ hidden }) => hidden).map(({ key }) => key);
  }

  /** The keys of all messages that were ever there. */
  get everyKey(): ReadonlySet<string> {
    return new Set(this.#keys.values());
  }

  /** Whose UIDL this is or was. */
  keyOf(uidl: string): string | undefined {
    return this.#keys.get(uidl);
  }

  octetsOf(key: string): Uint8Array | undefined {
    return this.#kept.find((kept) => kept.key === key)?.octets;
  }

  hide(keys: ReadonlySet<string>): void {
    for (const kept of this.#kept) if (keys.has(kept.key)) kept.hidden = true;
  }

  showAll(): void {
    for (const kept of this.#kept) kept.hidden = false;
  }

  /**
   * Gives all messages new UIDLs, and lists them the other way round if `reverse`. One that was hidden meanwhile is
   * nobody's any more: it can't be known again under another name, so it counts as another message.
   */
  renumber(reverse: boolean): void {
    this.#round += 1;
    this.#kept = this.#kept.map((kept) => {
      const key = kept.hidden ? `${kept.key}~${this.#round}` : kept.key;
      const uidl = `${kept.key.split('~')[0]}.${this.#round}`;
      this.#keys.set(uidl, key);
      return { ...kept, key, uidl };
    });
    if (reverse) this.#kept.reverse();
  }
}
