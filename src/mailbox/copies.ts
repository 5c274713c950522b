/**
 * The octets of messages, held as sealed rows of 256 KiB. One writer a message, fed from the socket at the server's pace;
 * any number of readers behind it, each at its own: a slow reader never holds the maildrop's lock, and no message is
 * ever whole in memory. A copy counts only once it is complete; an unfinished one is thrown away.
 */
import { MAILBOX } from '../limits.ts';
import type { Outline } from '../mime/outline.ts';
import type { Account } from './account.ts';
import { MailboxError } from './failure.ts';
import type { Store } from './store.ts';

/** A copy while its writer still writes. */
class Growing {
  octets = 0;
  rows = 0;
  error: unknown = null;
  #waiters: (() => void)[] = [];

  wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push(resolve);
    return promise;
  }

  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** The row as the copies need it. */
export interface Message {
  readonly created: number;
  readonly id: string;
}

export class Copies {
  readonly #store: Store;
  readonly #account: Account;
  readonly #now: () => number;
  readonly #growing = new Map<number, Growing>();
  /** Readers at work on a copy: it is not evicted under them. */
  readonly #readers = new Map<number, number>();

  constructor(store: Store, account: Account, now: () => number) {
    this.#store = store;
    this.#account = account;
    this.#now = now;
  }

  /** Removes what an earlier life of the object left unfinished. */
  recover(): void {
    for (const message of this.#store.copies.incomplete()) this.#store.copies.remove(message);
  }

  /** Begins a copy. Fails with `overloaded` if the octets already held for readers leave no room. */
  begin(message: Message): CopyWriter {
    if (this.#store.copies.held().scratch >= MAILBOX.scratchOctets)
      throw new MailboxError({ kind: 'overloaded', retryAfterSeconds: MAILBOX.scratchTime / 1000 });
    this.#store.copies.begin(message.created, this.#now());
    const growing = new Growing();
    this.#growing.set(message.created, growing);
    const put = async (octets: Uint8Array): Promise<void> => {
      const box = await this.#account.vault.seal(octets, `${message.id}/${growing.rows}`, 'octets');
      this.#store.transaction(() => {
        this.#store.copies.append(message.created, growing.rows, box, growing.octets + octets.length);
      });
      growing.rows += 1;
      growing.octets += octets.length;
      growing.wake();
    };
    return new CopyWriter(put, (error) => this.#settle(message.created, growing, error));
  }

  /** Whether the whole message is here. */
  isComplete(created: number): boolean {
    return this.#store.copies.copy(created)?.complete === 1;
  }

  /** Keeps a copy, be it here or yet to come, from being evicted until the returned function is called; again is no harm. */
  pin(created: number): () => void {
    let held = true;
    this.#hold(created, 1);
    return () => {
      if (held) this.#hold(created, -1);
      held = false;
    };
  }

  /** The part tree of a complete copy, or null. */
  async outline(message: Message): Promise<Outline | null> {
    const copy = this.#store.copies.copy(message.created);
    if (!copy?.complete || !copy.outline) return null;
    return (await this.#account.vault.openJson(copy.outline, message.id, 'outline')) as Outline;
  }

  /** Octets [start, end) of a copy. */
  async read(message: Message, start: number, end: number): Promise<Uint8Array> {
    const out = new Uint8Array(Math.max(0, end - start));
    let filled = 0;
    for await (const chunk of this.follow(message, start, end)) {
      out.set(chunk, filled);
      filled += chunk.length;
    }
    return out.subarray(0, filled);
  }

  /** Octets [start, end) of a copy as they are or become available; `end` null reads to the message's end. */
  async *follow(message: Message, start: number, end: number | null): AsyncGenerator<Uint8Array> {
    this.#hold(message.created, 1);
    try {
      let at = start;
      while (end === null || at < end) {
        const chunk = await this.#chunk(message, at);
        if (chunk === null) return;
        const wanted = end === null ? chunk : chunk.subarray(0, end - at);
        at += wanted.length;
        yield wanted;
      }
    } finally {
      this.#hold(message.created, -1);
    }
  }

  /** Drops scratch copies unread for long and, oldest first, what is above the cache's cap. */
  makeRoom(): void {
    const { copies } = this.#store;
    const stale = this.#now() - MAILBOX.scratchTime;
    for (const copy of copies.oldest(true, MAILBOX.evictionBatch))
      // One that is still held is being read, however slowly.
      if (copy.read_at <= stale && !this.#evict(copy.message)) copies.touch(copy.message, this.#now());
    let excess = copies.held().cache - this.#account.settings.cache.maxBytes;
    if (excess <= 0) return;
    for (const copy of copies.oldest(false, MAILBOX.evictionBatch)) {
      if (excess <= 0) return;
      if (this.#evict(copy.message)) excess -= copy.octets;
    }
  }

  /** When the next scratch copy goes, or null. */
  scratchAt(): number | null {
    const oldest = this.#store.copies.oldest(true, 1)[0];
    return oldest ? oldest.read_at + MAILBOX.scratchTime : null;
  }

  #evict(created: number): boolean {
    if (this.#readers.has(created) || this.#growing.has(created)) return false;
    this.#store.copies.remove(created);
    return true;
  }

  #settle(created: number, growing: Growing, error: unknown): void {
    this.#growing.delete(created);
    if (error !== null) {
      growing.error = error;
      this.#store.copies.remove(created);
    }
    growing.wake();
    this.makeRoom();
  }

  /** The octets from `at` to the end of their row; null at the message's end. Waits for the writer where it must. */
  async #chunk(message: Message, at: number): Promise<Uint8Array | null> {
    const row = Math.floor(at / MAILBOX.rowOctets);
    const growing = this.#growing.get(message.created);
    // Until the writer has settled, the octets that are there may yet turn out to be half a message.
    while (growing && this.#growing.get(message.created) === growing && (growing.rows <= row || at >= growing.octets)) await growing.wait();
    if (growing && growing.error !== null) throw growing.error;
    const copy = this.#store.copies.copy(message.created);
    if (!copy) throw new MailboxError({ kind: 'message_gone' });
    if (at >= copy.octets) return null;
    const box = this.#store.copies.box(message.created, row);
    if (!box) return null;
    if (this.#now() - copy.read_at > MAILBOX.touchAfter) this.#store.copies.touch(message.created, this.#now());
    const octets = await this.#account.vault.open(box, `${message.id}/${row}`, 'octets');
    return octets.subarray(at - row * MAILBOX.rowOctets);
  }

  #hold(created: number, by: 1 | -1): void {
    const readers = (this.#readers.get(created) ?? 0) + by;
    if (readers === 0) this.#readers.delete(created);
    else this.#readers.set(created, readers);
  }
}

/** Cuts a message into rows. `push` waits until a full row is stored, which is the socket's back-pressure. */
export class CopyWriter {
  readonly #put: (octets: Uint8Array) => Promise<void>;
  readonly #settle: (error: unknown) => void;
  readonly #buffer = new Uint8Array(MAILBOX.rowOctets);
  #filled = 0;
  octets = 0;

  constructor(put: (octets: Uint8Array) => Promise<void>, settle: (error: unknown) => void) {
    this.#put = put;
    this.#settle = settle;
  }

  async push(chunk: Uint8Array): Promise<void> {
    this.octets += chunk.length;
    let rest = chunk;
    while (rest.length > 0) {
      const part = rest.subarray(0, this.#buffer.length - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === this.#buffer.length) await this.#flush();
    }
  }

  /** Stores what is left; the copy's rows are all there, and can be read, but it isn't complete yet. */
  async flush(): Promise<void> {
    if (this.#filled > 0) await this.#flush();
  }

  /** To be called in any case, once the copy was marked complete, or with why it never will be. */
  settle(error: unknown): void {
    this.#settle(error);
  }

  async #flush(): Promise<void> {
    await this.#put(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
