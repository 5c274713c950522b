/**
 * A maildrop in memory: messages as octets, each with a UIDL of its own, in order of arrival (RFC 1939 §4, §7).
 * What is added is exactly what a client must hold after undoing the dot-stuffing: the octets are kept as given.
 * One session at a time may lock it; the lock doesn't keep mail from arriving.
 */

export interface Mail {
  readonly uidl: string;
  readonly octets: Uint8Array;
}

/** Why and when a maildrop changed; `uidl` names the message. */
export type MaildropChange = { readonly kind: 'added' | 'removed'; readonly uidl: string };

/** Octets that a maildrop may hold in all, so that a runaway demo or test ends with a sentence and not with the machine. */
const MOST_OCTETS = 1024 * 1024 * 1024;

export class Maildrop {
  readonly #mails = new Map<string, Mail>();
  readonly #listeners: ((change: MaildropChange) => void)[] = [];
  #next = 1;
  #octets = 0;
  #locked = false;

  /**
   * Adds a message at the end and returns its UIDL. Throws if `uidl` is taken or isn't 1–70 printable
   * octets (RFC 1939 §7), or if the octets don't end in CRLF: POP3 has no way to send such a message exactly.
   */
  add(octets: Uint8Array, uidl: string = this.#freeUidl()): string {
    if (!/^[\x21-\x7e]{1,70}$/.test(uidl)) throw new Error('A UIDL is 1 to 70 printable characters.');
    if (this.#mails.has(uidl)) throw new Error(`The maildrop has a message ${uidl} already.`);
    if (octets.length > 0 && !(octets.at(-2) === 13 && octets.at(-1) === 10)) throw new Error('A message must end in CRLF.');
    if (this.#octets + octets.length > MOST_OCTETS) throw new Error('The maildrop is full.');
    this.#mails.set(uidl, { uidl, octets });
    this.#octets += octets.length;
    this.#tell({ kind: 'added', uidl });
    return uidl;
  }

  /** Removes a message; false if there is none of that UIDL. */
  remove(uidl: string): boolean {
    const mail = this.#mails.get(uidl);
    if (mail === undefined) return false;
    this.#mails.delete(uidl);
    this.#octets -= mail.octets.length;
    this.#tell({ kind: 'removed', uidl });
    return true;
  }

  /** The messages in order of arrival: a snapshot that later changes leave alone. */
  list(): readonly Mail[] {
    return [...this.#mails.values()];
  }

  /** Calls `listener` after every change. */
  onChange(listener: (change: MaildropChange) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes the exclusive lock (RFC 1939 §4); false if another session has it. */
  lock(): boolean {
    if (this.#locked) return false;
    this.#locked = true;
    return true;
  }

  unlock(): void {
    this.#locked = false;
  }

  get locked(): boolean {
    return this.#locked;
  }

  #freeUidl(): string {
    for (;;) {
      const uidl = this.#next.toString(16).padStart(8, '0');
      this.#next += 1;
      if (!this.#mails.has(uidl)) return uidl;
    }
  }

  #tell(change: MaildropChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
