/**
 * Commands out, replies in, over one channel, replies strictly in the order of their commands (RFC 1939 §3, RFC 2449 §6.6).
 * Before a command is written while no reply is due, nothing unread may have come: whoever can slip octets in ahead of an
 * answer would otherwise forge it (CVE-2021-22947). Writing never stops reading, since a server may stop reading while its
 * output waits for us. Any error here is final: the channel is closed and stays closed. What was written that no text may
 * repeat is noted, and no error carries it.
 */
import { POP3 } from '../limits.ts';
import type { Channel, Patience, Phase } from './channel.ts';
import type { Command } from './command.ts';
import { closedError, Pop3Error, protocolError } from './error.ts';
import { ReplyReader, type DataReader } from './reader.ts';
import { parseStatus, type Status } from './reply.ts';
import { Secrets } from './secrets.ts';

export interface Counters {
  /** Writes that were made while no reply was due: each costs a round trip. */
  readonly flights: number;
  readonly commands: Record<string, number>;
  readonly octetsIn: number;
  readonly octetsOut: number;
}

export class Conversation {
  /** What no text of this server's may repeat: what was written, and what the caller adds. */
  readonly secrets = new Secrets();
  readonly #channel: Channel;
  readonly #commands: Record<string, number> = {};
  #reader: ReplyReader;
  #clear: boolean;
  #open = true;
  #flights = 0;
  /** Status lines that are still to come. */
  #due = 0;
  /** Fulfilled when the server has taken all that was written, or some of it failed. */
  #writing: Promise<void> = Promise.resolve();
  #writeError: { readonly error: unknown } | null = null;

  /** `clear`: the channel isn't encrypted (yet), so that anyone on the way can put octets into it. */
  constructor(channel: Channel, clear: boolean) {
    this.#channel = channel;
    this.#reader = new ReplyReader(channel);
    this.#clear = clear;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Whether what is written now can be read on the way. */
  get clear(): boolean {
    return this.#clear;
  }

  /** Whether commands may be written: the channel is open, and nothing unread has come that no command asked for. */
  get clean(): boolean {
    return this.#open && (this.#due > 0 || this.#reader.buffered === 0);
  }

  /** Whether octets have come that belong to no command, though no reply is due. */
  get surplus(): boolean {
    if (!this.#open || this.#due > 0) return false;
    this.#forgive();
    return this.#reader.buffered > 0;
  }

  get counters(): Counters {
    const { octetsIn, octetsOut } = this.#channel;
    return { flights: this.#flights, commands: this.#commands, octetsIn, octetsOut };
  }

  async greeting(): Promise<Status> {
    return this.#orClose('greeting', async () => parseStatus(await this.#reader.status('greeting', 'greeting'), 'greeting'));
  }

  /**
   * Begins to write commands, all at once, behind what is still being written, and doesn't wait for that. An error of
   * writing is thrown by the next read. Throws `protocol` if something unread has come that no command asked for.
   */
  post(commands: readonly Command[]): void {
    const phase = commands[0]?.phase ?? 'noop';
    if (!this.#open) throw closedError(phase);
    if (this.#due === 0) this.#begin(phase);
    this.#due += commands.length;
    for (const command of commands) this.#count(command);
    this.#write(phase, joined(commands));
  }

  /** Reads the reply to a command that was posted, in order; `data` is null where none follows. */
  async receive(command: Command, patience: Patience = 'reply'): Promise<{ status: Status; data: DataReader | null }> {
    return this.#orClose(command.phase, async () => {
      const status = parseStatus(await this.#reader.status(command.phase, patience), command.phase);
      this.#due--;
      return { status, data: status.ok && command.multiline ? this.#reader.data(command) : null };
    });
  }

  /** Writes a command and reads its reply. */
  async ask(command: Command): Promise<{ status: Status; data: DataReader | null }> {
    await this.written();
    this.post([command]);
    return this.receive(command);
  }

  /** Writes a line of a SASL exchange and reads the line that answers it: a status or a challenge. */
  async exchange(line: Command | Uint8Array): Promise<Uint8Array> {
    await this.tell(line);
    return this.#orClose('login', () => this.#reader.status('login', 'reply', POP3.saslChallenge));
  }

  /** Writes a line of a SASL exchange that no answer is waited for. */
  async tell(line: Command | Uint8Array): Promise<void> {
    await this.written();
    if (!this.#open) throw closedError('login');
    this.#begin('login');
    if (line instanceof Uint8Array) this.#hide(line);
    else this.#count(line);
    this.#write('login', line instanceof Uint8Array ? line : line.octets);
    await this.written();
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
    await this.written();
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

  /** A new flight: nothing may have come that belongs to no command. */
  #begin(phase: Phase): void {
    this.#forgive();
    if (this.#reader.buffered > 0) {
      this.close();
      throw protocolError(phase, 'octets that nobody asked for');
    }
    this.#flights++;
  }

  /** Some servers send blank lines between replies. On a clear channel not even those are let pass. */
  #forgive(): void {
    if (!this.#clear) this.#reader.skipBlankLines();
  }

  #count({ verb, octets, secret }: Command): void {
    if (secret !== null) this.secrets.add(secret);
    // The empty line that ends a SASL exchange is no command of its own.
    if (octets.length > 2) this.#commands[verb] = (this.#commands[verb] ?? 0) + 1;
  }

  /** A response, in base64. An empty one and a cancelled exchange tell nothing. */
  #hide(line: Uint8Array): void {
    if (line.length >= SHORTEST_RESPONSE) this.secrets.add(new TextDecoder('latin1').decode(line.subarray(0, -2)));
  }

  #write(phase: Phase, octets: Uint8Array): void {
    this.#writing = this.#finish(this.#writing, this.#channel.write(phase, octets));
  }

  async #finish(earlier: Promise<void>, write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      this.#writeError ??= { error };
      this.close();
    }
    await earlier;
  }

  /** Waits until the server has taken what was written last, or throws why not. */
  async written(): Promise<void> {
    await this.#writing;
    if (this.#writeError) throw this.#writeError.error;
  }

  /** The error without the server's text, where that repeats a secret. */
  #discreet(error: unknown): unknown {
    if (!(error instanceof Pop3Error) || error.failure.text === null || !this.secrets.repeatedIn(error.failure.text)) return error;
    return new Pop3Error({ ...error.failure, text: null });
  }

  async #orClose<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    if (!this.#open) throw this.#writeError?.error ?? closedError(phase);
    try {
      return await work();
    } catch (error) {
      this.close();
      throw this.#writeError ? this.#writeError.error : this.#discreet(error);
    }
  }
}

/** One group of base64 and CRLF. */
const SHORTEST_RESPONSE = 6;

function joined(commands: readonly Command[]): Uint8Array {
  const octets = new Uint8Array(commands.reduce((sum, command) => sum + command.octets.length, 0));
  let at = 0;
  for (const command of commands) {
    octets.set(command.octets, at);
    at += command.octets.length;
  }
  return octets;
}
