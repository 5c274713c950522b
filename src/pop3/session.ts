/**
 * One POP3 session: greeting, TLS where it is asked for, login, commands, QUIT (RFC 1939 §3, RFC 2595 §4).
 * The login is lazy: it goes out with the first commands that need it. Replies come strictly in order; a negative one
 * is a value, while an error of protocol or channel throws and ends the session. A reply's data may be skipped; it is
 * drained before the next command. Whoever leaves in the middle of one ends the session, between two it stays usable.
 */
import { readCapabilities, type Capabilities } from './capabilities.ts';
import type { Channel } from './channel.ts';
import { capa, quit, stls, type Command } from './command.ts';
import { Conversation, type Counters } from './conversation.ts';
import { chooseLogin, type Credentials, type Method } from './credentials.ts';
import { Pop3Error, unsupportedError, type Pop3Failure } from './error.ts';
import { logIn } from './login.ts';
import type { DataReader } from './reader.ts';
import { failureOf, mentions, type Status } from './reply.ts';

export type { Status } from './reply.ts';

export interface SessionOptions {
  readonly security: 'tls' | 'starttls' | 'none';
  readonly credentials: Credentials;
  readonly method: Method;
}

/** The reply to one command. */
export type Reply = {
  readonly command: Command;
  /** What the server said, cleaned and cut. */
  readonly text: string;
  /** The status line as it came, without CRLF. */
  readonly octets: Uint8Array;
  /** The data after dot-unstuffing; each piece is valid until the next is asked for. Empty where none follows. */
  readonly body: AsyncIterable<Uint8Array>;
} & ({ readonly ok: true; readonly failure: null } | { readonly ok: false; readonly failure: Pop3Failure });

export class Session {
  readonly #conversation: Conversation;
  readonly #options: SessionOptions;
  #greeting = '';
  #capabilities: Capabilities | null = null;
  #asked = false;
  #loggedIn = false;
  #busy = false;

  private constructor(conversation: Conversation, options: SessionOptions) {
    this.#conversation = conversation;
    this.#options = options;
  }

  /**
   * Takes over an open channel: reads the greeting and, for `starttls`, turns it into TLS. No credential is sent.
   * Throws `Pop3Error` or the channel's error, with the channel closed.
   */
  static async open(channel: Channel, options: SessionOptions): Promise<Session> {
    const session = new Session(new Conversation(channel, options.security !== 'tls'), options);
    return session.#orClose(async () => {
      const greeting = await session.#conversation.greeting();
      if (!greeting.ok) throw new Pop3Error(failureOf(greeting, 'greeting'));
      session.#greeting = greeting.text;
      if (options.security === 'starttls') await session.#startTls();
      return session;
    });
  }

  /** What the server announced, or null before it was asked and where it doesn't say. */
  get capabilities(): Capabilities | null {
    return this.#capabilities;
  }

  /** The greeting's text, cleaned and cut; empty after STLS, which makes everything before it worthless. */
  get greeting(): string {
    return this.#greeting;
  }

  get loggedIn(): boolean {
    return this.#loggedIn;
  }

  /** Whether commands can still be sent. */
  get usable(): boolean {
    return this.#conversation.open;
  }

  get counters(): Counters {
    return this.#conversation.counters;
  }

  /** Logs in, unless that is done. Throws why not; the session is over then. */
  async ready(): Promise<void> {
    const release = this.#claim();
    try {
      await this.#login();
    } finally {
      release();
    }
  }

  /**
   * Sends `commands` one after another, after logging in if need be, and yields their replies in order.
   * Throws `Pop3Error` (protocol, closed, a refused login) or the channel's error; the session is over then.
   */
  async *run(commands: Iterable<Command>): AsyncGenerator<Reply, void, void> {
    const release = this.#claim();
    let current: DataReader | null = null;
    try {
      await this.#login();
      for (const command of commands) {
        const { status, data } = await this.#conversation.ask(command);
        current = data;
        yield this.#reply(command, status, data);
        if (data) await this.#conversation.drain(data, command.phase);
        current = null;
      }
    } finally {
      if (current && !current.ended) this.close();
      release();
    }
  }

  /** Sends QUIT, by which deletions are made, waits for its answer and closes. Throws if no answer comes. */
  async quit(): Promise<Status> {
    const release = this.#claim();
    try {
      return (await this.#conversation.ask(quit())).status;
    } finally {
      this.close();
      release();
    }
  }

  /** Ends the session at once, without QUIT. Safe to call twice. */
  close(): void {
    this.#conversation.close();
  }

  async #startTls(): Promise<void> {
    await this.#learn();
    if (this.#capabilities && !this.#capabilities.stls) throw unsupportedError('tls', 'The server does not offer STLS.');
    const { status } = await this.#conversation.ask(stls());
    if (!status.ok) throw new Pop3Error(failureOf(status, 'tls'));
    await this.#conversation.startTls();
    this.#greeting = '';
    this.#capabilities = null;
    this.#asked = false;
  }

  async #login(): Promise<void> {
    if (this.#loggedIn) return;
    await this.#orClose(async () => {
      await this.#learn();
      const { method, credentials } = this.#options;
      try {
        await logIn(this.#conversation, chooseLogin(method, credentials, this.#capabilities));
      } catch (error) {
        throw error instanceof Pop3Error ? new Pop3Error(this.#withDelay(error.failure)) : error;
      }
      this.#loggedIn = true;
    });
  }

  /** Asks for the capabilities, once. A server that doesn't know the command is asked nothing further. */
  async #learn(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    const command = capa();
    const { data } = await this.#conversation.ask(command);
    if (data) this.#capabilities = await readCapabilities(this.#body(command, data));
  }

  #reply(command: Command, status: Status, data: DataReader | null): Reply {
    const { text, octets } = status;
    const body = data ? this.#body(command, data) : nothing();
    if (status.ok) return { command, text, octets, body, ok: true, failure: null };
    const { password, accessToken } = this.#options.credentials;
    const failure = this.#withDelay(failureOf(status, command.phase));
    const safe = mentions(status, [password, accessToken]) ? { ...failure, text: null } : failure;
    return { command, text, octets, body, ok: false, failure: safe };
  }

  async *#body(command: Command, data: DataReader): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const octets = await this.#conversation.read(data, command.phase);
      if (octets === null) return;
      yield octets;
    }
  }

  /** Adds the announced wait to a refusal that names none. */
  #withDelay(failure: Pop3Failure): Pop3Failure {
    if (failure.kind !== 'login_delay' || failure.seconds !== null) return failure;
    return { ...failure, seconds: this.#capabilities?.loginDelaySeconds || null };
  }

  /** Only one caller may use the session at a time; anything else is a mistake of ours. */
  #claim(): () => void {
    if (this.#busy) throw new Error('This session is already in use.');
    this.#busy = true;
    return () => {
      this.#busy = false;
    };
  }

  async #orClose<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.close();
      throw error;
    }
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}
