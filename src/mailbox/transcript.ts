/**
 * What was said on the connections of a diagnosis, line by line, for people. It is taken from the octets as they pass and
 * redacted by construction: of what we write only commands that can carry no credential are shown, of a SASL exchange
 * (RFC 5034 §4) nothing but its mechanism, and no line of the server's that repeats what was hidden. Of mail nothing is shown.
 */
import { DIAGNOSIS, POP3 } from '../limits.ts';
import type { Channel, Patience, Phase } from '../pop3/channel.ts';
import { cleanText, isContinuation } from '../pop3/reply.ts';
import { Secrets } from '../pop3/secrets.ts';

const HIDDEN = '***';
/** Characters of the shortest thing sent that could tell anything: one group of base64. */
const SENT = 4;
const LF = 0x0a;
const CR = 0x0d;

/** Commands whose arguments are numbers or nothing, and of what follows them how many lines are shown. */
const OPEN = new Map([
  ['CAPA', DIAGNOSIS.capabilityLines],
  ['UIDL', DIAGNOSIS.dataLines],
  ['LIST', DIAGNOSIS.dataLines],
  ['TOP', 0],
  ['STLS', 0],
  ['STAT', 0],
  ['UTF8', 0],
  ['QUIT', 0],
]);
const MULTILINE = /^(?:CAPA|UIDL|LIST|TOP \d+ \d+)$/;

export interface TranscriptOptions {
  readonly secrets: readonly (string | null)[];
  /** Whether greetings are left out. */
  readonly discreet: boolean;
}

export class Transcript {
  readonly lines: string[] = [];
  readonly #secrets = new Secrets();
  readonly #discreet: boolean;
  readonly #channels: Observed[] = [];
  #ended = false;
  /** What is being waited for, or was last. */
  phase: Phase = 'connect';
  /** What the newest connection's greeting says, cleaned and cut. */
  greeting = '';

  constructor({ secrets, discreet }: TranscriptOptions) {
    this.#discreet = discreet;
    for (const secret of secrets) if (secret !== null) this.#secrets.add(secret);
  }

  /** The same channel, written down. */
  observe(channel: Channel): Channel {
    const observed = new Observed(channel, this);
    // It took so long to open that nobody waits for it any more.
    if (this.#ended) observed.close();
    this.#channels.push(observed);
    return observed;
  }

  /** Closes whatever is still open. */
  end(): void {
    this.#ended = true;
    for (const channel of this.#channels) channel.end();
  }

  /** A text of the server's as it may be shown. */
  shown(text: string): string {
    return this.#secrets.repeatedIn(text) ? HIDDEN : text;
  }

  /** A line that we write; true if it begins a SASL exchange. */
  wrote(line: string, exchanging: boolean): boolean {
    const [verb = '', ...rest] = exchanging ? [] : line.split(' ');
    if (verb === 'AUTH') {
      const [mechanism = '', initial] = rest;
      if (initial !== undefined) this.#hide(initial);
      this.#add(`C: AUTH ${mechanism}${initial === undefined ? '' : ` ${HIDDEN}`}`);
      return true;
    }
    if (OPEN.has(verb)) this.#add(`C: ${line}`);
    else if (verb === 'USER' || verb === 'PASS' || verb === 'APOP') {
      if (verb !== 'USER') this.#hide(line.slice(verb.length + 1));
      this.#add(`C: ${verb} ${HIDDEN}`);
    } else {
      this.#hide(line);
      this.#add(`C: ${HIDDEN}`);
    }
    return exchanging;
  }

  greeted(octets: Uint8Array): void {
    const status = /^(?:\+OK|-ERR)/i.exec(cleanText(octets))?.[0] ?? '';
    this.greeting = this.shown(decoded(octets)) === HIDDEN ? HIDDEN : cleanText(octets.subarray(status.length));
    if (this.#discreet) this.#add(`S: ${status === '' ? '' : `${status} `}…`);
    else this.heard(octets);
  }

  /** A line behind the greeting, which nobody has asked for: a banner may have several. */
  unasked(octets: Uint8Array): void {
    if (this.#discreet) this.#add('S: …');
    else this.heard(octets);
  }

  heard(octets: Uint8Array): void {
    const hidden = this.#secrets.repeatedIn(decoded(octets));
    this.#add(`S: ${hidden || (isContinuation(octets) && octets.length > 2) ? HIDDEN : cleanText(octets)}`);
  }

  counted(lines: number): void {
    this.#add(`S: (${lines} lines in all)`);
  }

  /** From here on, no line of the server's may repeat what was sent. A cancelled exchange or an empty response is none. */
  #hide(sent: string): void {
    if (sent.length >= SENT) this.#secrets.add(sent);
  }

  #add(line: string): void {
    if (this.lines.length < DIAGNOSIS.lines) this.lines.push(line.slice(0, DIAGNOSIS.lineCharacters).toWellFormed().trimEnd());
  }
}

/** A reply that is to come: to a command, or (null) the greeting. */
interface Due {
  readonly command: string | null;
}

/** A channel that tells its transcript what passes. */
class Observed implements Channel {
  readonly #channel: Channel;
  readonly #transcript: Transcript;
  #due: Due[] = [{ command: null }];
  #asked = false;
  #exchanging = false;
  /** The data that is being sent: lines of it so far, and how many of them are shown. */
  #data: { lines: number; readonly shown: number } | null = null;
  /** The beginning of the server's line that isn't complete, its length, and its last octet. */
  readonly #line = new Uint8Array(POP3.statusLine);
  #length = 0;
  #last = 0;

  constructor(channel: Channel, transcript: Transcript) {
    this.#channel = channel;
    this.#transcript = transcript;
  }

  get octetsIn(): number {
    return this.#channel.octetsIn;
  }

  get octetsOut(): number {
    return this.#channel.octetsOut;
  }

  async read(phase: Phase, patience: Patience): Promise<Uint8Array | null> {
    this.#transcript.phase = phase;
    const octets = await this.#channel.read(phase, patience);
    if (octets) this.#hear(octets);
    return octets;
  }

  write(phase: Phase, octets: Uint8Array): Promise<void> {
    this.#transcript.phase = phase;
    this.#asked = true;
    for (const line of decoded(octets).split('\r\n').slice(0, -1)) {
      const exchanging = this.#exchanging;
      this.#exchanging = this.#transcript.wrote(line, exchanging);
      if (!exchanging) this.#due.push({ command: line });
    }
    return this.#channel.write(phase, octets);
  }

  startTls(): Promise<void> {
    this.#transcript.phase = 'tls';
    return this.#channel.startTls();
  }

  close(): void {
    this.#channel.close();
  }

  /** Closes, and writes down what came of a line that was never completed. */
  end(): void {
    this.close();
    if (this.#length > 0 && !this.#data) this.#status(this.#line.subarray(0, Math.min(this.#length, this.#line.length)));
    this.#length = 0;
  }

  #hear(octets: Uint8Array): void {
    for (let at = 0; at < octets.length;) {
      const lf = octets.indexOf(LF, at);
      const end = lf === -1 ? octets.length : lf + 1;
      const before = end - at > 1 ? octets[end - 2] : this.#last;
      const held = Math.min(this.#length, this.#line.length);
      this.#line.set(octets.subarray(at, Math.min(end, at + this.#line.length - held)), held);
      this.#length += end - at;
      this.#last = octets[end - 1] ?? 0;
      if (lf !== -1 && before === CR) this.#complete();
      at = end;
    }
  }

  #complete(): void {
    const length = this.#length - 2;
    this.#length = 0;
    const line = this.#line.subarray(0, Math.min(length, this.#line.length));
    if (!this.#data) {
      if (length > 0) this.#status(line);
    } else if (length === 1 && line[0] === 0x2e) {
      if (this.#data.lines > this.#data.shown) this.#transcript.counted(this.#data.lines);
      this.#data = null;
    } else if (++this.#data.lines <= this.#data.shown) this.#transcript.heard(line);
  }

  #status(line: Uint8Array): void {
    const greeting = this.#due[0]?.command === null;
    if (greeting) this.#transcript.greeted(line);
    else if (!this.#asked) this.#transcript.unasked(line);
    else this.#transcript.heard(line);
    if (!greeting && isContinuation(line)) return;
    this.#exchanging = false;
    const command = this.#due.shift()?.command ?? '';
    const positive = /^\+OK/i.test(decoded(line.subarray(0, 3)));
    if (positive && MULTILINE.test(command)) this.#data = { lines: 0, shown: OPEN.get(command.split(' ')[0] ?? '') ?? 0 };
  }
}

function decoded(octets: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(octets);
}
