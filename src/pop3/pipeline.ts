/**
 * Commands to a server, several at once where it can take that (RFC 2449 §6.6), and their replies in order. A window bounds
 * commands, their octets and about what their replies bring; whole commands are written, and reading never waits for
 * writing. Without leave to pipeline the window is one command: the next is drawn once the last reply was taken.
 *
 * Some servers announce pipelining and break at it: they drop the line, throw commands away or mix replies up. As long as
 * this one hasn't shown that it can, any break among pipelined commands is taken for that.
 */
import { PIPELINE } from '../limits.ts';
import { timedOut, type Phase } from './channel.ts';
import type { Command } from './command.ts';
import type { Conversation } from './conversation.ts';
import { Pop3Error, quirkError } from './error.ts';
import { LoginTrial } from './login-trial.ts';
import type { DataReader } from './reader.ts';
import type { Remembered } from './remembered.ts';
import type { Status } from './reply.ts';
import { Window } from './window.ts';

export interface Answer {
  readonly command: Command;
  readonly status: Status;
  /** What follows a positive status, to be read by `read` before the next answer is asked for; it may be left. */
  readonly data: DataReader | null;
}

interface Due {
  readonly command: Command;
  /** Written while an earlier command had no reply yet. */
  readonly behind: boolean;
}

/** The part of the window that is still occupied when it is filled again. */
const REFILLED = 0.75;

export class Pipeline {
  readonly #conversation: Conversation;
  readonly #trial: LoginTrial;
  #verdict: Remembered['pipelining'];
  #announced = false;
  #source: Iterator<Command> = [].values();
  /** Commands that the series may have without a reply. */
  #most: () => number = allowed;
  /** Drawn from the source and not written yet: it didn't fit into the window. */
  #held: Command | null = null;
  #due: Due[] = [];
  /** What `#due` takes up. */
  #window = new Window();
  /** Whether a command that was written behind another has had its reply in this flight. */
  #proving = false;
  #current: { readonly command: Command; readonly data: DataReader } | null = null;
  /** Of the last answer. */
  #phase: Phase = 'noop';
  #mixedUp = false;

  constructor(conversation: Conversation, verdict: Remembered['pipelining'], trial = new LoginTrial('no')) {
    this.#conversation = conversation;
    this.#trial = trial;
    this.#verdict = verdict;
  }

  /**
   * Whether replies to pipelined commands may have been taken for one another's: one of them never came, or was none, or there was
   * one too many. A server that loses a reply, or the end of one, or ends one too early, is found out no earlier.
   */
  get mixedUp(): boolean {
    return this.#mixedUp;
  }

  /** What is known of this server's pipelining by now. */
  get verdict(): Remembered['pipelining'] {
    return this.#verdict;
  }

  /** Whether more than one command may be written at once. */
  get wide(): boolean {
    return this.#verdict === 'yes' || this.#verdict === 'suspect' || (this.#verdict === 'unknown' && this.#announced);
  }

  /** Notes whether the server announces pipelining, in whichever state. */
  announced(announced: boolean): void {
    this.#announced = announced;
  }

  /** Begins a series of commands, which are drawn as late as the window of at most `most()` allows. To be ended with `leave`. */
  feed(commands: Iterator<Command>, most: () => number = allowed): void {
    this.#source = commands;
    this.#most = most;
    this.#proving = false;
  }

  /** The next reply, or null after the last. What is left of the data before it is drained. Throws what ends the session. */
  async next(): Promise<Answer | null> {
    if (this.#current) await this.#guard('data', this.#current.command.phase, this.#drain(this.#current));
    this.#current = null;
    if (this.#due.length === 0) await this.#conversation.written();
    this.#fill();
    const due = this.#due[0];
    if (!due) {
      this.#end();
      return null;
    }
    const { command } = due;
    const reply = this.#conversation.receive(command, this.#trial.patience(command));
    // Servers that hang up at QUIT without a word do so with and without pipelining.
    const { status, data } =
      command.verb === 'QUIT' ? await reply : await this.#guard(due.behind ? 'behind' : 'first', command.phase, reply);
    this.#due.shift();
    this.#window.remove(command);
    this.#judge(command, status);
    this.#phase = command.phase;
    this.#proving ||= due.behind;
    // Only a whole flight shows that the server can.
    if (this.#proving && this.#due.length === 0 && this.#verdict === 'unknown') this.#verdict = 'yes';
    this.#current = data ? { command, data } : null;
    return { command, status, data };
  }

  /**
   * The next octets of the last answer's data, or null at its end. As soon as that has come the commands that come next are written,
   * so that the server is at work on them while the caller is at work on what it got; what forbids that is for `next` to tell.
   */
  async read(data: DataReader, phase: Phase): Promise<Uint8Array | null> {
    const piece = await this.#guard('data', phase, this.#conversation.read(data, phase));
    if (data.ended && this.#conversation.clean) this.#fill();
    return piece;
  }

  /**
   * Ends the series. Replies still due are read away if they are few and small, so that the session stays usable; else,
   * or in the middle of data, it is closed. Throws nothing.
   */
  async leave(): Promise<void> {
    this.#source.return?.();
    this.#source = [].values();
    this.#held = null;
    if (this.#current && !this.#current.data.ended) this.#conversation.close();
    this.#current = null;
    this.#trial.end();
    if (this.#due.length > 0 && this.#conversation.open) await this.#drainDue().catch(() => this.#conversation.close());
    this.#due = [];
    this.#window = new Window();
  }

  /** Of several replies one more than was asked for means that each of them may be that to the command before. */
  #end(): void {
    if (!this.#proving || !this.#conversation.surplus) return;
    this.#mixedUp = true;
    this.#verdict = 'no';
    this.#conversation.close();
    throw quirkError(this.#phase, 'pipelining');
  }

  #judge(command: Command, status: Status): void {
    try {
      this.#trial.answered(command, status);
    } catch (error) {
      this.#conversation.close();
      throw error;
    }
  }

  #drain({ command, data }: { readonly command: Command; readonly data: DataReader }): Promise<void> {
    return this.#conversation.drain(data, command.phase);
  }

  async #drainDue(): Promise<void> {
    const start = this.#conversation.counters.octetsIn;
    const tooMuch = (): boolean => this.#conversation.counters.octetsIn - start > PIPELINE.drainOctets;
    if (this.#window.replies > PIPELINE.drainOctets) return this.#conversation.close();
    for (const { command } of this.#due) {
      const { data } = await this.#conversation.receive(command);
      while (data && !data.ended && !tooMuch()) if ((await this.#conversation.read(data, command.phase)) === null) break;
      if (data && !data.ended) return this.#conversation.close();
    }
  }

  /** Writes as many commands as the window has room for, once a quarter of it is free: well before the line falls idle. */
  #fill(): void {
    const window = this.#window;
    const most = this.#most();
    // Without pipelining the next command isn't even drawn before this one is answered: a caller counts drawn ones as sent.
    if (window.isFull(most, REFILLED) || (window.count > 0 && !this.wide)) return;
    const batch: Due[] = [];
    for (let command = this.#draw(); command; command = this.#draw()) {
      const fits = window.count === 0 || (this.wide && this.#trial.allows(command) && window.hasRoom(command, most));
      if (!fits) {
        this.#held = command;
        break;
      }
      batch.push({ command, behind: window.count > 0 });
      window.add(command);
      if (!this.wide) break;
    }
    if (batch.length === 0) return;
    this.#due.push(...batch);
    this.#conversation.post(batch.map(({ command }) => command));
  }

  #draw(): Command | null {
    const held = this.#held;
    this.#held = null;
    if (held) return held;
    const drawn = this.#source.next();
    return drawn.done === true ? null : drawn.value;
  }

  /**
   * Turns an error among pipelined commands into what it says of pipelining. `at`: what was read, the status that answers
   * the first command of a flight or one behind it, or the data of a reply with others due after it.
   */
  async #guard<T>(at: 'first' | 'behind' | 'data', phase: Phase, work: Promise<T>): Promise<T> {
    const pipelined = at === 'behind' || this.#due.length > (at === 'first' ? 1 : 0);
    try {
      return await work;
    } catch (error) {
      const lost = this.#trial.broke(phase, error);
      if (lost) throw lost;
      const garbled = error instanceof Pop3Error && error.failure.kind === 'protocol';
      // Silence behind an answer means that the rest was thrown away, and silence behind a line of data that its end was lost, maybe not the
      // first one; elsewhere the server may just be slow, and data too long.
      const slow = timedOut(error) && at !== 'behind' && !(at === 'data' && this.#current?.data.atLineStart);
      if (!pipelined || slow || (at === 'data' && garbled)) throw error;
      this.#mixedUp ||= garbled || timedOut(error);
      if (this.#verdict === 'yes' && !garbled) {
        // It has worked before, so this is the network's doing, unless it happens again.
        this.#verdict = 'suspect';
        throw error;
      }
      this.#verdict = 'no';
      throw quirkError(phase, 'pipelining');
    }
  }
}

/** What a window may have in all. */
function allowed(): number {
  return PIPELINE.commands;
}
