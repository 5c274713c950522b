/** Mail servers that are looked at without an account: a peek, a diagnosis. Members are named as in the HTTP contract. */
import type { Target } from '../deps.ts';
import type { AccountSettings } from './account.ts';
import type { UpstreamFailureKind } from './call.ts';

/** A look into a maildrop that leaves nothing behind. */
export interface PeekQuery {
  server: Target;
  auth: AccountSettings['auth'];
  limit: number;
  detail: 'headers' | 'full';
}

/** A mail server that has no account here. Without `auth` nobody logs in. */
export interface DiagnosisPlace {
  server: Target;
  auth?: AccountSettings['auth'] | undefined;
}

type DiagnosisCode = UpstreamFailureKind['kind'] | 'target_not_allowed';

export interface DiagnosisStep {
  name: 'policy' | 'connect' | 'greeting' | 'tls' | 'capabilities' | 'login' | 'stat' | 'uidl' | 'top' | 'pipelining' | 'loginDelay';
  ok: boolean;
  /** Why the diagnosis ends here. A step that is not ok without it is something that the server lacks and that can be done without. */
  code?: DiagnosisCode | undefined;
  detail?: string | string[] | undefined;
  milliseconds?: number | undefined;
}

export type Verdict<Code extends string> = Code extends `upstream_${infer Kind}` ? Kind : Code;

/** What came of speaking to a mail server step by step. */
export interface Diagnosis {
  /** The code of the first step that has one, without its `upstream_`. */
  verdict: 'ok' | Verdict<DiagnosisCode>;
  advice: string;
  steps: DiagnosisStep[];
  /** Lines as "C: CAPA" and "S: +OK", without any credential. */
  transcript: string[];
}
