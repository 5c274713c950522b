/** A mail server spoken to step by step: what is asked and what came of it. */
import { z } from '../zod.ts';
import { DIAGNOSIS as LIMITS, HTTP } from '../../limits.ts';
import type { Diagnosis as DiagnosisView, Verdict } from '../../mailbox/rpc.ts';
import { Auth, Server } from './account.ts';
import { text } from './input.ts';

const STEPS = [
  'policy',
  'connect',
  'greeting',
  'tls',
  'capabilities',
  'login',
  'stat',
  'uidl',
  'top',
  'pipelining',
  'loginDelay',
] as const satisfies readonly DiagnosisView['steps'][number]['name'][];

const CODES = [
  'target_not_allowed',
  'upstream_auth_failed',
  'login_delay',
  'upstream_unreachable',
  'upstream_protocol',
  'upstream_refused',
  'delete_unconfirmed',
  'mailbox_in_use',
  'upstream_temporary',
  'upstream_timeout',
] as const satisfies readonly DiagnosisView['steps'][number]['code'][];

/** The codes without their `upstream_`. */
const VERDICTS = ['ok', ...CODES.map((code) => code.replace(/^upstream_/, '') as Verdict<typeof code>)] as const;

export const Diagnose = z
  .strictObject({
    account: text(HTTP.parameterCharacters).optional().openapi({ description: 'The account whose server and credentials are meant.' }),
    server: Server.optional().openapi({ description: 'A server that has no account here. Operator only.' }),
    auth: Auth.optional().openapi({ description: 'For `server`. Without it nobody logs in.' }),
  })
  .check((context) => {
    const { account, server, auth } = context.value;
    const refuse = (member: string, message: string) => context.issues.push({ code: 'custom', path: [member], message, input: undefined });
    if (account === undefined && server === undefined) refuse('server', 'A server or an account is required.');
    else if (account !== undefined && server !== undefined) refuse('server', 'Give a server or an account, not both.');
    else if (account !== undefined && auth !== undefined) refuse('auth', 'An account has its own credentials.');
  })
  .openapi('Diagnose');

const Step = z.object({
  name: z.enum(STEPS),
  ok: z.boolean(),
  code: z
    .enum(CODES)
    .optional()
    .openapi({ description: 'Why the diagnosis ends here. Not ok without it: the server lacks something that can be done without.' }),
  detail: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .openapi({ description: 'For people.' }),
  milliseconds: z.int().optional(),
});

export const Diagnosis = z
  .object({
    verdict: z.enum(VERDICTS).openapi({ description: 'The code of the first step that has one, without its `upstream_`; else `ok`.' }),
    advice: z.string().openapi({ description: 'What can be done, for people.' }),
    steps: z.array(Step).openapi({ description: 'In the order in which they were taken; the last one that could be.' }),
    transcript: z.array(z.string()).openapi({
      description: `What was said, without any credential: ${LIMITS.lines} lines at most, of ${LIMITS.lineCharacters} characters.`,
    }),
  })
  .openapi('Diagnosis') satisfies z.ZodType<DiagnosisView>;
