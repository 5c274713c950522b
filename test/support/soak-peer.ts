/**
 * The mail server of the crash soaks: a maildrop that grows by bursts, behind a proxy that lets few connections live. Half of
 * them fail, many in the few lines of a short session, the others anywhere in a long one; the fates follow from a seed.
 */
import { CuttingProxy, type Fate } from './cutting-proxy.ts';
import { Maildrop } from './maildrop.ts';
import { startPop3Server, type Pop3Server } from './pop3-server.ts';
import { SeededRandom } from './seeded-random.ts';

export const SOAK_USER = 'soak';
export const SOAK_PASSWORD = 'secret-of-the-soak';

/** Lines after which a connection fails at the latest: those of a poll that finds little, or of the largest listings, twice. */
const MOST_LINES = [50, 40_000] as const;

export class SoakPeer {
  readonly #drop: Maildrop;
  readonly #server: Pop3Server;
  readonly #proxy: CuttingProxy;
  #delivered = 0;

  private constructor(drop: Maildrop, server: Pop3Server, proxy: CuttingProxy) {
    this.#drop = drop;
    this.#server = server;
    this.#proxy = proxy;
  }

  /**
   * An empty maildrop on a free port, in clear, so that what is cut are lines of POP3. `stalls`: connections may fall silent
   * too, which costs a caller whose object isn't aborted a whole deadline each time.
   */
  static async start(seed: number, { unref = false, stalls = false } = {}): Promise<SoakPeer> {
    const drop = new Maildrop();
    const users = new Map([[SOAK_USER, { password: SOAK_PASSWORD, maildrop: drop }]]);
    const server = await startPop3Server({ users, unref });
    const proxy = await CuttingProxy.listen(server.port);
    if (unref) proxy.unref();
    const random = new SeededRandom(seed);
    proxy.cutEach(() => fate(random, stalls));
    return new SoakPeer(drop, server, proxy);
  }

  get port(): number {
    return this.#proxy.port;
  }

  /** How many connections were made, and how many of them cut. */
  get connections(): { total: number; cut: number } {
    return { total: this.#proxy.connections, cut: this.#proxy.cuts };
  }

  /** All messages that were delivered: UIDL and subject. */
  get delivered(): { uidl: string; subject: string }[] {
    return this.#drop.list().map(({ uidl }) => ({ uidl, subject: subjectOf(uidl) }));
  }

  /** Delivers `count` messages. */
  deliver(count: number): void {
    for (let n = 0; n < count; n++) {
      const uidl = `soak-${(this.#delivered += 1)}`;
      this.#drop.add(Buffer.from(`Subject: ${subjectOf(uidl)}\r\nMessage-ID: <${uidl}@example.com>\r\n\r\nText.\r\n`), uidl);
    }
  }

  /** Connections from now on live. */
  heal(): void {
    this.#proxy.heal();
  }

  async close(): Promise<void> {
    await this.#proxy.close();
    await this.#server.close();
  }
}

function subjectOf(uidl: string): string {
  return `message ${uidl}`;
}

function fate(random: SeededRandom, stalls: boolean): Fate {
  if (random.chance(0.5)) return null;
  const how = random.pick(['close', 'close', 'reset', 'reset', 'garbage', ...(stalls ? (['stall'] as const) : [])] as const);
  return { after: Math.floor(random.pick(MOST_LINES) ** (random.below(1_000) / 1_000)), how };
}
