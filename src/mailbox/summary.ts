/** The list members of a message as the ledger keeps them, and what the ledger recognises a message by. */
import type { Vault } from '../crypto/vault.ts';
import { identity, type ReadOctets, type Summary } from '../mime/message.ts';
import type { Outline } from '../mime/outline.ts';
import { fingerprintOf } from './identities.ts';

/** Whether two summaries show the same; `known` is what was stored, or null. */
export function sameSummary(known: unknown, summary: Summary): boolean {
  return known !== null && JSON.stringify(known) === JSON.stringify(summary);
}

/** Whether two summaries are of two messages, by their Message-IDs; `known` is what was stored, or null. */
export function areOfTwo(known: unknown, { messageId }: Summary): boolean {
  const before = (known as Summary | null)?.messageId ?? null;
  return before !== null && messageId !== null && before !== messageId;
}

/**
 * The fingerprint of a message that is being read. The size is LIST's, because that is known without reading the message.
 */
export async function fingerprint(outline: Outline, read: ReadOctets, size: number, vault: Vault): Promise<Uint8Array> {
  return fingerprintOf(await identity(outline, read), size, vault);
}
