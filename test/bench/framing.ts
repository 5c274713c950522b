/**
 * `npm run bench -- framing`: how fast the data of a multi-line reply is taken apart (RFC 1939 §3), on one core, each octet
 * copied in as a socket's read does and copied out to a consumer. Counted is processor time. Longer messages, and reads of one octet, show that the
 * time grows with the octets and with nothing else. `--json FILE` writes every run.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { DataDecoder } from '../../src/pop3/framing.ts';
import { median, printColumns } from './table.ts';

const MB = 1_000_000;
const READ = 10_240;
/** A line of 78 octets with its CRLF; every hundredth begins with a dot, as stuffed. */
const LINE = Buffer.from(`${'All work and no play makes Jack a dull boy. '.repeat(2).slice(0, 76)}\r\n`);
const STUFFED = Buffer.from(`..${LINE.toString().slice(2)}`);

const { values: options } = parseArgs({ options: { json: { type: 'string' }, runs: { type: 'string', default: '5' } } });
const RUNS = Number(options.runs);
const TASKS = [
  { read: READ, megabytes: 1 },
  { read: READ, megabytes: 16 },
  { read: READ, megabytes: 1_000 },
  { read: 1, megabytes: 1 },
  { read: 1, megabytes: 32 },
] as const;

/** Data of a hundred lines, again and again: what is read goes round in it. */
const ROUND = Buffer.concat(Array.from({ length: 10_000 }, (_, n) => (n % 100 === 0 ? STUFFED : LINE)));

/** Milliseconds of processor time to take `octets` of data in reads of `read`. Throws if what comes out isn't what was put in. */
function decode(octets: number, read: number): number {
  const decoder = new DataDecoder();
  const buffer = new Uint8Array(read);
  const consumer = new Uint8Array(read);
  // The last line and its terminator come in whole, so that the data ends where it is said to.
  const lines = Math.floor(octets / LINE.length);
  const total = lines * LINE.length;
  let taken = 0;
  const start = process.cpuUsage();
  for (let at = 0; at < total; at += read) {
    const from = at % ROUND.length;
    const length = Math.min(read, total - at, ROUND.length - from);
    buffer.set(ROUND.subarray(from, from + length));
    const { data, ended } = decoder.decode(length === read ? buffer : buffer.subarray(0, length), 0);
    if (ended) throw new Error('The data ended before its terminator.');
    consumer.set(data);
    taken += data.length;
    at -= read - length;
  }
  const { data, ended } = decoder.decode(new Uint8Array(Buffer.from('.\r\n')), 0);
  const { user, system } = process.cpuUsage(start);
  if (!ended || taken + data.length !== total - stuffing(lines)) throw new Error('The data is not what was sent.');
  return (user + system) / 1000;
}

/** How many octets of stuffing `lines` lines have. */
function stuffing(lines: number): number {
  return Math.ceil(lines / 100);
}

const runs: { read: number; megabytes: number; milliseconds: number }[] = [];
// The first ones are compiled while they run.
decode(16 * MB, READ);
decode(MB, 1);
for (let run = 0; run < RUNS; run++)
  for (const { read, megabytes } of TASKS) runs.push({ read, megabytes, milliseconds: decode(megabytes * MB, read) });
const rows = TASKS.map(({ read, megabytes }) => {
  const times = runs.filter((run) => run.read === read && run.megabytes === megabytes).map((run) => run.milliseconds);
  const middle = median(times) ?? 0;
  return [`${megabytes} MB, ${read} octets a read`, middle, Math.min(...times), Math.max(...times), (megabytes / middle) * 1000];
});
console.log(`Lines of 78 octets, one of a hundred stuffed, Node ${process.version}, ${RUNS} alternating runs.`);
printColumns(['framing', 'median ms', 'min', 'max', 'MB/s'], rows);
if (options.json) await writeFile(options.json, JSON.stringify({ node: process.version, runs }, null, 2));
