/**
 * One POP3 session: greeting, TLS where it is asked for, login, commands, QUIT (RFC 1939 §3, RFC 2595 §4).
 * The login is lazy: it goes out with the first commands, in one flight where the server takes that. Replies come strictly
 * in order; a negative one is a value, while an error of protocol or channel throws and ends the session. A reply's data may
 * be skipped. Whoever leaves in the middle of one ends the session, between two it stays usable.
 */
import { apopId } from './apop.ts';
import type { Capabilities } from './capabilities.ts';
import type { Channel } from './channel.ts';
import { capa, quit, stat, stls, type Command } from './command.ts';
import { Conversation, type Counters } from './conversation.ts';
import { chooseLogin, type Credentials, type Login, type Method } from './credentials.ts';
import { Pop3Error, unsupportedError, type Pop3Failure } from './error.ts';
import { Knowledge, pieces } from './knowledge.ts';
import { accept, allButLast, flightOf, logIn } from './login.ts';
import { LoginTrial } from './login-trial.ts';
import { Pipeline, type Answer } from './pipeline.ts';
import type { Remembered } from './remembered.ts';
import { failureOf, type Status } from './reply.ts';
import { encodeBase64 } from './sasl/base64.ts';
import type { Endpoint } from './sasl/oauthbearer.ts';
import { withoutSecondStatus } from './top.ts';

export type { Status } from './reply.ts';

export interface SessionOptions {
  readonly security: 'tls' | 'starttls' | 'none';
  readonly credentials: Credentials;
  readonly method: Method;
  /** What an earlier session with this server, over the same kind of channel, has learned; null if there was none. */
  readonly remembered: Remembered | null;
  /** Fresh random octets. */
  readonly random: (count: number) => Uint8Array;
  /** Where the channel leads, for mechanisms that say so. */
  readonly endpoint?: Endpoint;
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

/** Octets of a SCRAM nonce: 24 characters. */
const NONCE_OCTETS = 18;

export class Session {
  readonly #conversation: Conversation;
  readonly #options: SessionOptions;
  readonly #trial: LoginTrial;
  readonly #pipeline: Pipeline;
  readonly #knowledge: Knowledge;
  #greeting = '';
  #apopId: string | null = null;
  #loggedIn = false;
  #busy = false;

  private constructor(conversation: Conversation, options: SessionOptions) {
    const { remembered, credentials } = options;
    this.#conversation = conversation;
    for (const secret of [credentials.password, credentials.accessToken]) if (secret !== null) conversation.secrets.add(secret);
    this.#options = options;
    this.#trial = new LoginTrial(remembered?.behindLogin ?? 'unknown');
    this.#pipeline = new Pipeline(conversation, remembered?.pipelining ?? 'unknown', this.#trial);
    this.#knowledge = new Knowledge(conversation, this.#pipeline, this.#trial, remembered);
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
      session.#apopId = apopId(greeting.octets);
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
    return this.#loggedIn;
  }

  /** Whether commands can still be sent. */
  get usable(): boolean {
    return this.#conversation.open;
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
      await this.#begin(null);
    } finally {
      await this.#pipeline.leave();
      release();
    }
  }

  /**
   * Sends `commands`, as many at once as the server takes and `most` allows, after logging in if need be, and yields their replies in order.
   * Commands are drawn just before they are written. Behind the answer to a QUIT among them the session is over.
   * Throws `Pop3Error` (protocol, closed, a refused login) or the channel's error; the session is over then.
   */
  async *run(commands: Iterable<Command>, most?: number): AsyncGenerator<Reply, void, void> {
    const release = this.#claim();
    try {
      await this.#begin(commands, most);
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
    this.#apopId = null;
  }

  /** Logs in if need be, and puts `commands` under way, with the login where that goes. */
  async #begin(commands: Iterable<Command> | null, most?: number): Promise<void> {
    await this.#orClose(async () => {
      const login = this.#loggedIn ? null : await this.#choose();
      const again = commands !== null && this.#knowledge.asksAgain ? [capa()] : [];
      const rest = inTurn(again, commands ?? []);
      const together = login !== null && commands !== null && this.#mayFollow;
      if (login && together) await this.#enterWith(login, rest, most);
      else {
        if (login) await this.#enterAlone(login);
        this.#pipeline.feed(rest, most);
      }
      if (again.length > 0) await this.#knowledge.settle();
    });
  }

  /** Whether the login that begins may be followed by commands before it is answered. */
  get #mayFollow(): boolean {
    const { wide, verdict } = this.#pipeline;
    return wide && verdict !== 'suspect' && !this.#conversation.clear && this.#trial.begin(this.capabilities);
  }

  async #enterAlone(login: Login): Promise<void> {
    const flight = this.#pipeline.wide && !this.#conversation.clear ? flightOf(login) : null;
    await this.#refusable(async () => {
      // One command alone gains nothing, and a server may take it for the beginning of an exchange.
      if (!flight || flight.length < 2) return logIn(this.#conversation, login);
      this.#pipeline.feed(flight.values());
      await this.#accept(flight.length);
    });
    this.#entered();
  }

  /** Logs in with `commands` behind what is last written for it. Where that is a trial, STAT is the first of them. */
  async #enterWith(login: Login, commands: Generator<Command, void, void>, most?: number): Promise<void> {
    const last = await this.#refusable(() => allButLast(this.#conversation, login));
    const first = this.#trial.trying ? commands.next() : null;
    const asked = first === null || first.value?.verb === 'STAT' ? [] : [stat()];
    this.#pipeline.feed(inTurn(last, asked, first?.value ? [first.value] : [], commands), most);
    await this.#refusable(() => this.#accept(last.length));
    this.#entered();
    const answer = asked.length > 0 ? await this.#pipeline.next() : null;
    if (answer?.status.ok === false) throw new Pop3Error(this.#refusal(answer));
  }

  #entered(): void {
    this.#loggedIn = true;
    this.#options.onLogin?.(this);
  }

  /** Reads the answers to a login that was written together with what comes after it. The first refusal decides. */
  async #accept(count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      const answer = await this.#pipeline.next();
      if (answer) accept(answer.command, answer.status, this.#conversation.secrets);
    }
  }

  async #refusable<T>(login: () => Promise<T>): Promise<T> {
    try {
      return await login();
    } catch (error) {
      throw error instanceof Pop3Error ? new Pop3Error(this.#withDelay(error.failure)) : error;
    }
  }

  /** The login to make, by what the server announced; what is only remembered is not enough to give up. */
  async #choose(): Promise<Login> {
    const remembered = this.#knowledge.asked;
    if (!remembered) await this.#knowledge.learn();
    const { method, credentials, endpoint = null, random } = this.#options;
    const nonce = (): string => encodeBase64(random(NONCE_OCTETS));
    const encrypted = !this.#conversation.clear;
    const choose = (): Login =>
      chooseLogin({ method, credentials, endpoint, nonce, encrypted, capabilities: this.capabilities, apopId: this.#apopId });
    try {
      return choose();
    } catch (error) {
      if (!remembered || this.capabilities === null) throw error;
    }
    await this.#knowledge.learn();
    return choose();
  }

  #reply(answer: Answer): Reply {
    const { command, status } = answer;
    const { text, octets } = status;
    const body = this.#body(answer);
    if (status.ok) return { command, text, octets, body, ok: true, failure: null };
    return { command, text, octets, body, ok: false, failure: this.#refusal(answer) };
  }

  /** What a negative answer stands for, without any text that repeats a secret. */
  #refusal({ command, status }: Answer): Pop3Failure {
    return this.#withDelay(failureOf(status, command.phase, this.#conversation.secrets));
  }

  #body({ command, data }: Answer): AsyncGenerator<Uint8Array, void, void> {
    const body = pieces(() => (data ? this.#pipeline.read(data, command.phase) : Promise.resolve(null)));
    return command.verb === 'TOP' ? withoutSecondStatus(body) : body;
  }

  /** Adds the announced wait to a refusal that names none. */
  #withDelay(failure: Pop3Failure): Pop3Failure {
    if (failure.kind !== 'login_delay' || failure.seconds !== null) return failure;
    return { ...failure, seconds: this.capabilities?.loginDelaySeconds || null };
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

function* inTurn(...sources: readonly Iterable<Command>[]): Generator<Command, void, void> {
  for (const source of sources) yield* source;
}
