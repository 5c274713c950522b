/**
 * What was read of messages in a flight whose replies were mixed up (see `pop3/pipeline.ts`) may be of other messages. Nothing of it
 * stays: neither octets nor headers. Nor is it kept from who follows the feed: they may have seen it.
 */
import type { Context } from './context.ts';

/** Forgets what was read of the messages with these places of creation, under whoever reads them. */
export function disbelieve(created: readonly number[], { store, copies }: Context): void {
  if (created.length === 0) return;
  store.transaction(() => {
    for (const message of created) copies.discard(message);
    let place = store.account.takePlaces(created.length);
    store.details.unread(created.map((message) => ({ created: message, place: place++ })));
  });
}
