/**
 * One message on its way from the server into a copy, and everybody who waits for it. It has one outcome; whoever comes
 * later begins another transfer.
 */
import type { MessageRow } from './store/message-store.ts';

export class Transfer {
  readonly row: MessageRow;
  /** The copy is complete, or why there will be none. */
  readonly done: Promise<void>;
  /** Asked just before RETR is sent: whether anybody still wants it. */
  readonly #wanted: () => boolean;
  /** Whether somebody waits for it beside the one who began it. */
  shared = false;
  #started = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();
  readonly #onSettled: () => void;
  #sending = false;
  #settled = false;

  constructor(row: MessageRow, wanted: () => boolean, onSettled: () => void) {
    this.row = row;
    this.#wanted = wanted;
    this.done = this.#done.promise;
    this.#onSettled = onSettled;
    // Whoever waits sees the failure; that nobody may be waiting for one of the two is no reason to end the object.
    this.started.catch(() => undefined);
    this.done.catch(() => undefined);
  }

  /** The server agreed to send, or `done` failed. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  get wanted(): boolean {
    return this.shared || this.#wanted();
  }

  get settled(): boolean {
    return this.#settled;
  }

  start(): void {
    this.#sending = true;
    this.#started.resolve();
  }

  /** What was sent broke off. Whoever comes now waits until it is sent again, or never will be. */
  restart(): void {
    if (!this.#sending) return;
    this.#sending = false;
    this.#started = Promise.withResolvers<void>();
    this.started.catch(() => undefined);
  }

  finish(): void {
    this.start();
    this.#done.resolve();
    this.#settle();
  }

  /** Without effect once there is an outcome. */
  fail(error: unknown): void {
    if (this.#settled) return;
    this.#started.reject(error);
    this.#done.reject(error);
    this.#settle();
  }

  #settle(): void {
    this.#settled = true;
    this.#onSettled();
  }
}
