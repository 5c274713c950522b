/**
 * What a session knows of its server: what CAPA said (RFC 2449 §5), now, after login or to an earlier session. A server is
 * asked before the login unless that is remembered, and again after it only if something needed may be announced there.
 */
import { type Capabilities, mergeCapabilities, readCapabilities } from './capabilities.ts';
import { timedOut } from './channel.ts';
import { capa } from './command.ts';
import type { Conversation } from './conversation.ts';
import { Pop3Error, type Pop3Failure, quirkError } from './error.ts';
import type { LoginTrial } from './login-trial.ts';
import type { Answer, Pipeline } from './pipeline.ts';
import { pieces } from './reader.ts';
import type { Remembered } from './remembered.ts';
import { failureOf } from './reply.ts';

export class Knowledge {
  readonly #conversation: Conversation;
  readonly #pipeline: Pipeline;
  readonly #trial: LoginTrial;
  #capabilities: Capabilities | null = null;
  #asked = false;
  #settled: boolean;

  constructor(conversation: Conversation, pipeline: Pipeline, trial: LoginTrial, remembered: Remembered | null) {
    this.#conversation = conversation;
    this.#pipeline = pipeline;
    this.#trial = trial;
    this.#settled = remembered?.settled ?? false;
    if (remembered?.asked) this.#know(remembered.capabilities);
  }

  /** Null before the server was asked, and where it doesn't say. */
  get capabilities(): Capabilities | null {
    return this.#capabilities;
  }

  /** Whether `capabilities` is what the server says, if only to an earlier session. */
  get asked(): boolean {
    return this.#asked;
  }

  get remembered(): Remembered {
    const { verdict: behindLogin } = this.#trial;
    return {
      asked: this.#asked,
      capabilities: this.#capabilities,
      settled: this.#settled,
      pipelining: this.#pipeline.verdict,
      behindLogin,
    };
  }

  /** Whether something that is needed may be announced after login only. */
  get asksAgain(): boolean {
    const known = this.#capabilities;
    if (known === null || this.#settled) return false;
    return !known.top || !known.uidl || (this.#pipeline.verdict === 'unknown' && !known.pipelining);
  }

  /** What a negative answer stands for, without any text that repeats a secret. */
  refusal({ command, status }: Answer): Pop3Failure {
    return this.withDelay(failureOf(status, command.phase, this.#conversation.secrets));
  }

  /** Adds the announced wait to a refusal that names none. */
  withDelay(failure: Pop3Failure): Pop3Failure {
    if (failure.kind !== 'login_delay' || failure.seconds !== null) return failure;
    return { ...failure, seconds: this.#capabilities?.loginDelaySeconds || null };
  }

  /** Asks the server and keeps what it says. */
  async learn(): Promise<void> {
    this.#know(await this.ask());
  }

  /** What the server announces now, or null if it doesn't know the command; not kept. */
  async ask(): Promise<Capabilities | null> {
    const { data } = await this.#conversation.ask(capa()).catch((error: unknown) => this.#withoutCapa(error));
    return data && readCapabilities(pieces(() => this.#conversation.read(data, 'capabilities')));
  }

  /** Reads the answer to the CAPA that went out behind the login. */
  async settle(): Promise<void> {
    const answer = await this.#pipeline.next().catch((error: unknown) => this.#withoutCapa(error));
    this.#settled = true;
    const data = answer?.data;
    if (!data || !this.#capabilities) return;
    const after = await readCapabilities(pieces(() => this.#pipeline.read(data, 'capabilities')));
    this.#know(mergeCapabilities(this.#capabilities, after));
  }

  #know(capabilities: Capabilities | null): void {
    const { secrets } = this.#conversation;
    this.#asked = true;
    // The names are shown to people, and anything may stand among them.
    this.#capabilities = capabilities && { ...capabilities, names: capabilities.names.filter((name) => !secrets.repeatedIn(name)) };
    this.#pipeline.announced(capabilities?.pipelining ?? false);
  }

  /** Throws what a broken CAPA comes to: the next session goes without it, unless the server was only slow or garbled. */
  #withoutCapa(error: unknown): never {
    const brokeOff = error instanceof Pop3Error ? error.failure.kind === 'closed' : !timedOut(error);
    if (!brokeOff) throw error;
    this.#asked = true;
    this.#settled = true;
    throw quirkError('capabilities', 'capa');
  }
}
