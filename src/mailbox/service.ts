/**
 * A Mailbox without its platform: all that the object answers, over the handed-in `Deps`, so that the same code runs in a
 * Durable Object and under plain Node. Authorizes each call, and turns whatever goes wrong into a value.
 */
import { MAILBOX } from '../limits.ts';
import { authorize, type Holder, holderOf, tokenOf } from './access.ts';
import { accountStats } from './account-stats.ts';
import { readBatch } from './batch.ts';
import { readChanges } from './changes.ts';
import { deleteCheckpoint, listCheckpoints, readCheckpoint, setCheckpoint } from './checkpoints.ts';
import { standDown } from './checks.ts';
import { ALL } from './conditions.ts';
import { createAccount } from './creation.ts';
import type { Deps } from './deps.ts';
import { diagnoseAccount, diagnoseServer } from './diagnosis.ts';
import { OPERATOR } from './events.ts';
import { MailboxError } from './failure.ts';
import { changedSince } from './feed.ts';
import { afterCheck, askForWaiters, syncNow } from './freshness.ts';
import { absent, Gate, isRemoved, type ServiceConfig } from './gate.ts';
import { readMessages } from './message-list.ts';
import { deleteNoted } from './noted-deletion.ts';
import { peek } from './peek.ts';
import type { Rooms } from './rooms.ts';
import type * as rpc from './rpc.ts';
import { Store } from './store.ts';
import { newTicket, pictureTickets } from './tickets.ts';
import { createToken, listTokens, revokeToken } from './tokens.ts';
import { accountView, syncView, visitReport } from './view.ts';

export class MailboxService implements rpc.MailboxRpc {
  readonly #deps: Deps;
  readonly #config: ServiceConfig;
  readonly #store: Store;
  readonly #gate: Gate;

  constructor(deps: Deps, config: ServiceConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#store = new Store(deps.sql);
    this.#gate = new Gate(deps, config, this.#store);
  }

  create(
    id: string,
    settings: rpc.AccountSettings,
    verify: boolean,
    token: rpc.TokenSettings | null,
  ): Promise<rpc.Result<{ account: rpc.AccountView; token: rpc.NewToken | null }>> {
    const asked = { id, settings, verify, token };
    return this.#gate.answer(() => createAccount(asked, { deps: this.#deps, config: this.#config, store: this.#store, gate: this.#gate }));
  }

  account(caller: rpc.Caller): Promise<rpc.Result<rpc.AccountView>> {
    return this.#gate.admit(caller, 'read', (rooms) => accountView(rooms, rooms.rounds.nextCheck()));
  }

  authorize(caller: rpc.Caller, scope: rpc.Scope): Promise<rpc.Result<null>> {
    return this.#gate.admit(caller, scope, () => null);
  }

  update(caller: rpc.Caller, change: rpc.AccountChange, verify: boolean): Promise<rpc.Result<rpc.AccountView>> {
    return this.#gate.admit(caller, 'manage', async (rooms, budget) => {
      const asked = { caller, by: this.#name(caller, rooms), verify };
      const renewed = await rooms.amendments.make(change, asked, budget);
      if (renewed) syncNow(rooms).catch((error: unknown) => this.#gate.noteBug(error));
      return accountView(rooms, rooms.rounds.nextCheck());
    });
  }

  remove(caller: rpc.Caller): Promise<rpc.Result<null>> {
    return this.#gate.counted(caller, async () => {
      const row = this.#gate.row();
      // A removal that was cut off after it had destroyed the key is finished by asking again.
      if (row && !isRemoved(row)) {
        const rooms = await this.#gate.open(row);
        await authorize(caller, 'manage', rooms.account, this.#store, this.#deps.now());
        this.#store.account.destroyDataKey();
        rooms.rounds.end();
        await rooms.line.end();
      } else if (!row || caller.kind !== 'operator') throw absent(caller);
      await this.#deps.erase();
      this.#gate.house(null);
      return null;
    });
  }

  messages(caller: rpc.Caller, query: rpc.ListQuery): Promise<rpc.Result<rpc.MessagePage>> {
    return this.#gate.admit(caller, 'read', (rooms, budget) => readMessages(query, rooms, budget));
  }

  message(
    caller: rpc.Caller,
    id: string,
    query: rpc.MessageQuery,
    ifNoneMatch: rpc.EntityTags | null,
  ): Promise<rpc.Result<rpc.Conditional<{ message: rpc.MessageView; etag: string }>>> {
    return this.#gate.admit(caller, 'read', (rooms, budget) => {
      const tickets = pictureTickets(query.ticketsAt, this.#holder(caller, rooms), rooms);
      return rooms.reading.taggedMessage(id, query, ifNoneMatch, tickets, budget);
    });
  }

  raw(caller: rpc.Caller, id: string, query: rpc.OctetsQuery | null): Promise<rpc.Result<rpc.Conditional<rpc.Octets>>> {
    return this.#gate.admit(caller, 'read', (rooms, budget) => rooms.reading.raw(id, query ?? ALL, budget));
  }

  attachment(
    caller: rpc.Caller,
    id: string,
    part: string,
    query: rpc.AttachmentQuery | null,
  ): Promise<rpc.Result<rpc.Conditional<rpc.AttachmentOctets>>> {
    return this.#gate.admit(caller, 'read', (rooms, budget) => rooms.reading.attachment(id, part, query ?? ALL, budget));
  }

  ticket(caller: rpc.Caller, path: string, ttlSeconds: number): Promise<rpc.Result<rpc.Ticket>> {
    return this.#gate.admit(caller, 'read', async (rooms) => newTicket(path, ttlSeconds, this.#holder(caller, rooms), rooms));
  }

  messagesById(caller: rpc.Caller, query: rpc.BatchQuery): Promise<rpc.Result<rpc.BatchEntry[]>> {
    return this.#gate.admit(caller, 'read', (rooms) => readBatch(query, rooms));
  }

  deleteMessage(caller: rpc.Caller, id: string): Promise<rpc.Result<null>> {
    return this.#gate.admit(caller, 'delete', async (rooms, budget) => {
      const { notFound, failed } = await budget.wait(deleteNoted([id], false, this.#name(caller, rooms), rooms));
      const failure = failed[0]?.failure ?? (notFound.length > 0 ? ({ kind: 'not_found' } as const) : null);
      if (failure) throw new MailboxError(failure);
      return null;
    });
  }

  deleteMessages(caller: rpc.Caller, ids: string[], dryRun: boolean): Promise<rpc.Result<rpc.DeleteReport>> {
    return this.#gate.admit(caller, 'delete', (rooms, budget) => budget.wait(deleteNoted(ids, dryRun, this.#name(caller, rooms), rooms)));
  }

  changes(caller: rpc.Caller, query: rpc.ChangesQuery): Promise<rpc.Result<rpc.ChangesPage>> {
    return this.#gate.admit(caller, 'read', (rooms, budget) => readChanges(query, rooms, budget));
  }

  changedSince(caller: rpc.Caller, state: string): Promise<rpc.Result<boolean>> {
    return this.#gate.admit(caller, 'read', (rooms) => {
      const changed = changedSince(rooms.account.place(state, '/state'), rooms);
      if (!changed) askForWaiters(rooms).catch((error: unknown) => this.#gate.noteBug(error));
      return changed;
    });
  }

  checkpoints(caller: rpc.Caller): Promise<rpc.Result<rpc.Checkpoint[]>> {
    return this.#gate.admit(caller, 'read', listCheckpoints);
  }

  checkpoint(caller: rpc.Caller, name: string): Promise<rpc.Result<rpc.Checkpoint>> {
    return this.#gate.admit(caller, 'read', (rooms) => readCheckpoint(name, rooms));
  }

  setCheckpoint(
    caller: rpc.Caller,
    name: string,
    change: { state: string; force: boolean },
    conditions: rpc.Conditions,
  ): Promise<rpc.Result<{ checkpoint: rpc.Checkpoint; created: boolean }>> {
    return this.#gate.admit(caller, 'write', (rooms) => setCheckpoint(name, change, conditions, rooms));
  }

  deleteCheckpoint(caller: rpc.Caller, name: string, conditions: rpc.Conditions): Promise<rpc.Result<null>> {
    return this.#gate.admit(caller, 'write', (rooms) => deleteCheckpoint(name, conditions, rooms));
  }

  sync(caller: rpc.Caller): Promise<rpc.Result<rpc.SyncReport>> {
    return this.#gate.admit(caller, 'read', async (rooms, budget) => {
      const outcome = await budget.wait(syncNow(rooms));
      return { ...outcome, sync: syncView(rooms, afterCheck(rooms)) };
    });
  }

  identity(caller: rpc.Caller): Promise<rpc.Result<rpc.TokenIdentity>> {
    return this.#gate.counted(caller, async () => {
      const row = this.#gate.row();
      if (!row || isRemoved(row)) throw absent(caller);
      const { account } = await this.#gate.open(row);
      const token = await tokenOf(caller, account, this.#store, this.#deps.now());
      if (!token) throw new MailboxError({ kind: 'not_found' });
      const { scopes, expiresAt, origins, label } = token;
      return { id: token.row.id, account: account.id, scopes, expiresAt, origins, label };
    });
  }

  createToken(caller: rpc.Caller, settings: rpc.TokenSettings): Promise<rpc.Result<rpc.NewToken>> {
    return this.#gate.admit(caller, 'manage', (rooms) => createToken(settings, this.#name(caller, rooms), rooms));
  }

  tokens(caller: rpc.Caller): Promise<rpc.Result<rpc.TokenEntry[]>> {
    return this.#gate.admit(caller, 'manage', listTokens);
  }

  revokeToken(caller: rpc.Caller, id: string): Promise<rpc.Result<null>> {
    return this.#gate.admit(caller, 'manage', (rooms) => revokeToken(id, this.#name(caller, rooms), rooms));
  }

  events(caller: rpc.Caller, query: rpc.EventQuery): Promise<rpc.Result<rpc.EventPage>> {
    return this.#gate.admit(caller, 'manage', (rooms) => rooms.events.page(query));
  }

  stats(caller: rpc.Caller): Promise<rpc.Result<rpc.AccountStats>> {
    return this.#gate.admit(caller, 'read', accountStats);
  }

  visit(caller: rpc.Caller): Promise<rpc.Result<rpc.VisitReport>> {
    return this.#gate.admit(caller, 'manage', async (rooms) => {
      refuseTokens(caller);
      const alarmLost = await rooms.rounds.rearm();
      return { ...visitReport(rooms), alarmLost };
    });
  }

  peek(caller: rpc.Caller, query: rpc.PeekQuery): Promise<rpc.Result<rpc.PeekItem[]>> {
    return this.#gate.answer(() => {
      refuseTokens(caller);
      return peek(query, this.#deps);
    });
  }

  diagnose(caller: rpc.Caller, place: rpc.DiagnosisPlace | null): Promise<rpc.Result<rpc.Diagnosis>> {
    if (place === null)
      return this.#gate.admit(caller, 'manage', (rooms, budget) =>
        diagnoseAccount(rooms, { discreet: caller.kind !== 'operator', budget }),
      );
    return this.#gate.answer(() => {
      refuseTokens(caller);
      return diagnoseServer(place, this.#deps);
    });
  }

  /** What the object's alarm does, set for `rang`. Never throws: the platform gives up on an alarm that does. */
  async alarm(rang: number | null = null): Promise<void> {
    const row = this.#gate.row();
    if (!row || isRemoved(row)) return;
    try {
      const rooms = await this.#gate.open(row, rang);
      await rooms.rounds.ring();
    } catch (error) {
      // The account can't be opened, for want of its master key: nothing is changed, and it is looked at again later.
      this.#deps.alarm.set(this.#deps.now() + MAILBOX.backoffMost);
      standDown(this.#store, rang, this.#deps.now());
      this.#gate.noteBug(error);
    }
  }

  /** Who `caller` is in events. */
  #name(caller: rpc.Caller, rooms: Rooms): string {
    return this.#holder(caller, rooms).token?.id ?? OPERATOR;
  }

  #holder(caller: rpc.Caller, { account }: Rooms): Holder {
    return holderOf(caller, account, this.#store, this.#deps.now());
  }
}

/** No route lets a token come here; nobody else is to either. */
function refuseTokens(caller: rpc.Caller): void {
  if (caller.kind !== 'operator') throw new MailboxError({ kind: 'forbidden', detail: 'Only the operator may do this.' });
}
