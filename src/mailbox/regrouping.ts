/**
 * UIDLs that don't tell which message is meant: reused for other mail, shared by several, handed on from one message to the
 * next. The headers of what is listed under doubtful ones decide which is which of the ledger's, each by the fingerprint that
 * it was indexed with. A row whose name another message has taken loses it, and nothing else: whether it is gone is for
 * the judgement of the listing to say, which must be made anew.
 */
import { Buffer } from 'node:buffer';
import { RECOGNITION } from '../limits.ts';
import { chunks } from './batches.ts';
import type { Context } from './context.ts';
import { doubtsOf, type Doubts } from './doubts.ts';
import { hex } from './hex.ts';
import { fingerprintOf, hasTop, type Identity, readIdentities } from './identities.ts';
import type { Judgement } from './ledger.ts';
import type { OpenSession } from './line.ts';
import type { ListingTable } from './listing-table.ts';
import { type ListedMessage, pairUp } from './pairing.ts';
import { sealKeys } from './rekeying.ts';
import { sameOctets } from './same-octets.ts';
import type { KeyedRow } from './store/key-store.ts';

/** What regrouping did. */
export interface Regrouped {
  /** Whether messages have other UIDLs now. */
  readonly renamed: boolean;
  /** Whether doubtful UIDLs were left for the next listing. */
  readonly more: boolean;
  /** Ranks under doubtful UIDLs that were looked at: who is new among them can't be told while some were left. */
  readonly undecided: ReadonlySet<number>;
}

/** Settles the doubtful UIDLs of a listing, as many as one sync looks at. Null where there is none. */
export async function regroup(open: OpenSession, table: ListingTable, judgement: Judgement, context: Context): Promise<Regrouped | null> {
  const { resized, returned, vanished, arrived } = judgement;
  if (resized.length + returned.length + vanished.length + arrived.length === 0) return null;
  const doubts = doubtsOf(table, judgement, context);
  resizeUnread(table, doubts, context);
  if (doubts.all.length === 0) {
    return doubts.unread.length > 0 || doubts.more ? { renamed: false, more: doubts.more, undecided: new Set() } : null;
  }
  const identities = await identitiesOf(open, table, doubts);
  const groups = doubts.all.map(({ rows, ranks }) => ({ rows, listed: ranks.map((rank) => listed(table, rank, identities, context)) }));
  const pairs = pairUp(groups, doubts.missing);
  const messages = groups.flatMap((group) => group.listed);
  const undecided = new Set(doubts.more ? doubts.all.flatMap(({ rows, ranks }) => (rows.length > 0 ? ranks : [])) : []);
  return { renamed: await settle(table, messages, pairs, context), more: doubts.more, undecided };
}

/** Of messages whose headers nobody has read nothing is known that a size could contradict: they take the new one. */
function resizeUnread(table: ListingTable, { unread }: Doubts, { store }: Context): void {
  for (const batch of chunks(unread))
    store.transaction(() => {
      let place = store.account.takePlaces(batch.length);
      store.messages.resize(batch.map(({ created, rank }) => ({ created, size: table.sizeAt(rank) ?? 0, place: place++, print: null })));
    });
}

/** By rank. Under a UIDL that names more messages than one sync reads, sizes must do. */
async function identitiesOf(open: OpenSession, table: ListingTable, { all }: Doubts): Promise<Map<number, Identity>> {
  const identities = new Map<number, Identity>();
  const ranks = all.flatMap((doubt) => (doubt.ranks.length <= RECOGNITION.doubtfulMost ? doubt.ranks : []));
  if (!hasTop(open.session)) return identities;
  await readIdentities(open.session, table, ranks, (rank, { messageId, date }) => {
    // A hostile header is no identity: hundreds of them are held here.
    if ((messageId ?? '').length + (date ?? '').length > RECOGNITION.identityCharacters) return;
    identities.set(rank, { messageId: copied(messageId), date: copied(date) });
  });
  return identities;
}

/** A text of its own: a part of a longer one would keep all of that in memory. */
function copied(text: string | null): string | null {
  return text === null ? null : Buffer.from(text).toString();
}

function listed(table: ListingTable, rank: number, identities: ReadonlyMap<number, Identity>, { account }: Context): ListedMessage {
  const identity = identities.get(rank);
  const print = identity ? (size: number) => fingerprintOf(identity, size, account.vault) : null;
  return { rank, size: table.sizeAt(rank), occurrence: table.occurrenceAt(rank), print };
}

/** Gives each row its message's name and size, in one transaction. Returns whether any has another UIDL now. */
async function settle(
  table: ListingTable,
  messages: readonly ListedMessage[],
  pairs: ReadonlyMap<KeyedRow, ListedMessage>,
  context: Context,
): Promise<boolean> {
  const { keys, messages: rows, account } = context.store;
  const isNamed = (row: KeyedRow, rank: number): boolean => sameOctets(row.uidl_hash, table.hashAt(rank));
  const staying = new Set<number>();
  const moved: { created: number; occurrence: number }[] = [];
  const renamed: { row: KeyedRow; rank: number }[] = [];
  for (const [row, { rank, occurrence }] of pairs) {
    if (!isNamed(row, rank)) renamed.push({ row, rank });
    else if (row.occurrence === occurrence) staying.add(rank);
    else moved.push({ created: row.created, occurrence });
  }
  const resized = [...pairs].flatMap(([row, { size, print }]) =>
    size === null || size === row.size ? [] : [{ created: row.created, size, print: print && hex(print(size)) }],
  );
  const freed = messages
    .filter(({ rank }) => !staying.has(rank))
    .map(({ rank }) => [hex(table.hashAt(rank)), table.occurrenceAt(rank)] as const);
  const sealed = await sealKeys(table, renamed, context);
  context.store.transaction(() => {
    for (const batch of chunks(freed)) keys.free(batch);
    for (const batch of chunks(moved)) {
      keys.unkey(batch.map((row) => row.created));
    }
    for (const batch of chunks(moved)) keys.setOccurrences(batch);
    for (const batch of sealed) keys.rekey(batch);
    let place = account.takePlaces(resized.length + (renamed.length > 0 ? 1 : 0));
    if (renamed.length > 0) account.setRenumbered(place++);
    for (const batch of chunks(resized)) rows.resize(batch.map((row) => ({ ...row, place: place++ })));
    account.doubtHint();
  });
  return renamed.length > 0;
}
