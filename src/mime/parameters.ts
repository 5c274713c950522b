/**
 * Structured field values: `value; name=value; …` (RFC 2045 §5.1), with comments, and parameters continued, in a charset
 * or percent-encoded (RFC 2231), read as senders really write them: unquoted blanks, a missing quote, RFC 2047 words
 * inside quotes. Linear in the value; never fails. The first of two parameters of one name counts.
 */
import { octetsToText } from './text.ts';

export interface Structured {
  /** What stands before the first semicolon, in lower case. */
  value: string;
  /** By name in lower case; RFC 2231 parts are joined and decoded. */
  parameters: ReadonlyMap<string, string>;
}

/** Parses the unfolded value of a Content-Type, Content-Disposition or Content-Transfer-Encoding field. */
export function parseStructured(field: string): Structured {
  const scanner = new Scanner(field);
  const value = scanner.value().toLowerCase();
  const raw = new Map<string, string>();
  while (!scanner.done) {
    const name = scanner.name().toLowerCase();
    if (!scanner.assigned) continue;
    const text = scanner.value();
    if (name !== '' && !raw.has(name)) raw.set(name, text);
  }
  return { value, parameters: joinContinuations(raw) };
}

class Scanner {
  readonly #text: string;
  #at = 0;
  /** Whether the name just read was followed by `=`. */
  assigned = false;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  name(): string {
    const start = this.#at;
    while (!this.done && this.#text[this.#at] !== '=' && this.#text[this.#at] !== ';') this.#at++;
    this.assigned = this.#text[this.#at] === '=';
    const name = this.#text.slice(start, this.#at++);
    return name.replace(/\([^()]*\)/g, '').trim();
  }

  /** A quoted string, or everything before the next semicolon but a comment at the end. Goes past the semicolon. */
  value(): string {
    this.#skipBlanksAndComments();
    let value: string;
    if (this.#text[this.#at] === '"') {
      value = this.#quoted();
    } else {
      const start = this.#at;
      while (!this.done && this.#text[this.#at] !== ';') this.#at++;
      value = withoutComment(this.#text.slice(start, this.#at).trim());
    }
    const semicolon = this.#text.indexOf(';', this.#at);
    this.#at = semicolon < 0 ? this.#text.length : semicolon + 1;
    return value;
  }

  /** Only `\"` and `\\` are taken as escapes: senders write Windows paths unescaped. */
  #quoted(): string {
    const pieces: string[] = [];
    let start = ++this.#at;
    while (!this.done && this.#text[this.#at] !== '"') {
      const next = this.#text[this.#at + 1];
      if (this.#text[this.#at] === '\\' && (next === '"' || next === '\\')) {
        pieces.push(this.#text.slice(start, this.#at));
        start = ++this.#at;
      }
      this.#at++;
    }
    pieces.push(this.#text.slice(start, this.#at++));
    return pieces.join('');
  }

  #skipBlanksAndComments(): void {
    let depth = 0;
    for (; !this.done; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '(') depth++;
      else if (character === ')' && depth > 0) depth--;
      else if (depth === 0 && character !== ' ' && character !== '\t') return;
    }
  }
}

/** Only a comment after a blank, at the end, is taken for one: senders leave names like `Invoice (1).pdf` unquoted. */
function withoutComment(value: string): string {
  const open = value.endsWith(')') ? value.lastIndexOf('(') : -1;
  return open > 0 && /[ \t]/.test(value[open - 1] ?? '') ? value.slice(0, open).trimEnd() : value;
}

interface Section {
  number: number;
  text: string;
  encoded: boolean;
}

/** RFC 2231 §3 and §4: `name*0*=utf-8'en'a%20`, `name*1=b` become `name`, which then wins over a plain `name`. */
function joinContinuations(raw: ReadonlyMap<string, string>): Map<string, string> {
  const parameters = new Map<string, string>();
  const sections = new Map<string, Section[]>();
  for (const [key, text] of raw) {
    const match = /^([^*]+)\*(?:(\d{1,4})(\*)?)?$/.exec(key);
    if (!match?.[1]) {
      parameters.set(key, text);
      continue;
    }
    const section = { number: Number(match[2] ?? 0), text, encoded: match[2] === undefined || match[3] !== undefined };
    const known = sections.get(match[1]);
    if (known) known.push(section);
    else sections.set(match[1], [section]);
  }
  for (const [name, list] of sections) parameters.set(name, joinSections(list));
  return parameters;
}

function joinSections(sections: Section[]): string {
  sections.sort((left, right) => left.number - right.number);
  const [first] = sections;
  let charset: string | null = null;
  const introduced = first?.encoded ? /^([^']*)'[^']*'/.exec(first.text) : null;
  if (first && introduced) {
    charset = introduced[1] || null;
    first.text = first.text.slice(introduced[0].length);
  }
  const pieces: string[] = [];
  let encoded = '';
  for (const section of sections) {
    // Encoded neighbours are decoded together: a character may be split between two of them.
    if (section.encoded) {
      encoded += section.text;
      continue;
    }
    pieces.push(percentDecode(encoded, charset), section.text);
    encoded = '';
  }
  pieces.push(percentDecode(encoded, charset));
  return pieces.join('');
}

function percentDecode(text: string, charset: string | null): string {
  if (!text.includes('%')) return text;
  const octets = new TextEncoder().encode(text);
  let length = 0;
  for (let at = 0; at < octets.length; at++) {
    const digits = octets[at] === 0x25 ? String.fromCharCode(octets[at + 1] ?? 0, octets[at + 2] ?? 0) : '';
    const escaped = /^[0-9a-f]{2}$/i.test(digits);
    octets[length++] = escaped ? Number.parseInt(digits, 16) : (octets[at] ?? 0);
    if (escaped) at += 2;
  }
  return octetsToText(octets.subarray(0, length), charset);
}
