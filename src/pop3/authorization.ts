/**
 * The AUTHORIZATION state of a session (RFC 1939 §4): which login is made, and what goes with it. Commands go out behind
 * the login, in one flight, where the server takes that; elsewhere they wait for its answer. The first refusal decides, and
 * nothing is tried after it.
 */
import type { Capabilities } from './capabilities.ts';
import { capa, stat, type Command } from './command.ts';
import type { Conversation } from './conversation.ts';
import { chooseLogin, type Credentials, type Login, type Method } from './credentials.ts';
import { Pop3Error } from './error.ts';
import type { Knowledge } from './knowledge.ts';
import { accept, allButLast, endsInFlight, flightOf, logIn } from './login.ts';
import type { LoginTrial } from './login-trial.ts';
import type { Pipeline } from './pipeline.ts';
import { encodeBase64 } from './sasl/base64.ts';
import type { Endpoint } from './sasl/oauthbearer.ts';

/** Who logs in, by which method. */
export interface LoginOptions {
  readonly credentials: Credentials;
  readonly method: Method;
  /** Fresh random octets. */
  readonly random: (count: number) => Uint8Array;
  /** Where the channel leads, for mechanisms that say so. */
  readonly endpoint?: Endpoint;
}

/** What it speaks and decides by. */
interface Parts {
  readonly conversation: Conversation;
  readonly pipeline: Pipeline;
  readonly trial: LoginTrial;
  readonly knowledge: Knowledge;
  /** Told at once when the server has accepted the login. */
  readonly onLogin: () => void;
}

/** Octets of a SCRAM nonce: 24 characters. */
const NONCE_OCTETS = 18;

export class Authorization {
  readonly #parts: Parts;
  readonly #options: LoginOptions;
  #loggedIn = false;
  /** The id of the greeting, for APOP. */
  apopId: string | null = null;

  constructor(parts: Parts, options: LoginOptions) {
    this.#parts = parts;
    this.#options = options;
    const { password, accessToken } = options.credentials;
    for (const secret of [password, accessToken]) if (secret !== null) parts.conversation.secrets.add(secret);
  }

  get loggedIn(): boolean {
    return this.#loggedIn;
  }

  /** Logs in if need be, and puts `commands` under way, with the login where that goes. Throws what ends the session. */
  async begin(commands: Iterable<Command> | null, most?: () => number): Promise<void> {
    const { knowledge, pipeline } = this.#parts;
    const login = this.#loggedIn ? null : await this.#choose();
    const again = commands !== null && knowledge.asksAgain ? [capa()] : [];
    const rest = inTurn(again, commands ?? []);
    if (login && commands !== null && this.#follows(login)) await this.#enterWith(login, rest, most);
    else {
      if (login) await this.#enterAlone(login);
      pipeline.feed(rest, most);
    }
    if (again.length > 0) await knowledge.settle();
  }

  /** Whether commands are written behind `login` before it is answered; a trial of that begins with it, where it is one. */
  #follows(login: Login): boolean {
    const { conversation, knowledge, pipeline, trial } = this.#parts;
    const { wide, verdict } = pipeline;
    return wide && verdict !== 'suspect' && !conversation.clear && endsInFlight(login) && trial.begin(knowledge.capabilities);
  }

  async #enterAlone(login: Login): Promise<void> {
    const { conversation, pipeline } = this.#parts;
    const flight = pipeline.wide && !conversation.clear ? flightOf(login) : null;
    await this.#refusable(async () => {
      // One command alone gains nothing, and a server may take it for the beginning of an exchange.
      if (!flight || flight.length < 2) return logIn(conversation, login);
      pipeline.feed(flight.values());
      await this.#accept(flight.length);
    });
    this.#entered();
  }

  /** Logs in with `commands` behind what is last written for it. Where that is a trial, STAT is the first of them. */
  async #enterWith(login: Login, commands: Generator<Command, void, void>, most?: () => number): Promise<void> {
    const { conversation, knowledge, pipeline, trial } = this.#parts;
    const last = await this.#refusable(() => allButLast(conversation, login));
    const first = trial.trying ? commands.next() : null;
    const asked = first === null || first.value?.verb === 'STAT' ? [] : [stat()];
    pipeline.feed(inTurn(last, asked, first?.value ? [first.value] : [], commands), most);
    await this.#refusable(() => this.#accept(last.length));
    this.#entered();
    const answer = asked.length > 0 ? await pipeline.next() : null;
    if (answer?.status.ok === false) throw new Pop3Error(knowledge.refusal(answer));
  }

  #entered(): void {
    this.#loggedIn = true;
    this.#parts.onLogin();
  }

  /** Reads the answers to a login that was written together with what comes after it. The first refusal decides. */
  async #accept(count: number): Promise<void> {
    const { conversation, pipeline } = this.#parts;
    for (let left = count; left > 0; left--) {
      const answer = await pipeline.next();
      if (answer) accept(answer.command, answer.status, conversation.secrets);
    }
  }

  async #refusable<T>(login: () => Promise<T>): Promise<T> {
    try {
      return await login();
    } catch (error) {
      throw error instanceof Pop3Error ? new Pop3Error(this.#parts.knowledge.withDelay(error.failure)) : error;
    }
  }

  /** The login to make, by what the server announced; what is only remembered is not enough to give up. */
  async #choose(): Promise<Login> {
    const { knowledge } = this.#parts;
    const remembered = knowledge.asked;
    if (!remembered) await knowledge.learn();
    const { capabilities } = knowledge;
    try {
      return this.#loginFor(capabilities);
    } catch (error) {
      if (!remembered || capabilities === null) throw error;
    }
    await knowledge.learn();
    return this.#loginFor(knowledge.capabilities);
  }

  #loginFor(capabilities: Capabilities | null): Login {
    const { method, credentials, endpoint = null, random } = this.#options;
    const nonce = (): string => encodeBase64(random(NONCE_OCTETS));
    const encrypted = !this.#parts.conversation.clear;
    return chooseLogin({ method, credentials, endpoint, nonce, encrypted, capabilities, apopId: this.apopId });
  }
}

function* inTurn(...sources: readonly Iterable<Command>[]): Generator<Command, void, void> {
  for (const source of sources) yield* source;
}
