/**
 * Checkpoints: states of the feed that the account keeps by name, for clients that have no storage of their own. Reading
 * the feed never moves one; setting one is a single transaction, so of two clients that share a name and
 * ask for the version they know (RFC 9110 §13.1.1) one wins and the other hears of it.
 */
import { MAILBOX, NAMES } from '../limits.ts';
import { names } from './conditions.ts';
import type { Context } from './context.ts';
import { MailboxError } from './failure.ts';
import { behind } from './feed.ts';
import type { Checkpoint, Conditions, EntityTags } from './rpc.ts';
import type { CheckpointRow } from './store/checkpoint-store.ts';

const NAME = new RegExp(`^[A-Za-z0-9._-]{1,${NAMES.checkpoint}}$`);

/** All checkpoints, by name. */
export function listCheckpoints(context: Context): Checkpoint[] {
  // Many clients stand at the same place, most of them at the end: each place is counted once.
  const counted = new Map<number, number>();
  return context.store.checkpoints.all().map((row) => {
    const entries = counted.get(row.place) ?? behind(row.place, context);
    counted.set(row.place, entries);
    return view(row, entries, context);
  });
}

/** The checkpoint of this name; `not_found` where it was never set. */
export function readCheckpoint(name: string, context: Context): Checkpoint {
  const row = found(context.store.checkpoints.byName(name));
  return view(row, behind(row.place, context), context);
}

/**
 * Sets a checkpoint. The state that it has already changes nothing. Throws `invalid`, then `precondition_failed`, then
 * `conflict` for a step backwards without `force` and for one checkpoint too many.
 */
export function setCheckpoint(
  name: string,
  change: { readonly state: string; readonly force: boolean },
  conditions: Conditions,
  context: Context,
): { checkpoint: Checkpoint; created: boolean } {
  const { store, account, deps } = context;
  if (!NAME.test(name)) throw badName();
  const place = account.place(change.state, '/state');
  return store.transaction(() => {
    const stored = store.checkpoints.byName(name);
    demand(conditions, stored);
    if (stored && place < stored.place && !change.force) throw conflict('The checkpoint is at a later state. "force" sets it back.');
    if (!stored && store.checkpoints.count() >= MAILBOX.checkpoints)
      throw conflict(`An account has at most ${MAILBOX.checkpoints} checkpoints.`);
    const row = stored?.place === place ? stored : { name, place, updated_at: deps.now() };
    if (row !== stored) store.checkpoints.set(row);
    return { checkpoint: view(row, behind(place, context), context), created: stored === null };
  });
}

/** Forgets a checkpoint; `not_found` where there is none. */
export function deleteCheckpoint(name: string, conditions: Conditions, { store }: Context): null {
  store.transaction(() => {
    const row = found(store.checkpoints.byName(name));
    demand(conditions, row);
    store.checkpoints.remove(name);
  });
  return null;
}

function view(row: CheckpointRow, entries: number, { account }: Context): Checkpoint {
  const updatedAt = new Date(row.updated_at).toISOString();
  return { name: row.name, state: account.state(row.place), updatedAt, behind: entries, version: version(row) };
}

function version(row: CheckpointRow): string {
  return `${row.place.toString(36)}-${row.updated_at.toString(36)}`;
}

/** Throws `precondition_failed` unless what is stored is what the caller asks for. */
function demand({ ifMatch, ifNoneMatch }: Conditions, stored: CheckpointRow | null): void {
  const matches = (tags: EntityTags): boolean => stored !== null && names(tags, version(stored));
  if ((ifMatch !== null && !matches(ifMatch)) || (ifNoneMatch !== null && matches(ifNoneMatch)))
    throw new MailboxError({ kind: 'precondition_failed' });
}

function found(row: CheckpointRow | null): CheckpointRow {
  if (!row) throw new MailboxError({ kind: 'not_found' });
  return row;
}

function conflict(detail: string): MailboxError {
  return new MailboxError({ kind: 'conflict', detail });
}

function badName(): MailboxError {
  const detail = `Must have 1 to ${NAMES.checkpoint} characters: letters, digits, ".", "_" and "-".`;
  return new MailboxError({ kind: 'invalid', pointer: '/name', detail });
}
