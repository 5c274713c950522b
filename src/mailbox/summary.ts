/** The list members of a message as the ledger keeps them, and what the ledger recognises a message by. */
import type { Vault } from '../crypto/vault.ts';
import { identity, type ReadOctets, type Summary } from '../mime/message.ts';
import type { Outline } from '../mime/outline.ts';

/** Whether two summaries show the same; `known` is what was stored, or null. */
export function sameSummary(known: unknown, summary: Summary): boolean {
  return known !== null && JSON.stringify(known) === JSON.stringify(summary);
}

/**
 * The keyed hash of Message-ID, Date and size: what stays the same when a server gives all its messages new UIDLs.
 * The size is LIST's, because that is known without reading the message.
 */
export async function fingerprint(outline: Outline, read: ReadOctets, size: number, vault: Vault): Promise<Uint8Array> {
  const { messageId, date } = await identity(outline, read);
  return vault.hash('fingerprint', new TextEncoder().encode(JSON.stringify([messageId, date, size])));
}
