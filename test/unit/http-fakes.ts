/**
 * A Mailbox and a Directory in memory that implement the RPC types and keep its rules: who is authorized, what an
 * absent account answers. A test sets what they fail with and looks at what they were asked.
 */
import type { DirectoryEntry, DirectoryQuery, DirectoryResult, DirectoryRpc } from '../../src/directory/rpc.ts';
import type * as rpc from '../../src/mailbox/rpc.ts';
import { hashToken, newToken } from '../../src/crypto/token.ts';

export const ITEM: rpc.ListItem = {
  id: 'kQ3vW0cJ8mX2dYf1sTnRrA',
  uidl: '000102d4',
  size: 45_678,
  detail: 'headers',
  subject: 'Meeting tomorrow',
  from: [{ name: 'Ann', address: 'ann@example.com' }],
  to: [],
  cc: [],
  bcc: [],
  replyTo: [],
  sender: [],
  date: '2026-11-20T10:23:45Z',
  receivedAt: null,
  messageId: '<abc@example.com>',
  inReplyTo: [],
  references: [],
  preview: "Let's meet",
  hasAttachments: true,
  firstSeenAt: '2026-11-20T10:24:00Z',
};
const SYNC: rpc.SyncView = { state: 's1.x', checkedAt: '2026-11-20T10:24:00Z', stale: false, problem: null };

const CHECKPOINT: rpc.Checkpoint = { name: 'phone', state: 's1.a', updatedAt: '2026-11-20T10:24:02.000Z', behind: 0, version: '1-1' };

export function random(count: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** The part of the RPC that these fakes answer; what is newer is tested against real objects. */
type Faked = Pick<
  rpc.MailboxRpc,
  | 'create'
  | 'account'
  | 'authorize'
  | 'remove'
  | 'messages'
  | 'message'
  | 'raw'
  | 'attachment'
  | 'messagesById'
  | 'deleteMessage'
  | 'deleteMessages'
  | 'changes'
  | 'checkpoints'
  | 'checkpoint'
  | 'setCheckpoint'
  | 'deleteCheckpoint'
  | 'sync'
>;

export class FakeMailbox implements Faked {
  settings: rpc.AccountSettings | null = null;
  readonly tokens = new Map<string, rpc.TokenSettings>();
  readonly calls: { method: string; args: unknown[] }[] = [];
  /** What every authorized call fails with, while set. */
  failure: rpc.Failure | null = null;
  /** What every call throws, while set: RPC itself broken. */
  thrown: Error | null = null;
  octets = new TextEncoder().encode('Subject: hello\r\n\r\nHello.\r\n');
  known = true;
  attachmentView: rpc.Attachment = {
    id: '2',
    filename: 'agenda.pdf',
    contentType: 'application/pdf',
    size: 26,
    sha256: '00'.repeat(32),
    disposition: 'attachment',
    contentId: null,
    inline: false,
    url: '/x',
  };
  /** Who asked, each time. */
  readonly callers: rpc.Caller[] = [];
  id: string;

  constructor(id: string) {
    this.id = id;
  }

  #answer<T>(method: string, caller: rpc.Caller, scope: rpc.Scope, args: unknown[], value: () => T): Promise<rpc.Result<T>> {
    this.calls.push({ method, args });
    this.callers.push(caller);
    if (this.thrown !== null) return Promise.reject(this.thrown);
    const failure = this.#refusal(caller, scope) ?? this.failure;
    return Promise.resolve(failure === null ? { ok: true, value: value() } : { ok: false, failure });
  }

  #refusal(caller: rpc.Caller, scope: rpc.Scope): rpc.Failure | null {
    if (caller.kind === 'operator') return this.settings === null ? { kind: 'not_found' } : null;
    if (caller.kind === 'ticket') return { kind: 'unauthorized' };
    const token = this.tokens.get(caller.hash);
    if (this.settings === null || token === undefined) return { kind: 'unauthorized' };
    if (token.scopes.includes('manage') || token.scopes.includes(scope)) return null;
    return { kind: 'forbidden', detail: `This token lacks the scope "${scope}".` };
  }

  #view(settings: rpc.AccountSettings): rpc.AccountView {
    const { auth, server, cache, ...rest } = settings;
    return {
      ...rest,
      id: this.id,
      createdAt: '2026-11-20T10:24:00Z',
      state: 'ready',
      stateSince: '2026-11-20T10:24:00Z',
      lastError: null,
      consecutiveFailures: 0,
      server: { ...server, capabilities: ['UIDL'], loginDelaySeconds: 0, expire: null },
      auth: { username: auth.username, method: auth.method },
      mailbox: { messages: 1, octets: 45_678 },
      sync: { state: 's1.x', checkedAt: null, nextCheckAt: null, stale: false },
      indexing: { done: 1, of: 1 },
      cache: { ...cache, usedBytes: 0 },
    };
  }

  create(account: string, settings: rpc.AccountSettings, verify: boolean, token: rpc.TokenSettings | null) {
    this.calls.push({ method: 'create', args: [account, settings, verify, token] });
    if (this.thrown !== null) return Promise.reject(this.thrown);
    if (this.failure !== null) return Promise.resolve({ ok: false as const, failure: this.failure });
    this.settings = settings;
    const made = token === null ? null : { ...token, id: 'tok_x', createdAt: '2026-11-20T10:24:00Z', secret: this.give(token) };
    return Promise.resolve({ ok: true as const, value: { account: this.#view(settings), token: made } });
  }

  /** Makes a token of this account. */
  give(token: rpc.TokenSettings): string {
    const secret = newToken(random, this.id);
    this.tokens.set(hashToken(secret), token);
    return secret;
  }

  account(caller: rpc.Caller) {
    return this.#answer('account', caller, 'read', [], () => this.#view(this.settings!));
  }
  authorize(caller: rpc.Caller, scope: rpc.Scope) {
    return this.#answer('authorize', caller, scope, [scope], () => null);
  }
  remove(caller: rpc.Caller) {
    return this.#answer('remove', caller, 'manage', [], () => {
      this.settings = null;
      this.tokens.clear();
      return null;
    });
  }
  messages(caller: rpc.Caller, query: rpc.ListQuery) {
    return this.#answer('messages', caller, 'read', [query], () => ({ data: [ITEM], nextCursor: null, total: 1, sync: SYNC }));
  }
  message(caller: rpc.Caller, id: string, query: rpc.MessageQuery) {
    return this.#answer('message', caller, 'read', [id, query], () => ({
      notModified: false as const,
      etag: 'tag',
      message: this.#message(query),
    }));
  }
  #message(query: rpc.MessageQuery): rpc.MessageView {
    return {
      ...ITEM,
      headers: [['Subject', 'Meeting tomorrow']] as [string, string][],
      text: 'Hello',
      html: null,
      textTruncated: false,
      htmlTruncated: false,
      htmlMode: query.html,
      remoteContent: { blocked: 0 },
      attachments: [this.attachmentView],
      defects: [],
    };
  }
  raw(caller: rpc.Caller, id: string, query: rpc.OctetsQuery) {
    const sha256 = this.known ? 'ab'.repeat(32) : null;
    return this.#answer('raw', caller, 'read', [id, query], () => this.#octets(query, this.known ? this.octets.length : null, sha256));
  }
  attachment(caller: rpc.Caller, id: string, part: string, query: rpc.AttachmentQuery) {
    const { size, sha256 } = this.attachmentView;
    return this.#answer('attachment', caller, 'read', [id, part, query], () => ({
      ...this.#octets(query, size, sha256),
      attachment: this.attachmentView,
      recognised: null,
    }));
  }
  #octets(query: rpc.OctetsQuery, size: number | null, sha256: string | null): { notModified: false } & rpc.Octets {
    return { notModified: false, body: query.body ? this.#stream() : null, range: null, size, sha256, etag: sha256 };
  }
  deleteMessage(caller: rpc.Caller, id: string) {
    return this.#answer('deleteMessage', caller, 'delete', [id], () => null);
  }
  messagesById(caller: rpc.Caller, query: rpc.BatchQuery) {
    return this.#answer('messagesById', caller, 'read', [query], (): rpc.BatchEntry[] => query.ids.map((id) => ({ id, message: ITEM })));
  }
  deleteMessages(caller: rpc.Caller, ids: string[], dryRun: boolean) {
    return this.#answer('deleteMessages', caller, 'delete', [ids, dryRun], () => ({ deleted: ids, notFound: [], failed: [] }));
  }
  changes(caller: rpc.Caller, query: rpc.ChangesQuery) {
    return this.#answer('changes', caller, 'read', [query], () => ({
      oldState: 's1.a',
      newState: 's1.b',
      hasMore: false,
      created: [ITEM],
      updated: [],
      destroyed: [{ id: 'x', reason: 'api' as const }],
      renumbered: false,
      destroyedComplete: true,
      sync: SYNC,
    }));
  }
  checkpoints(caller: rpc.Caller) {
    return this.#answer('checkpoints', caller, 'read', [], () => [CHECKPOINT]);
  }
  checkpoint(caller: rpc.Caller, name: string) {
    return this.#answer('checkpoint', caller, 'read', [name], () => CHECKPOINT);
  }
  setCheckpoint(caller: rpc.Caller, name: string, change: { state: string; force: boolean }, conditions: rpc.Conditions) {
    return this.#answer('setCheckpoint', caller, 'write', [name, change, conditions], () => ({ checkpoint: CHECKPOINT, created: false }));
  }
  deleteCheckpoint(caller: rpc.Caller, name: string, conditions: rpc.Conditions) {
    return this.#answer('deleteCheckpoint', caller, 'write', [name, conditions], () => null);
  }
  sync(caller: rpc.Caller) {
    return this.#answer('sync', caller, 'read', [], () => ({
      created: 0,
      destroyed: 0,
      total: 1,
      renumbered: false,
      sync: SYNC,
      upstream: { flights: 1, bytesIn: 1, bytesOut: 1, milliseconds: 1, commands: { STAT: 1 } },
    }));
  }

  #stream(): ReadableStream<Uint8Array> {
    return new ReadableStream(
      {
        pull: (controller) => {
          controller.enqueue(this.octets);
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }
}

/** The part of the RPC that this fake answers; what is newer is tested against the real one. */
type FakedDirectory = Pick<DirectoryRpc, 'reserve' | 'confirm' | 'release' | 'forget' | 'list'>;

export class FakeDirectory implements FakedDirectory {
  readonly entries = new Map<string, { entry: DirectoryEntry; state: 'pending' | 'live' | 'removing' }>();
  readonly calls: string[] = [];
  reserve(entry: DirectoryEntry): Promise<DirectoryResult<null>> {
    this.calls.push('reserve');
    for (const other of this.entries.values()) {
      if (entry.externalId !== null && other.entry.externalId === entry.externalId) {
        return Promise.resolve({ ok: false, failure: { kind: 'conflict', account: other.entry.id } });
      }
    }
    this.entries.set(entry.id, { entry, state: 'pending' });
    return this.#done();
  }
  confirm(id: string): Promise<DirectoryResult<null>> {
    return this.#become('confirm', id, 'live');
  }
  release(id: string): Promise<DirectoryResult<null>> {
    return this.#become('release', id, 'removing');
  }
  forget(id: string): Promise<DirectoryResult<null>> {
    this.calls.push('forget');
    this.entries.delete(id);
    return this.#done();
  }
  list(query: DirectoryQuery): Promise<DirectoryResult<{ data: DirectoryEntry[]; nextCursor: string | null }>> {
    if (query.cursor !== null) {
      return Promise.resolve({
        ok: false,
        failure: { kind: 'invalid', pointer: '/cursor', detail: 'Is not a cursor that this deployment gave.' },
      });
    }
    const live = [...this.entries.values()].filter(({ state }) => state === 'live').map(({ entry }) => entry);
    const data = live.filter((entry) => query.externalId === null || entry.externalId === query.externalId).slice(0, query.limit);
    return Promise.resolve({ ok: true, value: { data, nextCursor: null } });
  }
  #become(call: string, id: string, state: 'live' | 'removing'): Promise<DirectoryResult<null>> {
    this.calls.push(call);
    const known = this.entries.get(id);
    if (known !== undefined) known.state = state;
    return this.#done();
  }
  #done(): Promise<DirectoryResult<null>> {
    return Promise.resolve({ ok: true, value: null });
  }
}
