/**
 * One POP3 session: greeting, TLS where it is asked for, login, commands, QUIT (RFC 1939 §3, RFC 2595 §4).
 * The login is lazy: it goes out with the first commands, in one flight where the server takes that. Replies come strictly
 * in order; a negative one is a value, while an error of protocol or channel throws and ends the session. A reply's data may
 * be skipped. Whoever leaves in the middle of one ends the session, between two it stays usable.
 */
import { apopId } from './apop.ts';
import { Authorization, type LoginOptions } from './authorization.ts';
import type { Capabilities } from './capabilities.ts';
import type { Channel } from './channel.ts';
import { quit, stls, type Command } from './command.ts';
import { Conversation, type Counters } from './conversation.ts';
import { Pop3Error, unsupportedError, type Pop3Failure } from './error.ts';
import { Knowledge } from './knowledge.ts';
import { LoginTrial } from './login-trial.ts';
import { Pipeline, type Answer } from './pipeline.ts';
import { pieces } from './reader.ts';
import type { Remembered } from './remembered.ts';
import { failureOf, type Status } from './reply.ts';
import { withoutSecondStatus } from './top.ts';

export interface SessionOptions extends LoginOptions {
  readonly security: 'tls' | 'starttls' | 'none';
  /** What an earlier session with this server, over the same kind of channel, has learned; null if there was none. */
  readonly remembered: Remembered | null;
  /** Told at once when the server has accepted the login. */
  readonly onLogin?: (session: Session) => void;
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
  readonly #pipeline: Pipeline;
  readonly #knowledge: Knowledge;
  readonly #authorization: Authorization;
  #greeting = '';
  #busy = false;

  private constructor(conversation: Conversation, options: SessionOptions) {
    const { remembered } = options;
    const trial = new LoginTrial(remembered?.behindLogin ?? 'unknown');
    const pipeline = new Pipeline(conversation, remembered?.pipelining ?? 'unknown', trial);
    const knowledge = new Knowledge(conversation, pipeline, trial, remembered);
    const onLogin = (): void => options.onLogin?.(this);
    this.#conversation = conversation;
    this.#options = options;
    this.#pipeline = pipeline;
    this.#knowledge = knowledge;
    this.#authorization = new Authorization({ conversation, pipeline, trial, knowledge, onLogin }, options);
  }

  /**
   * Takes over an open channel: reads the greeting and, for `starttls`, turns it into TLS. No credential is sent.
   * Throws `Pop3Error` or the channel's error, with the channel closed.
   */
  static async open(channel: Channel, options: SessionOptions): Promise<Session> {
    const session = new Session(new Conversation(channel, options.security !== 'tls'), options);
    return session.#orClose(async () => {
      const greeting = await session.#conversation.greeting();
      if (!greeting.ok) throw new Pop3Error(failureOf(greeting, 'greeting', session.#conversation.secrets));
      session.#greeting = greeting.text;
      session.#authorization.apopId = apopId(greeting.octets);
      if (options.security === 'starttls') await session.#startTls();
      return session;
    });
  }

  /** What the server announced, now or to an earlier session; null before it was asked and where it doesn't say. */
  get capabilities(): Capabilities | null {
    return this.#knowledge.capabilities;
  }

  /** What the next session with this server should be given. */
  get remembered(): Remembered {
    return this.#knowledge.remembered;
  }

  /** The greeting's text, cleaned and cut; empty after STLS, which makes everything before it worthless. */
  get greeting(): string {
    return this.#greeting;
  }

  get loggedIn(): boolean {
    return this.#authorization.loggedIn;
  }

  /** Whether commands can still be sent. */
  get usable(): boolean {
    return this.#conversation.open;
  }

  /** Whether what the last series has brought may be other messages': among pipelined commands a reply was missing, or one too many. */
  get mixedUp(): boolean {
    return this.#pipeline.mixedUp;
  }

  get counters(): Counters {
    return this.#conversation.counters;
  }

  /** What the server announces before the login; it is asked unless that is known. Throws what ends the session. */
  async announced(): Promise<Capabilities | null> {
    const release = this.#claim();
    try {
      if (!this.#knowledge.asked) await this.#orClose(() => this.#knowledge.learn());
      return this.capabilities;
    } finally {
      release();
    }
  }

  /** Logs in, unless that is done. Throws why not; the session is over then. */
  async ready(): Promise<void> {
    const release = this.#claim();
    try {
      await this.#orClose(() => this.#authorization.begin(null));
    } finally {
      await this.#pipeline.leave();
      release();
    }
  }

  /**
   * Sends `commands`, as many at once as the server takes and `most` allows at the time, after logging in if need be, and yields their replies in order.
   * Commands are drawn just before they are written. Behind the answer to a QUIT among them the session is over.
   * Throws `Pop3Error` (protocol, closed, a refused login) or the channel's error; the session is over then.
   */
  async *run(commands: Iterable<Command>, most?: () => number): AsyncGenerator<Reply, void, void> {
    const release = this.#claim();
    try {
      await this.#orClose(() => this.#authorization.begin(commands, most));
      for (let answer = await this.#pipeline.next(); answer; answer = await this.#pipeline.next()) {
        if (answer.command.verb === 'QUIT') this.close();
        yield this.#reply(answer);
        if (answer.command.verb === 'QUIT') return;
      }
    } finally {
      await this.#pipeline.leave();
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
    // A server that was remembered has been through this; whether it still has STLS is seen from its answer.
    const offered = this.#options.remembered?.asked ? null : await this.#knowledge.ask();
    if (offered && !offered.stls) throw unsupportedError('tls', 'The server does not offer STLS.');
    const { status } = await this.#conversation.ask(stls());
    if (!status.ok) throw new Pop3Error(failureOf(status, 'tls', this.#conversation.secrets));
    await this.#conversation.startTls();
    this.#greeting = '';
    this.#authorization.apopId = null;
  }

  #reply(answer: Answer): Reply {
    const { command, status } = answer;
    const { text, octets } = status;
    const body = this.#body(answer);
    if (status.ok) return { command, text, octets, body, ok: true, failure: null };
    return { command, text, octets, body, ok: false, failure: this.#knowledge.refusal(answer) };
  }

  #body({ command, data }: Answer): AsyncGenerator<Uint8Array, void, void> {
    const body = pieces(() => (data ? this.#pipeline.read(data, command.phase) : Promise.resolve(null)));
    return command.verb === 'TOP' ? withoutSecondStatus(body) : body;
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
