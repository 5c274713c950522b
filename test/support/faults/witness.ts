/**
 * Hears every session of an account and says what may not be: a DELE for a message that the same session has not named by
 * its UIDL, and an answer to RETR or TOP that is taken before that (RFC 1939 §7: numbers are a matter of one session).
 */
import type { Listener } from './faulty-channel.ts';
import type { Asked, Piece } from './reply-pieces.ts';

/** Why a DELE for the message with this UIDL may not be, or null. */
export type DeletionCheck = (uidl: string) => string | null;

export class Witness {
  readonly violations: string[] = [];
  /** Logins that the server has refused as wrong. */
  refusedLogins = 0;
  /** Told of each full listing, once it is complete. */
  onListing: (uidls: readonly string[]) => void = () => undefined;
  readonly #mayDelete: DeletionCheck;
  readonly #named: boolean;

  /** `named`: the server has UIDLs. Without them numbers can't be confirmed by one, and nothing may be deleted. */
  constructor(mayDelete: DeletionCheck, named = true) {
    this.#mayDelete = mayDelete;
    this.#named = named;
  }

  /** Ears for one session. */
  listen(): Listener {
    const numbers = new Map<string, string>();
    let listing: [string, string][] = [];
    return {
      commands: (asked) => {
        for (const command of asked) if (command.verb === 'DELE') this.#deletes(command, numbers);
      },
      heard: ({ asked, part }, octets) => {
        const text = octets.toString('latin1');
        if (asked.verb === 'UIDL' && asked.argument === '') {
          if (part === 'status') listing = [];
          const empty = text === '.\r\n';
          if (part === 'data' && !empty) listing = entriesOf(text);
          // A listing counts once it is complete.
          if (part === 'end' || (part === 'data' && empty)) {
            for (const [number, uidl] of listing) numbers.set(number, uidl);
            this.onListing(listing.map(([, uidl]) => uidl));
          }
        } else if (asked.verb === 'UIDL' && text.startsWith('+OK')) {
          for (const [number, uidl] of entriesOf(text.slice(4))) numbers.set(number, uidl);
        } else if ((asked.verb === 'AUTH' || asked.verb === 'PASS') && text.startsWith('-ERR [AUTH]')) this.refusedLogins += 1;
        else if (part === 'status' && text.startsWith('+OK')) this.#believes({ asked, part }, numbers);
      },
    };
  }

  #deletes({ argument }: Asked, numbers: ReadonlyMap<string, string>): void {
    const uidl = numbers.get(argument);
    if (uidl === undefined) this.violations.push(`DELE ${argument} before the session had answered UIDL ${argument}`);
    const reason = uidl === undefined ? null : this.#mayDelete(uidl);
    if (reason) this.violations.push(`DELE ${argument}: ${reason}`);
  }

  #believes({ asked: { verb, argument } }: Piece, numbers: ReadonlyMap<string, string>): void {
    const number = argument.split(' ')[0] ?? '';
    if (this.#named && (verb === 'RETR' || verb === 'TOP') && !numbers.has(number))
      this.violations.push(`${verb} ${argument} before the session had answered UIDL ${number}`);
  }
}

function entriesOf(text: string): [string, string][] {
  return text
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line): [string, string] => {
      const space = line.indexOf(' ');
      return [line.slice(0, space), line.slice(space + 1)];
    });
}
