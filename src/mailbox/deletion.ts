/**
 * Deleting on the mail server. DELE only marks; the server removes in the UPDATE state, after QUIT (RFC 1939 §6), and an
 * error or a lost line there means "some or none". So: durable intent, the number confirmed by UIDL, DELE, QUIT, `+OK`,
 * and only then is it gone. Anything else is `delete_unconfirmed`, and the next listing tells the truth.
 */
import { dele } from '../pop3/command.ts';
import type { Context } from './context.ts';
import { MailboxError, refusal, upstreamFailureOf } from './failure.ts';
import { hex } from './hex.ts';
import type { OpenSession } from './line.ts';
import { locate } from './listing.ts';
import type { UpstreamSaid } from './rpc.ts';
import type { MessageRow } from './store/message-store.ts';

/** Deletes a message on the server. Returns when it is gone there; a message already gone is left so. */
export async function deleteUpstream(row: MessageRow, context: Context): Promise<void> {
  if (row.destroyed !== null) return;
  if (!namesOneMessage(row, context)) throw unnamed();
  const { store, deps, line } = context;
  store.messages.intend(row.created, deps.now());
  let written = false;
  const work = async (open: OpenSession): Promise<void> => {
    const number = (await locate(open, [row], context)).get(row.created);
    if (number === undefined) return settle(row, 'server', context);
    // The output gate holds the command back until this row is durable.
    store.messages.deletionWritten(row.created);
    written = true;
    for await (const reply of open.session.run([dele(number)]))
      if (!reply.ok) {
        // A refused DELE marked nothing.
        written = false;
        throw refusal(reply.failure);
      }
    const answer = await open.session.quit();
    if (!answer.ok) throw unconfirmed({ phase: 'quit', responseCode: null, text: answer.text });
    settle(row, 'api', context);
  };
  try {
    await line.use({ fresh: false, linger: true, priority: 'interactive', work, repeatable: () => !written });
  } catch (error) {
    if (!written) {
      store.messages.withdraw(row.created);
      throw error;
    }
    throw unconfirmed(upstreamFailureOf(error)?.upstream ?? null, error);
  }
}

/** Duplicate and empty UIDLs don't name a message: a DELE by them could hit another one. */
function namesOneMessage(row: MessageRow, context: Context): boolean {
  const empty = context.account.vault.hash('uidl', new Uint8Array(0));
  return hex(row.uidl_hash) !== hex(empty) && !context.store.messages.isDuplicate(row.uidl_hash);
}

function settle(row: MessageRow, why: 'api' | 'server', { store, deps }: Context): void {
  const now = deps.now();
  store.transaction(() => {
    if (store.messages.byId(row.id)?.destroyed === null)
      store.messages.destroy([{ created: row.created, place: store.account.takePlaces(1), why }], now, now);
    store.messages.withdraw(row.created);
  });
}

function unconfirmed(upstream: UpstreamSaid | null, error?: unknown): MailboxError {
  if (error instanceof MailboxError && error.failure.kind === 'delete_unconfirmed') return error;
  const said = upstream ?? { phase: 'quit', responseCode: null, text: null };
  return new MailboxError({ kind: 'delete_unconfirmed', upstream: said, retryAfterSeconds: null });
}

function unnamed(): MailboxError {
  const upstream = { phase: 'uidl', responseCode: null, text: null };
  return new MailboxError({ kind: 'upstream_refused', upstream, retryAfterSeconds: null });
}
