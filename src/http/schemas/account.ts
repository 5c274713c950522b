/** Accounts: what creates and changes them and how they are shown, with their first token. Views are checked against the RPC's by the compiler. */
import { z } from '../zod.ts';
import { MAILBOX, NAMES, POLL } from '../../limits.ts';
import type { AccountView, Method, NewToken } from '../../mailbox/rpc.ts';
import type { DirectoryEntry } from '../../directory/rpc.ts';
import { cursor, pageSize, secretText, text } from './input.ts';
import { NewTokenSettings, SCOPES } from './new-token.ts';

export const METHODS = [
  'auto',
  'plain',
  'login',
  'cram-md5',
  'scram-sha-1',
  'scram-sha-256',
  'apop',
  'user',
  'xoauth2',
  'oauthbearer',
] as const satisfies readonly Method[];
const TOKEN_METHODS: readonly Method[] = ['xoauth2', 'oauthbearer'];
const LOCATIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;
const JURISDICTIONS = ['eu', 'fedramp'] as const;

/** The registered ports: RFC 1939 §3, RFC 8314 §7.3. */
export const PORTS = { tls: 995, starttls: 110, none: 110 } as const;

const host = text(NAMES.host).openapi({ example: 'pop.example.com' });
const port = z.int().min(1).max(65_535);
const security = z.enum(['tls', 'starttls', 'none']);

export const Server = z
  .strictObject({
    host,
    port: port.optional().openapi({ description: '995 with `tls`, else 110, if absent.' }),
    security: security.default('tls').openapi({ description: '`none` only for a target that the deployment lists.' }),
  })
  .transform((server) => ({ ...server, port: server.port ?? PORTS[server.security] }));

export const Auth = z
  .strictObject({
    username: text(NAMES.username).openapi({ example: 'ann@example.com' }),
    password: secretText(NAMES.password).optional().openapi({ format: 'password', description: 'This or `accessToken`.' }),
    accessToken: secretText(NAMES.accessToken).optional().openapi({ format: 'password', description: 'An OAuth 2.0 access token.' }),
    method: z.enum(METHODS).default('auto').openapi({ description: '`auto`: one that the server announces.' }),
  })
  .check((context) => {
    const { password, accessToken, method } = context.value;
    const refuse = (member: string, message: string) => context.issues.push({ code: 'custom', path: [member], message, input: undefined });
    if (password === undefined && accessToken === undefined) refuse('password', 'A password or an access token is required.');
    else if (password !== undefined && accessToken !== undefined) refuse('accessToken', 'Give a password or an access token, not both.');
    else if (TOKEN_METHODS.includes(method) && accessToken === undefined) refuse('method', 'This method needs an access token.');
    else if (method !== 'auto' && !TOKEN_METHODS.includes(method) && password === undefined)
      refuse('method', 'This method needs a password.');
  })
  .transform(({ username, password, accessToken, method }) => ({
    username,
    password: password ?? null,
    accessToken: accessToken ?? null,
    method,
  }));

const email = text(NAMES.email).regex(/^[^\s]+@[^\s@]+$/, 'Must be a mail address.');
const cacheOctets = z.int().min(0).max(MAILBOX.cacheOctetsMost);
const maxBytes = cacheOctets.openapi({ description: 'Octets of messages that are kept here: of those that were read last.' });
const maxMessageBytes = cacheOctets.openapi({ description: 'A message of more octets is kept for some minutes only.' });
const EXTERNAL_ID_MEANS = "The operator's own key; unique.";
const PAUSED_MEANS = 'While it is, the mail server is not asked; what is known can be read.';
const [autoLeast, autoMost] = [POLL.autoSteps[0], POLL.autoSteps.at(-1)];
const POLL_SECONDS_MEAN = `Seconds from one poll to the next, on average, ${MAILBOX.pollSecondsLeast} at least. 0: no polls. \`auto\`: ${autoLeast} to ${autoMost}, by how often mail comes.`;
const POLL_SECONDS_MUST = `Must be 0 (no polls), ${MAILBOX.pollSecondsLeast} to ${MAILBOX.pollSecondsMost}, or "auto".`;
// A refusal by one alternative alone would be in that one's words.
const interval = z.int().min(MAILBOX.pollSecondsLeast, POLL_SECONDS_MUST).max(MAILBOX.pollSecondsMost, POLL_SECONDS_MUST);
const pollSeconds = z
  .union([z.literal(0), interval, z.literal('auto')], { error: POLL_SECONDS_MUST })
  .openapi({ description: POLL_SECONDS_MEAN });

/** What POST /v1/accounts takes. */
export const NewAccount = z
  .strictObject({
    email: email.nullable().optional().openapi({ description: 'The user name, if it has an `@` and this is absent.' }),
    externalId: text(NAMES.externalId).nullable().default(null).openapi({ description: EXTERNAL_ID_MEANS }),
    server: Server,
    auth: Auth,
    initial: z
      .enum(['all', 'none'])
      .default('all')
      .openapi({ description: '`none`: the feed of changes starts with what comes after now; older messages are listed and readable.' }),
    pollSeconds: pollSeconds.default(MAILBOX.pollSeconds),
    paused: z.boolean().default(false).openapi({ description: PAUSED_MEANS }),
    verify: z.boolean().default(true).openapi({ description: 'Log in before anything is stored.' }),
    location: z
      .enum(LOCATIONS)
      .nullable()
      .default(null)
      .openapi({ description: "Where the account lives, best near its mail server; can't be changed later." }),
    jurisdiction: z
      .enum(JURISDICTIONS)
      .nullable()
      .default(null)
      .openapi({ description: "Where the account may live at all; can't be changed later." }),
    cache: z
      .strictObject({
        maxBytes: maxBytes.default(MAILBOX.cacheOctets),
        maxMessageBytes: maxMessageBytes.default(MAILBOX.cacheMessageOctets),
      })
      .prefault({}),
    token: NewTokenSettings.nullable().prefault({}).openapi({ description: 'The first token; null: none.' }),
  })
  .openapi('NewAccount');

/** A member of a merge patch (RFC 7396 §1): absent it stays, null is what it is without being named in POST. */
function patched<T>(schema: z.ZodType<T>, otherwise: T) {
  return schema
    .nullable()
    .optional()
    .transform((value) => (value === null ? otherwise : value));
}

/** What PATCH takes: of POST's members those that can change. */
export const AccountPatch = z
  .strictObject({
    email: email.nullable().optional().openapi({ description: 'For people.' }),
    externalId: text(NAMES.externalId).nullable().optional().openapi({ description: EXTERNAL_ID_MEANS }),
    server: z
      .strictObject({
        host: host.optional(),
        port: port.nullable().optional().openapi({ description: 'Null: 995 with `tls`, else 110.' }),
        security: security.nullable().optional(),
      })
      .optional()
      .openapi({ description: 'A token that names another `host` must give `auth` too.' }),
    auth: Auth.optional().openapi({ description: 'Replaced whole.' }),
    pollSeconds: patched(pollSeconds, MAILBOX.pollSeconds).openapi({ description: POLL_SECONDS_MEAN }),
    paused: patched(z.boolean(), false).openapi({ description: PAUSED_MEANS }),
    verify: z
      .boolean()
      .default(true)
      .openapi({ description: 'Log in to a new server, or with new credentials, before anything is changed.' }),
    cache: z
      .strictObject({
        maxBytes: patched(maxBytes, MAILBOX.cacheOctets),
        maxMessageBytes: patched(maxMessageBytes, MAILBOX.cacheMessageOctets),
      })
      .nullable()
      .optional()
      .transform((value) => (value === null ? { maxBytes: MAILBOX.cacheOctets, maxMessageBytes: MAILBOX.cacheMessageOctets } : value)),
  })
  .openapi('AccountPatch');

export const instant = z.string().openapi({ format: 'date-time', example: '2026-11-20T10:23:45.000Z' });

export const Account = z
  .object({
    id: z.string().openapi({ example: 'acc_4kT9vQz0mX2dYf1sTnRrA7' }),
    email: z.string().nullable(),
    externalId: z.string().nullable(),
    createdAt: instant,
    state: z.enum(['new', 'ready', 'auth_failed', 'unreachable', 'paused']),
    stateSince: instant,
    lastError: z.object({ code: z.string(), at: instant, detail: z.string() }).nullable(),
    consecutiveFailures: z.int(),
    paused: z.boolean(),
    server: z.object({
      host: z.string(),
      port: z.int(),
      security,
      capabilities: z.array(z.string()),
      loginDelaySeconds: z.int(),
      expire: z.string().nullable(),
    }),
    auth: z.object({ username: z.string(), method: z.enum(METHODS) }),
    mailbox: z.object({ messages: z.int(), octets: z.int() }),
    sync: z.object({
      state: z.string().nullable(),
      checkedAt: instant.nullable(),
      nextCheckAt: instant.nullable(),
      stale: z.boolean(),
    }),
    indexing: z.object({ done: z.int(), of: z.int() }),
    initial: z.enum(['all', 'none']),
    pollSeconds: z.union([z.int(), z.literal('auto')]),
    location: z.string().nullable(),
    jurisdiction: z.string().nullable(),
    cache: z.object({ maxBytes: z.int(), maxMessageBytes: z.int(), usedBytes: z.int() }),
  })
  .openapi('Account') satisfies z.ZodType<AccountView>;

export const Token = z
  .object({
    id: z.string().openapi({ example: 'tok_4kT9vQz0mX2dYf1sTnRrA7' }),
    secret: z.string().openapi({ description: 'The token itself; shown this once.' }),
    scopes: z.array(z.enum(SCOPES)),
    expiresAt: instant.nullable(),
    origins: z.array(z.string()),
    label: z.string(),
    createdAt: instant,
  })
  .openapi('NewToken') satisfies z.ZodType<NewToken>;

// `Token.nullable()` would lose its null in the document.
export const CreatedAccount = z.object({ account: Account, token: z.union([Token, z.null()]) }).openapi('CreatedAccount');

export const AccountQuery = z.strictObject({
  limit: pageSize(50),
  cursor,
  externalId: text(NAMES.externalId).optional().openapi({ description: 'Only the account with this key of the operator.' }),
});

const AccountEntry = z
  .object({ id: z.string(), email: z.string().nullable(), externalId: z.string().nullable(), host: z.string(), createdAt: instant })
  .openapi('AccountEntry') satisfies z.ZodType<DirectoryEntry>;

export const AccountPage = z.object({ data: z.array(AccountEntry), nextCursor: z.string().nullable() }).openapi('AccountPage');
