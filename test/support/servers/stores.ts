/** Mail as servers keep it on the disk of a cell: one file (mbox, RFC 4155) or one file for each message (Maildir), lines ended by LF. */
import type { Cell } from './cell.ts';

/** The one file of messages. None may have a line that begins with "From ": each server quotes those in its own way. */
export function mbox(messages: readonly Uint8Array[]): string | Uint8Array {
  const parts = messages.map((octets, index) => {
    const at = new Date(Date.UTC(2026, 0, 1, 0, 0, index)).toUTCString();
    const [, day, month, year, time] = /, (\d\d) (\w+) (\d+) ([\d:]+)/.exec(at) ?? [];
    return `From popgate@example.com ${at.slice(0, 3)} ${month} ${day} ${time} ${year}\n${local(octets)}\n`;
  });
  return Buffer.from(parts.join(''), 'latin1');
}

/** Writes a user's ~/Maildir. Names sort in the order of the messages. */
export async function writeMaildir(cell: Cell, user: string, messages: readonly Uint8Array[]): Promise<void> {
  const owner = cell.owner(user);
  const home = `home/${user}/Maildir`;
  for (const directory of [home, `${home}/tmp`, `${home}/new`, `${home}/cur`]) await cell.directory(directory, owner);
  for (const [index, octets] of messages.entries()) {
    await cell.write(`${home}/new/${1_700_000_000 + index}.M${index}.popgate`, Buffer.from(local(octets), 'latin1'), owner);
  }
}

function local(octets: Uint8Array): string {
  return Buffer.from(octets).toString('latin1').replaceAll('\r\n', '\n');
}
