/** The commands that have no reply yet, by what bounds them: their number, their octets and about what their replies bring. */
import { PIPELINE } from '../limits.ts';
import type { Command } from './command.ts';

export class Window {
  #count = 0;
  #octets = 0;
  #replies = 0;

  get count(): number {
    return this.#count;
  }

  /** About how many octets the replies bring that are still to come. */
  get replies(): number {
    return this.#replies;
  }

  /** Whether more than `part` of a window of `most` commands is taken up. */
  isFull(most: number, part: number): boolean {
    return this.#count >= PIPELINE.commandsLeast && (this.#count > most * part || this.#replies > PIPELINE.replyOctets * part);
  }

  /** Whether another command fits into a window of `most`. */
  hasRoom(command: Command, most: number): boolean {
    return (
      this.#count < most &&
      this.#octets + command.octets.length <= PIPELINE.commandOctets &&
      (this.#count < PIPELINE.commandsLeast || this.#replies + expected(command) <= PIPELINE.replyOctets)
    );
  }

  add(command: Command): void {
    this.#count += 1;
    this.#octets += command.octets.length;
    this.#replies += expected(command);
  }

  remove(command: Command): void {
    this.#count -= 1;
    this.#octets -= command.octets.length;
    this.#replies -= expected(command);
  }
}

/** About how many octets the reply brings. */
function expected(command: Command): number {
  if (!command.multiline) return PIPELINE.lineOctets;
  return command.expectedOctets ?? (command.verb === 'TOP' ? PIPELINE.topOctets : PIPELINE.dataOctets);
}
