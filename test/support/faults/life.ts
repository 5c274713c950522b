/**
 * One life of an object: from its construction until the platform aborts it. In an aborted life nothing happens any more:
 * SQL throws, whatever waits for the network waits for ever, the alarm isn't set, and its connections are gone.
 */
import type { Channel } from '../../../src/pop3/channel.ts';

/** What SQL throws in a life that is over. Nobody is there to see it. */
export class LifeOver extends Error {
  constructor() {
    super('This life of the object is over.');
    this.name = 'LifeOver';
  }
}

export class Life {
  /** Resolves when the life ends. */
  readonly over: Promise<void>;
  readonly #channels = new Set<Channel>();
  readonly #end: () => void;
  #ended = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = resolve;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** A connection that ends with this life. */
  own(channel: Channel): void {
    this.#channels.add(channel);
  }

  disown(channel: Channel): void {
    this.#channels.delete(channel);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#channels.size;
  }

  abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const channel of this.#channels) channel.close();
    this.#channels.clear();
    this.#end();
  }

  /** What an aborted life waits for. */
  never(): Promise<never> {
    return new Promise<never>(() => undefined);
  }

  /** Throws where nothing may happen any more. */
  check(): void {
    if (this.#ended) throw new LifeOver();
  }
}
