/**
 * Reading a mailbox through the gateway as an app would: a listing that asks the mail server, then every message, as octets
 * or as JSON. Each measurement has an account of its own, made and indexed before the clock starts, with no session open.
 */
import type { Maildrop } from './peers.ts';

/** How many requests for octets are under way at once: as many as a browser has where the server allows what RFC 9113 §6.5.2 has it allow at least. */
const PARALLEL = 100;
const BATCH = 100;
/** The name, in the table, of reading by a request for each message's octets, and of having all read into the gateway. */
export const OCTETS = 'popgate octets';
export const INTO = 'popgate, into the gateway';

export class GatewayClient {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  /** The ways of reading, by the name they have in the table. Each returns milliseconds. */
  get readers(): [string, (drop: Maildrop) => Promise<number>][] {
    return [
      [INTO, (drop) => this.#timed(drop, (path, ids) => this.#json(path, ids, { fields: ['attachments'], maxBodyBytes: 1 }))],
      [OCTETS, (drop) => this.octets(drop)],
      ['popgate JSON', (drop) => this.#timed(drop, (path, ids) => this.#json(path, ids, {}))],
    ];
  }

  /** Every message by a request for its octets: milliseconds. */
  octets(drop: Maildrop): Promise<number> {
    return this.#timed(drop, (path, ids) => this.#octets(path, ids));
  }

  async #timed(drop: Maildrop, read: (path: string, ids: string[]) => Promise<void>): Promise<number> {
    const path = await this.#account(drop);
    try {
      const start = performance.now();
      const page = await this.#ask<{ data: { id: string }[] }>(`${path}/messages?fields=id,uidl,size&maxAge=0&limit=200`);
      const ids = page.data.map((item) => item.id);
      if (ids.length !== drop.count) throw new Error(`listed ${ids.length} of ${drop.count}`);
      await read(path, ids);
      return performance.now() - start;
    } finally {
      await this.#request(path, { method: 'DELETE' });
    }
  }

  /** An account that has been polled once, so that it knows its server, whose headers are indexed and whose session is over. */
  async #account(drop: Maildrop): Promise<string> {
    const body = {
      server: { host: 'localhost', port: drop.port },
      auth: { username: drop.user, password: drop.password },
      pollSeconds: 0,
      token: null,
    };
    const made = await this.#request('/v1/accounts', { method: 'POST', body: JSON.stringify(body) });
    const path = made.headers.get('location');
    if (made.status !== 201 || !path) throw new Error(`no account: ${made.status}`);
    await this.#ask(`${path}/messages?limit=200`);
    await ended();
    await this.#ask(`${path}/messages?fields=id&maxAge=0&limit=1`);
    await ended();
    return path;
  }

  async #octets(path: string, ids: string[]): Promise<void> {
    const queue = [...ids];
    const worker = async (): Promise<void> => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
        const response = await this.#request(`${path}/messages/${id}/raw`);
        if (!response.ok) throw new Error(`raw: ${response.status}`);
        await response.arrayBuffer();
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  }

  /**
   * All batches at once, as an app does that wants the mailbox. `asked`: of each message, where not all of it is wanted; the octets
   * are read from the server, checked and kept in any case.
   */
  async #json(path: string, ids: string[], asked: object): Promise<void> {
    const read = async (batch: string[]): Promise<void> => {
      const body = JSON.stringify({ ids: batch, html: 'none', ...asked });
      const { data } = await this.#ask<{ data: { message?: unknown }[] }>(`${path}/messages/get`, { method: 'POST', body });
      if (data.some((entry) => !entry.message)) throw new Error('a message is missing');
    };
    await Promise.all(Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, n) => read(ids.slice(n * BATCH, (n + 1) * BATCH))));
  }

  async #ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await this.#request(path, init);
    if (!response.ok) throw new Error(`${path.replace(/acc_\w+/, 'acc_…')}: ${response.status}`);
    return (await response.json()) as T;
  }

  #request(path: string, init: RequestInit = {}): Promise<Response> {
    // On loopback nobody gains by gzip, which wrangler's proxy applies where it is accepted; no peer compresses either.
    const headers = { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json', 'accept-encoding': 'identity' };
    return fetch(this.#url + path, { ...init, headers });
  }
}

/** Waits until the account's session is over: it lingers four seconds. */
function ended(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5_000);
  });
}
