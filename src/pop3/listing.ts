/**
 * LIST, UIDL and STAT as servers answer them (RFC 1939 §5, §7), parsed while they stream in.
 * Unique-ids are opaque octets: everything behind the number and its spaces up to CRLF, spaces and 8-bit octets too,
 * possibly nothing. Sizes are hints: one that can't be read is 0. Numbers must be numbers, or the listing is refused.
 * Entries come as the server sent them, in any order; it is for the caller to let the last of two equal numbers win.
 */
import { POP3 } from '../limits.ts';
import type { Phase } from './channel.ts';
import type { Command } from './command.ts';
import { protocolError } from './error.ts';

export interface UidlEntry {
  readonly number: number;
  /** The caller's to keep. */
  readonly uidl: Uint8Array;
}

export interface SizeEntry {
  readonly number: number;
  readonly size: number;
}

/** What the parsers of single-line answers need of a reply. */
export interface SingleLine {
  readonly command: Pick<Command, 'number'>;
  readonly octets: Uint8Array;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

/** `+OK `, a number and its spaces may stand before a unique-id. */
const LINE_OCTETS = POP3.uidl + 64;

/** The entries of a UIDL listing, in batches. Throws `protocol` for a bad number, an over-long id, too many entries. */
export function readUidls(body: AsyncIterable<Uint8Array>): AsyncGenerator<UidlEntry[]> {
  return readEntries(body, 'uidl', (number, octets, from, to) => {
    if (to - from > POP3.uidl) throw protocolError('uidl', 'a unique-id that is too long');
    return { number, uidl: octets.subarray(from, to) };
  });
}

/** The entries of a LIST listing, in batches. Throws `protocol` for a bad number or too many entries. */
export function readSizes(body: AsyncIterable<Uint8Array>): AsyncGenerator<SizeEntry[]> {
  return readEntries(body, 'list', (number, octets, from, to) => ({ number, size: sizeOf(octets, from, to) }));
}

/** The maildrop's count and octets from the answer to STAT. Throws `protocol` if there is no count. */
export function parseDropListing(reply: { readonly octets: Uint8Array }): { count: number; octets: number } {
  const line = reply.octets;
  const at = afterOk(line, 0);
  const end = digitsEnd(line, at);
  const count = numberOf(line, at, end);
  if (count === null) throw protocolError('stat', 'no number of messages');
  return { count, octets: sizeOf(line, spacesEnd(line, end), line.length) };
}

/** The unique-id in the answer to `UIDL n`, a copy. Some servers leave the number out. */
export function uidlOf(reply: SingleLine): Uint8Array {
  return reply.octets.slice(afterNumber(reply.octets, reply.command.number));
}

/** The size in the answer to `LIST n`. */
export function sizeIn(reply: SingleLine): number {
  return sizeOf(reply.octets, afterNumber(reply.octets, reply.command.number), reply.octets.length);
}

type EntryOf<T> = (number: number, octets: Uint8Array, from: number, to: number) => T;

/** Cuts the body into lines and each line into number and rest; one batch for each chunk that completes a line. */
async function* readEntries<T>(body: AsyncIterable<Uint8Array>, phase: Phase, entryOf: EntryOf<T>): AsyncGenerator<T[]> {
  const held = new Uint8Array(LINE_OCTETS + 2);
  let length = 0;
  let entries = 0;
  let octets = 0;
  for await (const chunk of body) {
    octets += chunk.length;
    if (octets > POP3.listingOctets) throw protocolError(phase, 'too long a listing');
    // A line begun in an earlier chunk is completed first; the rest is copied once, for unique-ids point into it.
    const first = length === 0 ? 0 : lineEnd(chunk, 0, held[length - 1] === CR);
    const batch: T[] = [];
    if (length > 0) {
      const part = chunk.subarray(0, first === -1 ? chunk.length : first);
      if (length + part.length > held.length) throw protocolError(phase, 'an endless line in a listing');
      held.set(part, length);
      length += part.length;
      if (first === -1) continue;
      const line = held.slice(0, length);
      addEntry(batch, line, 0, line.length - 2, phase, entryOf);
    }
    const rest = chunk.slice(first);
    const done = addLines(batch, rest, phase, entryOf);
    length = rest.length - done;
    if (length > held.length) throw protocolError(phase, 'an endless line in a listing');
    held.set(rest.subarray(done));
    entries += batch.length;
    if (entries > POP3.listingEntries) throw protocolError(phase, 'too many entries in a listing');
    if (batch.length > 0) yield batch;
  }
}

/** Adds the entries of all complete lines and returns where the last of them ends. */
function addLines<T>(batch: T[], octets: Uint8Array, phase: Phase, entryOf: EntryOf<T>): number {
  let start = 0;
  for (;;) {
    const end = lineEnd(octets, start, false);
    if (end === -1) return start;
    addEntry(batch, octets, start, end - 2, phase, entryOf);
    start = end;
  }
}

/** Adds the entry that stands in [start, end), if that isn't blank. The CR at `end` stops every look ahead. */
function addEntry<T>(batch: T[], octets: Uint8Array, start: number, end: number, phase: Phase, entryOf: EntryOf<T>): void {
  if (end - start > LINE_OCTETS) throw protocolError(phase, 'an endless line in a listing');
  const first = spacesEnd(octets, start);
  if (first === end) return;
  const at = afterOk(octets, first);
  const numberEnd = digitsEnd(octets, at);
  const number = numberOf(octets, at, numberEnd);
  const separated = numberEnd === end || octets[numberEnd] === SPACE;
  if (number === null || number === 0 || !separated) throw protocolError(phase, 'a listing without message numbers');
  batch.push(entryOf(number, octets, spacesEnd(octets, numberEnd), end));
}

/** The index behind the next CRLF from `from` on, or -1. `afterCr`: the octet before `from` was a CR. */
function lineEnd(octets: Uint8Array, from: number, afterCr: boolean): number {
  let lf = octets.indexOf(LF, from);
  while (lf !== -1) {
    if (lf === from ? afterCr : octets[lf - 1] === CR) return lf + 1;
    lf = octets.indexOf(LF, lf + 1);
  }
  return -1;
}

/** The index behind `+OK` and its spaces, or `from` where the line doesn't begin with it. */
function afterOk(line: Uint8Array, from: number): number {
  const ok = line[from] === 0x2b && isLetter(line[from + 1], 0x4f) && isLetter(line[from + 2], 0x4b);
  return ok ? spacesEnd(line, from + 3) : from;
}

/** The index of what follows `+OK` and, if it is there, the message's number. */
function afterNumber(line: Uint8Array, number: number | null): number {
  const at = afterOk(line, 0);
  const end = digitsEnd(line, at);
  const named = numberOf(line, at, end) === number && (end === line.length || line[end] === SPACE);
  return named ? spacesEnd(line, end) : at;
}

function spacesEnd(line: Uint8Array, from: number): number {
  let at = from;
  while (line[at] === SPACE) at++;
  return at;
}

function digitsEnd(line: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(line[at])) at++;
  return at;
}

/** The digits in [from, to) as a number, or null if there are none or more than a number holds exactly. */
function numberOf(line: Uint8Array, from: number, to: number): number | null {
  if (from === to || to - from > 15) return null;
  let number = 0;
  for (let at = from; at < to; at++) number = number * 10 + (line[at] as number) - 0x30;
  return number;
}

/** The size at `from`. Negative, garbled and impossible ones are 0. */
function sizeOf(line: Uint8Array, from: number, to: number): number {
  const end = digitsEnd(line, from);
  return end < to && line[end] !== SPACE ? 0 : (numberOf(line, from, end) ?? 0);
}

/** Whether `octet` is the letter `upper`, in either case. */
function isLetter(octet: number | undefined, upper: number): boolean {
  return octet === upper || octet === upper + 32;
}

function isDigit(octet: number | undefined): boolean {
  return octet !== undefined && octet >= 0x30 && octet <= 0x39;
}
