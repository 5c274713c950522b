/** A real POP3 server whose one maildrop shows whatever a test wants, in any order and under any UIDLs, from the next login on. */
import { Maildrop } from '../support/maildrop.ts';
import { type Pop3Server, type Pop3ServerOptions, startPop3Server } from '../support/pop3-server.ts';
import { mail } from './mailbox-world.ts';

export interface Shown {
  readonly octets: Uint8Array;
  readonly uidl: string;
}

/** For the user `ann` with the password `secret`. */
export class Server {
  readonly #maildrop = new Maildrop();
  /** A test's own answers, by verb. */
  readonly answers = new Map<string, (argument: string) => string | null>();
  #server: Pop3Server | null = null;
  #from = 0;

  async start(options: Partial<Pop3ServerOptions> = {}): Promise<this> {
    const answer = ({ verb, argument }: { verb: string; argument: string }) => this.answers.get(verb)?.(argument) ?? null;
    this.#server = await startPop3Server({
      users: new Map([['ann', { password: 'secret', maildrop: this.#maildrop }]]),
      answer,
      ...options,
    });
    return this;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** How many connections are open now. */
  get open(): number {
    return this.#server?.connections.open ?? 0;
  }

  get shown(): Shown[] {
    return [...this.#maildrop.list()];
  }

  /** From the next login on. */
  show(mails: readonly Shown[]): void {
    for (const { uidl } of this.shown) this.#maildrop.remove(uidl);
    for (const { octets, uidl } of mails) this.#maildrop.add(octets, uidl);
  }

  /** From the next UIDL on, each message is listed under what `of` makes of its own UIDL. */
  nameBy(of: (uidl: string, index: number) => string): void {
    this.answers.set('UIDL', (argument) => {
      const names = this.shown.map(({ uidl }, index) => of(uidl, index));
      if (argument === '') return `+OK\r\n${names.map((name, index) => `${index + 1} ${name}\r\n`).join('')}.\r\n`;
      const name = names[Number(argument) - 1];
      return name === undefined ? '-ERR\r\n' : `+OK ${argument} ${name}\r\n`;
    });
  }

  /** The commands since this was last asked, without those of the login. */
  commands(): string[] {
    const all = this.#server?.commands ?? [];
    const since = all.slice(this.#from).filter((line) => !/^(CAPA|AUTH|USER|PASS|QUIT)/.test(line) && line !== '');
    this.#from = all.length;
    return since;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}

/** Messages with the subjects `mail N` and the UIDLs `uN`, each of another size. */
export const mails = (count: number, from = 1): Shown[] =>
  Array.from({ length: count }, (_, n) => ({
    octets: mail(`mail ${from + n}`, `${'x'.repeat((from + n) * 7)}\r\n`),
    uidl: `u${from + n}`,
  }));

/** What its header says. */
export function subjectOf({ octets }: Shown): string {
  return /^Subject: (.*)\r$/m.exec(Buffer.from(octets).toString())?.[1] ?? '';
}
