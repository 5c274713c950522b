/**
 * Rows that a poll writes, counted where they can be: the same Mailbox under plain Node, over SQLite in memory, polled by
 * its alarm. Each row inserted, changed or removed counts (`total_changes()` of SQLite), and each setting of the alarm, which
 * the platform bills as one. What it bills for entries of indexes is not in it.
 */
import { nodeMailbox, type NodeMailbox, OPERATOR, settingsFor, valueOf } from '../support/node-mailbox.ts';

const POLL_SECONDS = 300;
/** How often the alarm may ring for one thing: far more often than it must. */
const MOST_RINGS = 100;

export class WrittenRows {
  readonly #box: NodeMailbox;

  private constructor(box: NodeMailbox) {
    this.#box = box;
  }

  /** An account that has listed and indexed all that a server on `port` of loopback has, over TLS. */
  static async of(port: number, user: string, password: string): Promise<WrittenRows> {
    const box = nodeMailbox();
    const settings = settingsFor(port, {
      server: { host: '127.0.0.1', port, security: 'tls' },
      auth: { username: user, password, accessToken: null, method: 'auto' },
      pollSeconds: POLL_SECONDS,
    });
    valueOf(await box.service.create(box.id, settings, true, null));
    const rows = new WrittenRows(box);
    await rows.#quiet();
    return rows;
  }

  /** The rows that one poll writes, which must bring `expected` new messages. */
  async poll(expected: number): Promise<number> {
    for (let rung = 0; rung < MOST_RINGS; rung++) {
      const before = { rows: this.#rows(), messages: this.#messages(), alarms: this.#box.alarmWrites(), at: await this.#checkedAt() };
      await this.#box.ring();
      // The alarm may ring for what is left to index; that is no poll.
      if ((await this.#checkedAt()) === before.at) continue;
      const came = this.#messages() - before.messages;
      if (came !== expected) throw new Error(`brought ${came} messages, not ${expected}`);
      return this.#rows() - before.rows + this.#box.alarmWrites() - before.alarms;
    }
    throw new Error('the alarm rings, and the server is not asked');
  }

  /** Rings until the newest messages are indexed, and once more: the first poll after that has nothing left to note. */
  async #quiet(): Promise<void> {
    for (let rung = 0; rung < MOST_RINGS; rung++) {
      // The first listing too is the alarm's, which has the time that a request has not.
      const { indexing, sync } = valueOf(await this.#box.service.account(OPERATOR));
      if (sync.checkedAt !== null && indexing.done === indexing.of) {
        await this.#box.ring();
        return;
      }
      await this.#box.ring();
    }
    throw new Error('the newest messages were not indexed');
  }

  async #checkedAt(): Promise<string | null> {
    return valueOf(await this.#box.service.account(OPERATOR)).sync.checkedAt;
  }

  #rows(): number {
    return this.#box.sql.exec<{ n: number }>('SELECT total_changes() AS n')[0]?.n ?? 0;
  }

  #messages(): number {
    return this.#box.sql.exec<{ n: number }>('SELECT count(*) AS n FROM messages')[0]?.n ?? 0;
  }
}
