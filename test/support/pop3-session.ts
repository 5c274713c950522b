/**
 * One POP3 session from greeting to QUIT, over lines (RFC 1939, RFC 2449, RFC 3206, RFC 5034).
 * Commands are answered strictly in order, so pipelining is safe. The listing is a snapshot taken at login;
 * DELE only marks, and the maildrop changes at QUIT alone. Secrets never reach the command log.
 */
import { dotStuffed, topOf } from './pop3-lines.ts';
import type { LineChannel } from './pop3-lines.ts';
import type { Mail, Maildrop } from './maildrop.ts';
import type { Hidden, SessionHost } from './pop3-host.ts';

/** RFC 2449 §4 allows 255 octets a command; RFC 5034 §4 12 288 while a SASL exchange goes on. */
const MOST_COMMAND = 512;
const MOST_SASL = 12_288;
/** Refused logins before the connection is closed. */
const MOST_REFUSALS = 3;

type Reply = string | { readonly status: string; readonly data: Uint8Array };
/** A reply to send, or none: the connection ends, or the command has been answered already. */
type Outcome = Reply | { readonly end: boolean };
const CLOSE: Outcome = { end: true };
const ANSWERED: Outcome = { end: false };

export class Pop3Session {
  readonly #host: SessionHost;
  #channel: LineChannel;
  #encrypted: boolean;
  #user: string | null = null;
  #maildrop: Maildrop | null = null;
  #mails: readonly Mail[] = [];
  #refusals = 0;
  readonly #deleted = new Set<number>();

  constructor(host: SessionHost, channel: LineChannel) {
    this.#host = host;
    this.#channel = channel;
    this.#encrypted = host.encrypted;
  }

  /** Serves the session to its end and gives the lock back, however it ends. */
  async run(): Promise<void> {
    try {
      if (await this.#channel.write(`+OK ${this.#host.greeting}\r\n`)) while (await this.#next());
    } finally {
      this.#maildrop?.unlock();
      this.#maildrop = null;
    }
  }

  /** Closes the connection once what was written is out. */
  end(): void {
    this.#channel.end();
  }

  async #next(): Promise<boolean> {
    const line = await this.#channel.line(MOST_COMMAND);
    if (line.kind === 'too_long') await this.#channel.write('-ERR The line is too long.\r\n');
    if (line.kind !== 'line') return false;
    const space = line.text.indexOf(' ');
    const verb = (space < 0 ? line.text : line.text.slice(0, space)).toUpperCase();
    const argument = space < 0 ? '' : line.text.slice(space + 1);
    this.#host.log.add(verb, argument);
    const own = (await this.#host.answer?.({ verb, argument, user: this.#user })) ?? null;
    if (own === 'close') return false;
    if (typeof own === 'string') return this.#channel.write(Buffer.from(own, 'latin1'));
    if (own !== null) {
      await this.#channel.write(Buffer.from(own.last, 'latin1'));
      return false;
    }
    if (verb === 'QUIT') return this.#quit();
    return this.#send(await (this.#maildrop === null ? this.#authorization(verb, argument) : this.#transaction(verb, argument)));
  }

  async #send(outcome: Outcome): Promise<boolean> {
    if (typeof outcome === 'string') return this.#channel.write(`${outcome}\r\n`);
    if ('end' in outcome) return !outcome.end;
    return this.#channel.write(Buffer.concat([Buffer.from(`${outcome.status}\r\n`), dotStuffed(outcome.data)]));
  }

  async #authorization(verb: string, argument: string): Promise<Outcome> {
    if (verb === 'CAPA' && !this.#hidden('CAPA')) return this.#capabilities();
    if (verb === 'STLS' && this.#host.startTls !== null && !this.#encrypted) return this.#startTls();
    if (verb === 'AUTH' && !this.#hidden('SASL')) return this.#auth(argument);
    if (verb === 'USER' && !this.#hidden('USER')) {
      this.#user = fromOctets(argument);
      return '+OK Send PASS.';
    }
    if (verb === 'PASS' && this.#user !== null) return this.#login(this.#user, fromOctets(argument));
    return '-ERR Log in first.';
  }

  async #startTls(): Promise<Outcome> {
    if (this.#host.startTls === null || this.#channel.hasUnread) return CLOSE;
    if (!(await this.#channel.write('+OK Begin TLS.\r\n'))) return CLOSE;
    this.#channel.release();
    this.#channel = await this.#host.startTls();
    this.#encrypted = true;
    // RFC 2595 §4: nothing learned before TLS is kept.
    this.#user = null;
    return ANSWERED;
  }

  async #auth(argument: string): Promise<Outcome> {
    const [mechanism = '', initial] = argument.split(' ');
    if (mechanism.toUpperCase() !== 'PLAIN') return '-ERR That mechanism is not offered.';
    let response = initial;
    if (response === undefined) {
      if (!(await this.#channel.write('+ \r\n'))) return CLOSE;
      const line = await this.#channel.line(MOST_SASL);
      if (line.kind !== 'line') return CLOSE;
      this.#host.log.add('', '');
      response = line.text;
    }
    if (response === '*') return '-ERR Cancelled.';
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(response)) return '-ERR That is not base64.';
    const [authorization, user, password] = Buffer.from(response, 'base64').toString('utf8').split('\0');
    if (user === undefined || password === undefined) return '-ERR That is not PLAIN.';
    if (authorization !== '' && authorization !== user) return this.#refused();
    return this.#login(user, password);
  }

  #login(name: string, password: string): Outcome {
    this.#user = name;
    const user = this.#host.users.get(name);
    if (user === undefined || user.password !== password) return this.#refused();
    if (!user.maildrop.lock()) return this.#error('IN-USE', 'Another session has the maildrop.');
    this.#maildrop = user.maildrop;
    this.#mails = user.maildrop.list();
    return `+OK ${this.#mails.length} messages.`;
  }

  #refused(): Outcome {
    this.#user = null;
    this.#refusals += 1;
    return this.#refusals > MOST_REFUSALS ? CLOSE : this.#error('AUTH', 'The name or the password is wrong.');
  }

  #transaction(verb: string, argument: string): Outcome {
    switch (verb) {
      case 'STAT':
        return `+OK ${this.#live().length} ${this.#live().reduce((sum, [, mail]) => sum + mail.octets.length, 0)}`;
      case 'LIST':
        return this.#listing(argument, (mail) => String(mail.octets.length));
      case 'UIDL':
        return this.#hidden('UIDL') ? UNKNOWN : this.#listing(argument, (mail) => mail.uidl);
      case 'RETR':
        return this.#message(argument, (mail) => ({ status: `+OK ${mail.octets.length} octets`, data: mail.octets }));
      case 'TOP':
        return this.#hidden('TOP') ? UNKNOWN : this.#top(argument);
      case 'DELE':
        return this.#message(argument, (_, number) => {
          this.#deleted.add(number);
          return '+OK Marked.';
        });
      case 'NOOP':
        return '+OK';
      case 'RSET':
        this.#deleted.clear();
        return '+OK';
      case 'CAPA':
        return this.#hidden('CAPA') ? UNKNOWN : this.#capabilities();
      default:
        return UNKNOWN;
    }
  }

  #live(): [number, Mail][] {
    return this.#mails.map((mail, index): [number, Mail] => [index + 1, mail]).filter(([number]) => !this.#deleted.has(number));
  }

  #listing(argument: string, shown: (mail: Mail) => string): Outcome {
    if (argument !== '') return this.#message(argument, (mail, number) => `+OK ${number} ${shown(mail)}`);
    const lines = this.#live().map(([number, mail]) => `${number} ${shown(mail)}\r\n`);
    return { status: '+OK', data: Buffer.from(lines.join(''), 'latin1') };
  }

  #top(argument: string): Outcome {
    const [number = '', lines = ''] = argument.split(' ');
    if (!/^\d{1,9}$/.test(lines)) return '-ERR TOP needs a number of lines.';
    return this.#message(number, (mail) => ({ status: '+OK', data: topOf(mail.octets, Number(lines)) }));
  }

  #message(argument: string, use: (mail: Mail, number: number) => Reply): Outcome {
    const number = /^[1-9]\d{0,8}$/.test(argument) ? Number(argument) : 0;
    const mail = this.#mails[number - 1];
    return mail === undefined || this.#deleted.has(number) ? '-ERR There is no such message.' : use(mail, number);
  }

  /** The UPDATE state (RFC 1939 §6): only here are marked messages removed. */
  async #quit(): Promise<false> {
    for (const number of this.#deleted) {
      const mail = this.#mails[number - 1];
      if (mail !== undefined) this.#maildrop?.remove(mail.uidl);
    }
    this.#maildrop?.unlock();
    this.#maildrop = null;
    await this.#channel.write('+OK Goodbye.\r\n');
    return false;
  }

  #capabilities(): Outcome {
    const offered: [Hidden | null, string][] = [
      ['TOP', 'TOP'],
      ['UIDL', 'UIDL'],
      ['RESP-CODES', 'RESP-CODES'],
      ['RESP-CODES', 'AUTH-RESP-CODE'],
      ['PIPELINING', 'PIPELINING'],
      ['USER', 'USER'],
      ['SASL', 'SASL PLAIN'],
      [null, 'EXPIRE NEVER'],
    ];
    const lines = offered.filter(([hidden]) => hidden === null || !this.#hidden(hidden)).map(([, line]) => line);
    if (this.#host.startTls !== null && !this.#encrypted) lines.push('STLS');
    return { status: '+OK', data: Buffer.from(lines.map((line) => `${line}\r\n`).join('')) };
  }

  #error(code: string, text: string): string {
    return this.#hidden('RESP-CODES') ? `-ERR ${text}` : `-ERR [${code}] ${text}`;
  }

  #hidden(name: Hidden): boolean {
    return this.#host.hide.has(name);
  }
}

const UNKNOWN = '-ERR Unknown command.';

/** Names and passwords are UTF-8 on the wire; lines come one character per octet. */
function fromOctets(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
