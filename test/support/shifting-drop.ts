/**
 * A maildrop whose server is not to be relied on: it gives all messages new UIDLs, puts them into another order, hides some
 * and shows them again. Each message has a key, which only the test knows and which never changes.
 */
import { Maildrop, type Mail } from './maildrop.ts';

interface Kept {
  /** Which one it is in the order of arrival, from 1. */
  readonly number: number;
  readonly key: string;
  readonly octets: Uint8Array;
  uidl: string;
  hidden: boolean;
}

const TWIN = 'twin-';

export class ShiftingDrop extends Maildrop {
  #kept: Kept[] = [];
  readonly #twins: boolean;
  /** Every UIDL that was ever given, and whose it was. */
  readonly #keys = new Map<string, string>();
  #arrived = 0;
  #round = 0;
  /** The keys of the messages that sessions have deleted. */
  readonly deleted: string[] = [];

  /** `twins`: some messages have no UIDL of their own. Every third shares one with another, and every seventh's is empty. */
  constructor({ twins = false } = {}) {
    super();
    this.#twins = twins;
  }

  /** Adds a message whose first UIDL is its key. */
  override add(octets: Uint8Array, key: string): string {
    this.#arrived += 1;
    this.#kept.push({ number: this.#arrived, key, octets, uidl: key, hidden: false });
    this.#keys.set(key, key);
    return key;
  }

  /** What a session does at QUIT, by the UIDL that the message had when the session began. */
  override remove(uidl: string): boolean {
    const key = this.keyOf(uidl) ?? this.shownAs(uidl)[0];
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
    return this.#kept.filter(({ hidden }) => !hidden).map((kept) => ({ uidl: this.#shown(kept), octets: kept.octets }));
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

  /** Whose UIDL this is or was; null: it is no one message's. */
  keyOf(uidl: string): string | null | undefined {
    if (!this.#twins || (uidl !== '' && !uidl.startsWith(TWIN))) return this.#keys.get(uidl);
    return null;
  }

  /** The keys of the messages that are shown under this UIDL. */
  shownAs(uidl: string): string[] {
    return this.#kept.filter((kept) => !kept.hidden && this.#shown(kept) === uidl).map(({ key }) => key);
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

  #shown({ number, uidl }: Kept): string {
    if (this.#twins && number % 7 === 0) return '';
    return this.#twins && number % 3 === 0 ? `${TWIN}${Math.floor(number / 6)}` : uidl;
  }
}
