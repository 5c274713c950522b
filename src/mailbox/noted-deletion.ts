/** A deletion as a caller asks for it: done by `Deletions`, and noted among the account's events. */
import { MAILBOX } from '../limits.ts';
import type { Rooms } from './rooms.ts';
import type { DeleteReport } from './rpc.ts';

/** Deletes messages, and notes which of them DELE may have reached, also where nobody waits for the outcome any more. */
export async function deleteNoted(ids: readonly string[], dryRun: boolean, by: string, rooms: Rooms): Promise<DeleteReport> {
  const { store, deletions, events } = rooms;
  const live = new Set(store.messages.byIds([...new Set(ids)]).flatMap((row) => (row.destroyed === null ? [row.id] : [])));
  const report = await deletions.remove(ids, dryRun);
  if (dryRun) return report;
  const unconfirmed = report.failed.filter(({ failure }) => failure.kind === 'delete_unconfirmed').map(({ id }) => id);
  const written = [...report.deleted, ...unconfirmed].filter((id) => live.has(id));
  for (let at = 0; at < written.length; at += MAILBOX.eventMessages)
    await events.note('messages_deleted', by, { messages: written.slice(at, at + MAILBOX.eventMessages) });
  return report;
}
