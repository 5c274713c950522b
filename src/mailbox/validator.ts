/**
 * Entity tags of what is made from one message (RFC 9110 §8.8.3), and the digest that they rest on. The digest is kept in
 * the ledger when the copy goes, so that whether a caller's copy is current can be told without asking the mail server.
 * A tag changes whenever what it stands for may: with the octets, the ledger's row, what was asked for, or our version.
 */
import { Buffer } from 'node:buffer';
import type { Vault } from '../crypto/vault.ts';
import type { Outline } from '../mime/outline.ts';
import { version } from '../version.ts';
import type { MessageRow } from './store/message-store.ts';

/** Of a message's octets. */
export type Digest = Pick<Outline, 'octets' | 'sha256'>;

const FIELD = 'digest';

/** The digest of a message as it is stored. It names the message's content, so it is sealed as that is. */
export function sealDigest({ octets, sha256 }: Digest, row: Pick<MessageRow, 'id'>, vault: Vault): Promise<Uint8Array> {
  return vault.sealJson({ octets, sha256 }, row.id, FIELD);
}

/** The digest of a message that was read once, or null. */
export async function openDigest(row: MessageRow, vault: Vault): Promise<Digest | null> {
  return row.digest && ((await vault.openJson(row.digest, row.id, FIELD)) as Digest);
}

/** The weak tag of a message as JSON. `asked` is all that shapes the JSON beside the message. */
export function messageTag(row: MessageRow, { sha256 }: Digest, asked: readonly unknown[], vault: Vault): string {
  const { id, updated, size } = row;
  // A renumbering changes the UIDL and is no update.
  const uidl = Buffer.from(row.uidl_hash).toString('hex');
  return tag(vault, ['message', id, updated, size, uidl, sha256, ...asked]);
}

/** The strong tag of a decoded part. Nobody can make up the tag of a part that isn't there. */
export function partTag(row: Pick<MessageRow, 'id'>, { sha256 }: Digest, path: string, vault: Vault): string {
  return tag(vault, ['part', row.id, sha256, path]);
}

function tag(vault: Vault, facts: readonly unknown[]): string {
  return Buffer.from(vault.mac('etag', new TextEncoder().encode(JSON.stringify([version, ...facts])))).toString('base64url');
}
