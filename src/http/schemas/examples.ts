/** The examples of the OpenAPI document: one account, one message and what the calls say of them. Checked against the schemas by a test. */
import type { DeploymentStats } from '../../directory/rpc.ts';
import type {
  AccountEvent,
  AccountStats,
  AccountView,
  ChangesPage,
  Diagnosis,
  ListItem,
  MessagePage,
  MessageView,
  NewToken,
  PeekItem,
  SyncReport,
  SyncView,
  Ticket,
  TokenEntry,
  TokenIdentity,
} from '../../mailbox/rpc.ts';

export const ACCOUNT_ID = 'acc_4kT9vQz0mX2dYf1sTnRrA7';
export const MESSAGE_ID = 'kQ3vW0cJ8mX2dYf1sTnRrA';
const STATE = 's1.q0Zl7rJvQm2cYw';
const NOW = '2026-11-20T10:24:02.000Z';

export const SYNC: SyncView = { state: STATE, checkedAt: NOW, stale: false, problem: null };

export const ITEM: ListItem = {
  id: MESSAGE_ID,
  uidl: '000102d4',
  size: 45_678,
  detail: 'headers',
  subject: 'Meeting tomorrow',
  from: [{ name: 'Ann', address: 'ann@example.com' }],
  to: [{ name: '', address: 'bob@example.com' }],
  cc: [],
  bcc: [],
  replyTo: [],
  sender: [],
  date: '2026-11-20T10:23:45.000Z',
  receivedAt: '2026-11-20T10:24:02.000Z',
  messageId: '<abc@example.com>',
  inReplyTo: [],
  references: [],
  preview: "Let's meet tomorrow at 10",
  hasAttachments: true,
  firstSeenAt: NOW,
};

export const MESSAGE_PAGE: MessagePage = { data: [ITEM], nextCursor: null, total: 1, sync: SYNC };

export const MESSAGE: MessageView = {
  ...ITEM,
  detail: 'full',
  headers: [
    ['Received', 'from mx.example.com by mail.example.com; Fri, 20 Nov 2026 10:24:02 +0000'],
    ['Subject', 'Meeting tomorrow'],
  ],
  text: "Let's meet tomorrow at 10\n",
  html: "<p>Let's meet tomorrow at 10</p>",
  textTruncated: false,
  htmlTruncated: false,
  htmlMode: 'safe',
  remoteContent: { blocked: 3 },
  attachments: [
    {
      id: '2',
      filename: 'agenda.pdf',
      contentType: 'application/pdf',
      size: 33_120,
      sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      disposition: 'attachment',
      contentId: null,
      inline: false,
      url: `/v1/accounts/${ACCOUNT_ID}/messages/${MESSAGE_ID}/attachments/2`,
    },
  ],
  defects: [],
};

export const CHANGES: ChangesPage = {
  oldState: 's1.pY8w2hTgNc4bXe',
  newState: STATE,
  hasMore: false,
  created: [ITEM],
  updated: [],
  destroyed: [{ id: 'b7Yd0wq1TzK5nE2hUoLx3g', reason: 'server' }],
  renumbered: false,
  destroyedComplete: true,
  sync: SYNC,
};

export const TICKET: Ticket = {
  url: `/v1/accounts/${ACCOUNT_ID}/messages/${MESSAGE_ID}/attachments/2?ticket=t1.AbCdEf`,
  expiresAt: '2026-11-20T10:29:02.000Z',
};

export const CHECKPOINT = { name: 'phone', state: STATE, updatedAt: NOW, behind: 12 };

export const REPORT: SyncReport = {
  created: 2,
  destroyed: 0,
  total: 1523,
  renumbered: false,
  sync: SYNC,
  upstream: { flights: 2, bytesIn: 812, bytesOut: 96, milliseconds: 210, commands: { STAT: 1, UIDL: 1, LIST: 1, QUIT: 1 } },
};

export const ACCOUNT: AccountView = {
  id: ACCOUNT_ID,
  email: 'ann@example.com',
  externalId: 'user-17',
  createdAt: '2026-11-20T09:00:00.000Z',
  state: 'ready',
  stateSince: '2026-11-20T09:00:01.000Z',
  lastError: null,
  consecutiveFailures: 0,
  paused: false,
  server: {
    host: 'pop.example.com',
    port: 995,
    security: 'tls',
    capabilities: ['TOP', 'UIDL', 'PIPELINING'],
    loginDelaySeconds: 0,
    expire: 'never',
  },
  auth: { username: 'ann@example.com', method: 'auto' },
  mailbox: { messages: 1523, octets: 183_726_612 },
  sync: { state: STATE, checkedAt: NOW, nextCheckAt: '2026-11-20T10:29:02.000Z', stale: false },
  indexing: { done: 1000, of: 1000 },
  initial: 'all',
  pollSeconds: 300,
  location: 'weur',
  jurisdiction: null,
  cache: { maxBytes: 67_108_864, maxMessageBytes: 16_777_216, usedBytes: 0 },
};

export const ACCOUNT_ENTRY = {
  id: ACCOUNT_ID,
  email: ACCOUNT.email,
  externalId: ACCOUNT.externalId,
  host: ACCOUNT.server.host,
  createdAt: ACCOUNT.createdAt,
};

export const NEW_TOKEN: NewToken = {
  id: 'tok_7dQm1XcV9bRt2LpWs8KzYf',
  secret: 'pgt_4kT9vQz0mX2dYf1sTnRrA7_… (30 and 6 characters more)',
  scopes: ['read'],
  expiresAt: null,
  origins: [],
  label: 'phone',
  createdAt: '2026-11-20T09:00:00.000Z',
};

export const NEW_ACCOUNT = {
  server: { host: 'pop.example.com' },
  auth: { username: 'ann@example.com', password: 'correct horse battery staple' },
  externalId: 'user-17',
  location: 'weur',
  token: { scopes: ['read'], label: 'phone' },
};

export const NEW_TOKEN_SETTINGS = { scopes: ['read'], label: 'phone' };

const { secret: _, ...LISTED_TOKEN } = NEW_TOKEN;

export const TOKEN: TokenEntry = { ...LISTED_TOKEN, lastUsedAt: '2026-11-20T00:00:00.000Z' };

export const IDENTITY: TokenIdentity = {
  id: NEW_TOKEN.id,
  account: ACCOUNT_ID,
  scopes: NEW_TOKEN.scopes,
  expiresAt: NEW_TOKEN.expiresAt,
  origins: NEW_TOKEN.origins,
  label: NEW_TOKEN.label,
};

export const ACCOUNT_PATCH = { pollSeconds: 600, auth: { username: 'ann@example.com', password: 'a new one, and a long one too' } };

export const EVENT: AccountEvent = {
  at: NOW,
  action: 'account_changed',
  by: NEW_TOKEN.id,
  members: ['pollSeconds'],
  token: null,
  messages: [],
};

export const ACCOUNT_STATS: AccountStats = {
  messagesPerDay: [{ date: '2026-11-20', count: 12 }],
  largest: [ITEM],
  topSenders: [{ address: 'ann@example.com', name: 'Ann', count: 7 }],
};

export const DEPLOYMENT_STATS: DeploymentStats = {
  accounts: { new: 0, ready: 41, auth_failed: 1, unreachable: 1, paused: 2 },
  polls: { accounts: 42, perDay: 12_096 },
  failures: { upstream_auth_failed: 1, upstream_unreachable: 1 },
  oldestUnchecked: { account: ACCOUNT_ID, checkedAt: NOW },
  asOf: '2026-11-20T04:00:00.000Z',
};

const { id: __, ...PEEKED } = ITEM;

export const PEEK_ITEM: PeekItem = PEEKED;

export const PEEK = { server: { host: 'pop.example.com' }, auth: NEW_ACCOUNT.auth, limit: 10 };

export const DIAGNOSE = { account: ACCOUNT_ID };

export const DIAGNOSIS: Diagnosis = {
  verdict: 'auth_failed',
  advice:
    'The provider wants an app password here instead of the usual one. Make one in the security settings of the mailbox and use that.',
  steps: [
    { name: 'policy', ok: true },
    { name: 'connect', ok: true, milliseconds: 31 },
    { name: 'greeting', ok: true, detail: 'Dovecot ready.' },
    { name: 'capabilities', ok: true, detail: ['TOP', 'UIDL', 'SASL'] },
    { name: 'login', ok: false, code: 'upstream_auth_failed', detail: 'Application-specific password required.' },
  ],
  transcript: [
    'S: +OK Dovecot ready.',
    'C: CAPA',
    'S: +OK',
    'S: TOP',
    'S: UIDL',
    'S: SASL PLAIN',
    'C: AUTH PLAIN ***',
    'S: -ERR [AUTH] Application-specific password required.',
  ],
};

export const CAPABILITIES = {
  version: '0.1.0',
  features: ['createAccount', 'listMessages'],
  scopes: ['read', 'write', 'delete', 'manage'],
  loginMethods: ['auto', 'plain', 'user'],
  limits: { pageSize: 200, tokens: 1000 },
};
