/**
 * Waiting for changes. The Worker waits, not the account's object, which must be free to sleep: it is asked every
 * two seconds or so, at times that differ from caller to caller, whether anything has happened. An object
 * that is asked so sees to it that the mail server is asked too, now and then.
 */
import { HTTP, WAIT } from '../limits.ts';
import type { Caller, ChangesPage, ChangesQuery, MailboxRpc, Result } from '../mailbox/rpc.ts';

type Waited = Pick<MailboxRpc, 'changes' | 'changedSince'>;

/**
 * The page that `query` asks for; one that would be empty is held for `seconds`, or until `signal` says that nobody waits any
 * more. Then it is as empty as it was: its `newState` is its `oldState`.
 */
export async function waitForChanges(
  mailbox: Waited,
  caller: Caller,
  query: ChangesQuery,
  seconds: number,
  signal: AbortSignal,
): Promise<Result<ChangesPage>> {
  const began = Date.now();
  let page = await mailbox.changes(caller, query);
  if (seconds === 0) return page;
  while (page.ok && isEmpty(page.value)) {
    const left = began + seconds * 1000 - Date.now();
    if (left <= 0 || signal.aborted) return { ...page, value: { ...page.value, newState: page.value.oldState } };
    await pause(Math.min(left, interval()), signal);
    if (signal.aborted) continue;
    // What a checkpoint or the start stood for when the wait began is what is waited for.
    const since = page.value.oldState;
    const changed = await mailbox.changedSince(caller, since);
    if (!changed.ok) return changed;
    const over = Date.now() >= began + seconds * 1000;
    if (!changed.value && !over) continue;
    const within = Math.max(WAIT.answerTime, began + HTTP.requestTime - Date.now());
    page = await mailbox.changes(caller, { ...query, since, checkpoint: null, maxAge: null, within });
  }
  return page;
}

function isEmpty({ created, updated, destroyed }: ChangesPage): boolean {
  return created.length + updated.length + destroyed.length === 0;
}

/** Milliseconds to the next question. */
function interval(): number {
  return WAIT.interval * (1 + WAIT.jitter * (2 * Math.random() - 1));
}

/** Resolves after so many milliseconds, or at once when `signal` is given. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    resolve();
  };
  const timer = setTimeout(stop, milliseconds);
  signal.addEventListener('abort', stop);
  return promise;
}
