/**
 * A look into a maildrop that has no account here: one session, the newest messages, nothing stored. Messages are read one
 * after another, so one at a time is in memory, and of that no more than `PEEK.messageOctets`.
 */
import { MAILBOX, PEEK } from '../limits.ts';
import { summarize, type Summary } from '../mime/message.ts';
import { type Command, list, retr, stat, top, uidl } from '../pop3/command.ts';
import { Pop3Error } from '../pop3/error.ts';
import { parseDropListing, readSizes, readUidls } from '../pop3/listing.ts';
import type { Reply, Session } from '../pop3/session.ts';
import { Budget } from './budget.ts';
import type { Deps } from './deps.ts';
import { uidlText, UNKNOWN } from './item.ts';
import { inSession } from './login.ts';
import { collect, outlined } from './octets.ts';
import { quit } from './open-session.ts';
import type { PeekItem, PeekQuery } from './rpc.ts';

interface Listed {
  readonly number: number;
  readonly uidl: Uint8Array | null;
  readonly size: number;
}

/** The newest messages, the newest first. Throws the failure of the session, and `upstream_timeout` when the time is up. */
export async function peek({ server, auth, limit, detail }: PeekQuery, deps: Deps): Promise<PeekItem[]> {
  const { password, accessToken, ...who } = auth;
  const look = async (session: Session): Promise<PeekItem[]> => {
    const listed = await newest(session, Math.min(limit, PEEK.messages));
    const items = await readItems(session, listed, detail, new Date(deps.now()).toISOString());
    // Nothing was deleted: whatever comes of QUIT changes nothing.
    await quit(session);
    return items;
  };
  const login = { settings: { server, auth: who }, credentials: { password, accessToken } };
  return inSession(login, deps, look, new Budget(deps.now));
}

/** What the listing says of the messages with the highest numbers, the highest first. */
async function newest(session: Session, limit: number): Promise<Listed[]> {
  const listed = new NewestEntries(limit);
  let messages = 0;
  for await (const reply of session.run([stat(), uidl(), list()])) {
    const { verb } = reply.command;
    if (!reply.ok) {
      // Without messages some servers refuse to list any; others don't know UIDL.
      if (verb === 'STAT' || (verb === 'LIST' && messages > 0 && listed.newest().length === 0)) throw new Pop3Error(reply.failure);
    } else if (verb === 'STAT') messages = parseDropListing(reply).count;
    else if (verb === 'UIDL') {
      for await (const batch of readUidls(reply.body)) for (const { number, uidl: octets } of batch) listed.add(number, { uidl: octets });
    } else for await (const batch of readSizes(reply.body)) for (const { number, size } of batch) listed.add(number, { size });
  }
  return listed.newest();
}

/** The entries with the highest numbers of a listing that may be long. */
class NewestEntries {
  readonly #limit: number;
  #entries = new Map<number, Listed>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(number: number, { uidl: octets, size }: { uidl?: Uint8Array; size?: number }): void {
    const known = this.#entries.get(number) ?? { uidl: null, size: 0 };
    this.#entries.set(number, { number, uidl: octets ?? known.uidl, size: size ?? known.size });
    if (this.#entries.size > 2 * this.#limit) this.#entries = new Map(this.newest().map((entry) => [entry.number, entry]));
  }

  newest(): Listed[] {
    return [...this.#entries.values()].sort((a, b) => b.number - a.number).slice(0, this.#limit);
  }
}

/** An item for each message; one that the server refuses to give is what its listing says of it. */
async function readItems(session: Session, listed: readonly Listed[], detail: PeekQuery['detail'], now: string): Promise<PeekItem[]> {
  const items: PeekItem[] = [];
  const commands = listed.map((message) => commandFor(message, detail, session));
  for await (const reply of session.run(commands)) {
    const message = listed[items.length];
    if (!message) break;
    items.push({ uidl: uidlText(message.uidl), size: message.size, ...(await seen(reply)), firstSeenAt: now });
  }
  return items;
}

/** RETR where the whole message is wanted and fits, or where the server has no TOP; what exceeds the bound is thrown away. */
function commandFor({ number, size }: Listed, detail: PeekQuery['detail'], session: Session): Command {
  const hasTop = session.capabilities?.top ?? true;
  if (hasTop && (detail === 'headers' || size > PEEK.messageOctets)) return top(number, MAILBOX.previewLines);
  return { ...retr(number, size), limitOctets: PEEK.messageOctets, beyondLimit: 'cut' };
}

async function seen(reply: Reply): Promise<Summary & Pick<PeekItem, 'detail'>> {
  if (!reply.ok) return { detail: 'uidl', ...UNKNOWN };
  const octets = await collect(reply.body);
  const whole = reply.command.verb === 'RETR' && octets.length < PEEK.messageOctets;
  const { outline, read } = outlined(octets);
  const summary = await summarize(outline, read, { whole });
  return { detail: whole ? 'full' : 'headers', ...summary };
}
