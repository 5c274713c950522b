/**
 * Commands out, replies in, strictly in turn, over one channel (RFC 1939 §3).
 * Before a command is written nothing unread may have come: whoever can slip octets in ahead of an answer would
 * otherwise forge it (CVE-2021-22947). Any error here is final: the channel is closed and stays closed.
 */
import { POP3 } from '../limits.ts';
import type { Channel, Phase } from './channel.ts';
import type { Command } from './command.ts';
import { closedError, protocolError } from './error.ts';
import { ReplyReader, type DataReader } from './reader.ts';
import { parseStatus, type Status } from './reply.ts';

export interface Counters {
  /** Writes that were followed by waiting for their answer. */
  readonly flights: number;
  readonly commands: Record<string, number>;
  readonly octetsIn: number;
  readonly octetsOut: number;
}

export class Conversation {
  readonly #channel: Channel;
  readonly #commands: Record<string, number> = {};
  #reader: ReplyReader;
  #clear: boolean;
  #open = true;
  #flights = 0;

  /** `clear`: the channel isn't encrypted (yet), so that anyone on the way can put octets into it. */
  constructor(channel: Channel, clear: boolean) {
    this.#channel = channel;
    this.#reader = new ReplyReader(channel);
    this.#clear = clear;
  }

  get open(): boolean {
    return this.#open;
  }

  get counters(): Counters {
    const { octetsIn, octetsOut } = this.#channel;
    return { flights: this.#flights, commands: this.#commands, octetsIn, octetsOut };
  }

  async greeting(): Promise<Status> {
    return this.#orClose('greeting', async () => parseStatus(await this.#reader.status('greeting', 'greeting'), 'greeting'));
  }

  /** Writes a command and reads its reply; `data` is null where none follows. */
  async ask(command: Command): Promise<{ status: Status; data: DataReader | null }> {
    return this.#orClose(command.phase, async () => {
      this.#flights++;
      await this.#write(command);
      const status = parseStatus(await this.#reader.status(command.phase, 'reply'), command.phase);
      return { status, data: status.ok && command.multiline ? this.#reader.data(command) : null };
    });
  }

  /** Writes a line of a SASL exchange and reads the line that answers it: a status or a challenge. */
  async exchange(line: Command | Uint8Array): Promise<Uint8Array> {
    return this.#orClose('login', async () => {
      this.#flights++;
      await this.#write(line);
      return this.#reader.status('login', 'reply', POP3.saslChallenge);
    });
  }

  /** Writes a line that no answer is waited for. */
  async tell(line: Uint8Array): Promise<void> {
    return this.#orClose('login', () => this.#write(line));
  }

  /** The next octets of a reply's data, or null at its end. */
  async read(data: DataReader, phase: Phase): Promise<Uint8Array | null> {
    return this.#orClose(phase, () => data.read());
  }

  /** Takes the rest of a reply's data without delivering it. */
  async drain(data: DataReader, phase: Phase): Promise<void> {
    if (!data.ended) await this.#orClose(phase, () => data.drain());
  }

  /** Turns the channel into TLS. Nothing that came before it is kept (RFC 2595 §4). */
  async startTls(): Promise<void> {
    return this.#orClose('tls', async () => {
      if (this.#reader.buffered > 0) throw protocolError('tls', 'octets behind the answer to STLS');
      await this.#channel.startTls();
      this.#reader = new ReplyReader(this.#channel);
      this.#clear = false;
    });
  }

  close(): void {
    this.#open = false;
    this.#channel.close();
  }

  async #write(line: Command | Uint8Array): Promise<void> {
    const phase = line instanceof Uint8Array ? 'login' : line.phase;
    // Some servers send blank lines between replies. On a clear channel not even those are let pass.
    if (!this.#clear) this.#reader.skipBlankLines();
    if (this.#reader.buffered > 0) throw protocolError(phase, 'octets that nobody asked for');
    if (line instanceof Uint8Array) return this.#channel.write(phase, line);
    this.#commands[line.verb] = (this.#commands[line.verb] ?? 0) + 1;
    return this.#channel.write(phase, line.octets);
  }

  async #orClose<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    if (!this.#open) throw closedError(phase);
    try {
      return await work();
    } catch (error) {
      this.close();
      throw error;
    }
  }
}
