/**
 * One account of a gateway, as an app and its operator see it over HTTP: made and shown for the first time, polled by
 * `POST …/sync`, paged through from its oldest message. Nothing is measured while its session is open or work goes on behind.
 */
import type { AccountView, ListItem, MessagePage, SyncReport } from '../../src/mailbox/rpc.ts';
import type { Maildrop } from './peers.ts';

const FIRST_PAGE = 50;
const PAGE = 200;
/** How long indexing behind the scenes may take before the measurement is given up. */
const QUIET = 120_000;

export class PolledAccount {
  readonly #url: string;
  readonly #key: string;
  #path = '';

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  /** From `POST /v1/accounts` to the first page with subject, sender and date: milliseconds. */
  async begin(drop: Maildrop): Promise<number> {
    const start = performance.now();
    const { account } = await this.#ask<{ account: AccountView }>('POST', '/v1/accounts', {
      server: { host: 'localhost', port: drop.port },
      auth: { username: drop.user, password: drop.password },
      pollSeconds: 0,
      token: null,
    });
    this.#path = `/v1/accounts/${account.id}`;
    const page = await this.#ask<MessagePage>('GET', `${this.#path}/messages?limit=${FIRST_PAGE}&fields=subject,from,date`);
    const milliseconds = performance.now() - start;
    if (page.total !== drop.count) throw new Error(`the first page counts ${page.total} of ${drop.count} messages`);
    const known = (page.data as ListItem[]).filter(({ subject, from, date }) => subject !== null && from.length > 0 && date !== null);
    if (known.length !== FIRST_PAGE) throw new Error(`the first page shows ${known.length} of ${FIRST_PAGE} messages`);
    return milliseconds;
  }

  /** Waits until the newest messages are indexed, which the account's alarm does by itself. */
  async quiet(): Promise<void> {
    for (const until = Date.now() + QUIET; Date.now() < until;) {
      const { indexing } = await this.#ask<AccountView>('GET', this.#path);
      if (indexing.done === indexing.of) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 500);
      });
    }
    throw new Error('the newest messages were not indexed in time');
  }

  /** One poll that must bring `expected` new messages. */
  async poll(expected: number): Promise<{ milliseconds: number; upstream: SyncReport['upstream'] }> {
    const start = performance.now();
    const report = await this.#ask<SyncReport>('POST', `${this.#path}/sync`);
    const milliseconds = performance.now() - start;
    if (report.created !== expected || report.destroyed !== 0)
      throw new Error(`brought ${report.created} messages, not ${expected}, and lost ${report.destroyed}`);
    return { milliseconds, upstream: report.upstream };
  }

  /** Pages through the `count` oldest messages, whose headers nobody has asked for: milliseconds. */
  async page(count: number): Promise<number> {
    const start = performance.now();
    let cursor: string | null = null;
    for (let shown = 0; shown < count;) {
      const behind: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: MessagePage = await this.#ask('GET', `${this.#path}/messages?limit=${PAGE}&order=oldest&maxAge=3600${behind}`);
      const unknown = (page.data as ListItem[]).filter(({ subject }) => subject === null).length;
      if (unknown > 0) throw new Error(`${unknown} messages of a page have no headers: ${page.sync.problem}`);
      shown += page.data.length;
      cursor = page.nextCursor;
    }
    return performance.now() - start;
  }

  async end(): Promise<void> {
    if (this.#path !== '') await this.#request('DELETE', this.#path);
    this.#path = '';
  }

  async #ask<T>(method: string, path: string, json?: unknown): Promise<T> {
    const response = await this.#request(method, path, json);
    if (!response.ok) throw new Error(`${method} ${path.replace(/acc_\w+/, 'acc_…')}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  #request(method: string, path: string, json?: unknown): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' };
    return fetch(this.#url + path, { method, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) });
  }
}
