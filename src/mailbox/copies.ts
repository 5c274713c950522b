/**
 * The octets of messages, held as sealed rows of 256 KiB. One writer a message, fed from the socket at the server's pace;
 * any number of readers behind it, each at its own: a slow reader never holds the maildrop's lock, and no message is
 * ever whole in memory. A copy counts only once it is complete; an unfinished one is thrown away.
 */
import { MAILBOX } from '../limits.ts';
import type { Outline } from '../mime/outline.ts';
import type { Account } from './account.ts';
import { type CopySink, CopyWriter } from './copy-writer.ts';
import { MailboxError, unbelieved } from './failure.ts';
import { FreshCopies } from './fresh.ts';
import type { Store } from './store.ts';

/** A copy while its writer still writes. */
class Growing {
  octets = 0;
  rows = 0;
  /** Whether a row of it is stored. A message of one row is stored once, whole: a commit costs more than the message. */
  stored = false;
  /** The last row, in clear for those who read it now and sealed for storage. */
  tail: { readonly octets: Uint8Array; readonly box: Uint8Array } | null = null;
  /** Set with the rows that made it complete. */
  scratch = false;
  outline: Outline | null = null;
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
  readonly #fresh = new FreshCopies();
  /** Copies that were discarded under readers, and how many had been by then: who began before that is not to go on in another copy. */
  readonly #discarded = new Map<number, number>();
  #discards = 0;
  /** Octets of complete copies; summed once and kept since, so that a transfer doesn't scan them all. */
  #totals: { cache: number; scratch: number } | null = null;

  constructor(store: Store, account: Account, now: () => number) {
    this.#store = store;
    this.#account = account;
    this.#now = now;
  }

  /** Removes what an earlier life of the object left unfinished. */
  recover(): void {
    for (const message of this.#store.copies.incomplete()) this.#store.copies.remove(message);
  }

  /** Begins a copy of about `size` octets. Fails with `overloaded` if the octets already held for readers leave no room. */
  begin(message: Message, size: number): CopyWriter {
    if (this.held().scratch >= MAILBOX.scratchOctets)
      throw new MailboxError({ kind: 'overloaded', retryAfterSeconds: MAILBOX.scratchTime / 1000 });
    this.#remove(message.created);
    const growing = new Growing();
    this.#growing.set(message.created, growing);
    const sink: CopySink = {
      put: async (octets, last) => {
        const box = await this.#account.vault.seal(octets, `${message.id}/${growing.rows}`, 'octets');
        if (last) growing.tail = { octets, box };
        else this.#store.transaction(() => this.#append(message.created, growing, box, growing.rows, growing.octets + octets.length));
        growing.rows += 1;
        growing.octets += octets.length;
        growing.wake();
      },
      complete: (scratch, outline, box) => this.#complete(message.created, growing, scratch, outline, box),
      settle: (error) => this.#settle(message.created, growing, error),
    };
    return new CopyWriter(sink, size);
  }

  /** Octets of complete copies: of the cache, and of messages above its cap. */
  held(): { readonly cache: number; readonly scratch: number } {
    this.#totals ??= this.#store.copies.held();
    return this.#totals;
  }

  /** Whether the whole message is here. */
  isComplete(created: number): boolean {
    return this.#fresh.get(created) !== null || this.#store.copies.isComplete(created);
  }

  /** Which of the messages are here whole. */
  complete(created: readonly number[]): Set<number> {
    return new Set(this.#store.copies.complete(created));
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
    const fresh = this.#fresh.get(message.created);
    if (fresh) return fresh.outline;
    const copy = this.#store.copies.copy(message.created);
    if (!copy?.complete || !copy.outline) return null;
    return (await this.#account.vault.openJson(copy.outline, message.id, 'outline')) as Outline;
  }

  /** Octets [start, end) of a copy. */
  async read(message: Message, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const fresh = this.#fresh.get(message.created);
    if (fresh) return Uint8Array.from(fresh.octets.subarray(start, end));
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
    const begun = this.#discards;
    try {
      let at = start;
      while (end === null || at < end) {
        if ((this.#discarded.get(message.created) ?? 0) > begun) throw disbelieved();
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

  /** Drops the copy of a message that is forgotten; one that is being read goes when room is made. */
  drop(created: number): void {
    this.#evict(created);
  }

  /** Removes a copy that is not to be believed any more, under whoever reads it. */
  discard(created: number): void {
    this.#remove(created);
    this.#discards += 1;
    if (this.#readers.has(created)) this.#discarded.set(created, this.#discards);
  }

  /** Drops scratch copies unread for long and, oldest first, what is above the cache's cap. */
  makeRoom(): void {
    const { copies } = this.#store;
    const stale = this.#now() - MAILBOX.scratchTime;
    for (const copy of this.held().scratch > 0 ? copies.oldest(true, MAILBOX.evictionBatch) : [])
      // One that is still held is being read, however slowly.
      if (copy.read_at <= stale && !this.#evict(copy.message)) copies.touch(copy.message, this.#now());
    let excess = this.held().cache - this.#account.settings.cache.maxBytes;
    if (excess <= 0) return;
    for (const copy of copies.oldest(false, MAILBOX.evictionBatch)) {
      if (excess <= 0) return;
      if (this.#evict(copy.message)) excess -= copy.octets;
    }
  }

  /** When the next scratch copy goes, or null. */
  scratchAt(): number | null {
    const oldest = this.held().scratch > 0 ? this.#store.copies.oldest(true, 1)[0] : null;
    return oldest ? oldest.read_at + MAILBOX.scratchTime : null;
  }

  #evict(created: number): boolean {
    if (this.#readers.has(created) || this.#growing.has(created)) return false;
    this.#remove(created);
    return true;
  }

  #remove(created: number): void {
    const copy = this.#store.copies.copy(created);
    if (!copy) return;
    // Counted first: a sum made only now must still have this copy in it.
    if (copy.complete) this.#count(copy.scratch === 1, -copy.octets);
    this.#store.copies.remove(created);
    this.#fresh.drop(created);
  }

  #count(scratch: boolean, octets: number): void {
    const { cache, scratch: above } = this.held();
    this.#totals = scratch ? { cache, scratch: above + octets } : { cache: cache + octets, scratch: above };
  }

  #append(created: number, growing: Growing, box: Uint8Array, row: number, octets: number): void {
    if (!growing.stored) this.#store.copies.begin(created, this.#now());
    growing.stored = true;
    this.#store.copies.append(created, row, box, octets);
  }

  /** Within the transaction that also says so in the ledger. */
  #complete(created: number, growing: Growing, scratch: boolean, outline: Outline, box: Uint8Array): void {
    const { copies } = this.#store;
    if (growing.stored) {
      if (growing.tail) this.#append(created, growing, growing.tail.box, growing.rows - 1, growing.octets);
      copies.finish(created, growing.octets, scratch, box);
    } else copies.whole({ message: created, octets: growing.octets, scratch, outline: box }, growing.tail?.box ?? null, this.#now());
    growing.scratch = scratch;
    growing.outline = outline;
  }

  #settle(created: number, growing: Growing, error: unknown): void {
    this.#growing.delete(created);
    if (error === null) {
      // Summed anew where it never was; else this one is added.
      if (this.#totals) this.#count(growing.scratch, growing.octets);
      const { outline, tail, rows } = growing;
      if (outline && tail && rows === 1 && this.#readers.has(created)) this.#fresh.keep(created, { outline, octets: tail.octets });
    } else {
      growing.error = error;
      this.#remove(created);
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
    if (growing?.tail && row === growing.rows - 1) {
      // A copy: a byte stream takes what it is given for its own.
      const rest = growing.tail.octets.slice(at - row * MAILBOX.rowOctets);
      return rest.length > 0 ? rest : null;
    }
    const fresh = this.#fresh.get(message.created);
    if (fresh) return at < fresh.octets.length ? fresh.octets.slice(at) : null;
    const copy = this.#store.copies.copy(message.created);
    // Nothing but that, or the whole account, goes under who reads it.
    if (!copy) throw disbelieved();
    if (at >= copy.octets) return null;
    const box = this.#store.copies.box(message.created, row);
    if (!box) return null;
    if (this.#now() - copy.read_at > MAILBOX.touchAfter) this.#store.copies.touch(message.created, this.#now());
    const octets = await this.#account.vault.open(box, `${message.id}/${row}`, 'octets');
    return octets.subarray(at - row * MAILBOX.rowOctets);
  }

  #hold(created: number, by: 1 | -1): void {
    const readers = (this.#readers.get(created) ?? 0) + by;
    if (readers > 0) this.#readers.set(created, readers);
    else {
      this.#readers.delete(created);
      this.#discarded.delete(created);
      this.#fresh.drop(created);
    }
  }
}

function disbelieved(): MailboxError {
  return unbelieved('What the mail server sent for this message may have been another one. It is asked again when the message is.');
}
