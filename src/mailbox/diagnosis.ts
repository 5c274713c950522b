/**
 * A mail server spoken to step by step, as any session is begun, and then asked how good it is. Whatever goes wrong is a step of
 * the answer, and the first one ends it. Nothing is stored, but that for an account a login counts like any other: what
 * was refused too often is not tried here either.
 */
import { DIAGNOSIS, MAILBOX } from '../limits.ts';
import { NetError } from '../net/error.ts';
import { Pop3Error, type Quirk } from '../pop3/error.ts';
import type { Remembered } from '../pop3/remembered.ts';
import type { Session } from '../pop3/session.ts';
import type { Login } from './account.ts';
import { advise, type Findings, verdictOf } from './advice.ts';
import { Budget } from './budget.ts';
import type { Deps, Target } from './deps.ts';
import { isQuirk, MailboxError, upstreamFailureOf } from './failure.ts';
import { mayLogIn, type UpstreamFailure } from './health.ts';
import { dialSession, mustWait } from './login.ts';
import { qualitiesOf } from './qualities.ts';
import type { Rooms } from './rooms.ts';
import type { Diagnosis, DiagnosisPlace, DiagnosisStep, UpstreamFailureKind } from './rpc.ts';
import { Transcript } from './transcript.ts';

type StepName = DiagnosisStep['name'];

interface Question {
  readonly login: Login;
  /** Whether to log in; a failure: why that is not to be tried now. */
  readonly loggingIn: boolean | UpstreamFailureKind;
  /** Whether connection and greeting are kept from who asks. */
  readonly discreet: boolean;
  /** Told at once when a login is accepted. */
  readonly onLogin?: (session: Session) => void;
}

const NOBODY = { username: '', password: null, accessToken: null, method: 'auto' } as const;

/** Diagnoses a server that has no account here. Throws only what is a bug of ours. */
export async function diagnoseServer({ server, auth }: DiagnosisPlace, deps: Deps): Promise<Diagnosis> {
  const { password, accessToken, ...who } = auth ?? NOBODY;
  const login = { settings: { server, auth: who }, credentials: { password, accessToken } };
  const examination = new Examination({ login, loggingIn: auth !== undefined, discreet: false }, deps, new Budget(deps.now));
  await examination.run();
  return examination.result;
}

/** Diagnoses an account's server, in the account's own turn at the maildrop. Throws `overloaded` where that doesn't come in time. */
export async function diagnoseAccount(rooms: Rooms, { discreet, budget }: { discreet: boolean; budget: Budget }): Promise<Diagnosis> {
  const { account, store, line, connection, deps } = rooms;
  const results: Diagnosis[] = [];
  const examine = async (): Promise<null> => {
    const refused = mayLogIn(store.account.health(), deps.now());
    if (refused && !('upstream' in refused)) throw new MailboxError(refused);
    const { settings, credentials } = account;
    const onLogin = (session: Session): void => connection.entered(session);
    const question = { login: { settings, credentials }, loggingIn: refused ?? true, discreet, onLogin };
    const examination = new Examination(question, deps, budget);
    await examination.run();
    const { session, refusal } = examination;
    if (session?.loggedIn) await connection.loggedIn(session);
    if (refusal) await connection.failed(refusal);
    results.push(examination.result);
    return null;
  };
  await line.renew(examine, () => undefined);
  const [result] = results;
  if (!result) throw new MailboxError({ kind: 'not_found' });
  return result;
}

class Examination {
  readonly #question: Question;
  readonly #deps: Deps;
  readonly #budget: Budget;
  readonly #transcript: Transcript;
  readonly #quirks = new Set<Quirk>();
  readonly #steps: DiagnosisStep[] = [];
  #connectedIn: number | null = null;
  #failed: Findings['failed'] = null;
  #probe: Findings['probe'] = null;
  #over = false;
  /** The newest session. */
  session: Session | null = null;
  /** What the login failed with, if it was tried. Some servers refuse it no earlier than at STAT. */
  refusal: unknown = null;

  constructor(question: Question, deps: Deps, budget: Budget) {
    this.#question = question;
    this.#deps = deps;
    this.#budget = budget;
    const { password, accessToken } = question.login.credentials;
    this.#transcript = new Transcript({ secrets: [password, accessToken], discreet: question.discreet });
  }

  get result(): Diagnosis {
    const { server } = this.#question.login.settings;
    const loginDelaySeconds = this.session?.capabilities?.loginDelaySeconds ?? 0;
    return {
      verdict: verdictOf(this.#failed),
      advice: advise({ server, failed: this.#failed, probe: this.#probe, steps: this.#steps, loginDelaySeconds }),
      steps: this.#steps,
      transcript: this.#transcript.lines,
    };
  }

  /** Goes as far as the server lets it, and as the time does. Throws what is a bug of ours. */
  async run(): Promise<void> {
    const late = (): NetError => new NetError({ kind: 'timeout', phase: this.#transcript.phase, note: null });
    try {
      await this.#budget.wait(this.#speak(), late);
    } catch (error) {
      this.#over = true;
      await this.#fail(error);
    } finally {
      this.#over = true;
      this.#transcript.end();
    }
  }

  /** Begins anew where the server breaks at something that can be done without, unless another login would have to wait. */
  async #speak(): Promise<void> {
    for (let remembered: Remembered | null = null, tries = 0; ; tries++) {
      try {
        return await this.#session(remembered);
      } catch (error) {
        this.session?.close();
        if (this.#over || !isQuirk(error) || tries === MAILBOX.quirkRetries || (this.session && mustWait(this.session))) throw error;
        this.#quirks.add(error.failure.quirk);
        remembered = this.session?.remembered ?? null;
      }
    }
  }

  async #session(remembered: Remembered | null): Promise<void> {
    const { login, loggingIn, onLogin } = this.#question;
    this.session = null;
    this.#steps.length = 0;
    const dialling = { dial: (target: Target) => this.#dial(target), random: this.#deps.random };
    const session = await dialSession(login, remembered, dialling, onLogin);
    this.session = session;
    this.#opened('capabilities');
    await session.announced();
    this.#note({ name: 'capabilities', ok: true, detail: this.#announced(session) });
    if (loggingIn === true) {
      await session.ready();
      this.#note({ name: 'login', ok: true });
      for await (const quality of qualitiesOf(session, this.#quirks.has('pipelining'))) this.#note(quality);
      // Some servers announce more after the login.
      this.#note({ name: 'capabilities', ok: true, detail: this.#announced(session) });
    } else if (loggingIn !== false) {
      const detail = 'Not tried: the account waits, because of an earlier login. Its state says for what.';
      this.#end('login', loggingIn.kind, detail, '');
    }
    // Nothing was deleted: whatever comes of QUIT changes nothing.
    await new Budget(this.#deps.now, MAILBOX.quitTime).wait(session.quit()).catch(() => undefined);
  }

  async #dial(target: Target) {
    const began = this.#deps.now();
    const channel = await this.#deps.dial(target);
    this.#connectedIn = Math.max(0, this.#deps.now() - began);
    return this.#transcript.observe(channel);
  }

  /** What is known to have gone well once `name` has been reached. */
  #opened(name: StepName): void {
    if (name === 'policy') return;
    this.#note({ name: 'policy', ok: true });
    if (name === 'connect') return;
    const { discreet, login } = this.#question;
    this.#note({ name: 'connect', ok: true, ...(discreet || this.#connectedIn === null ? {} : { milliseconds: this.#connectedIn }) });
    if (name === 'greeting') return;
    this.#note({ name: 'greeting', ok: true, ...(discreet ? {} : { detail: this.#transcript.greeting }) });
    if (this.session && login.settings.server.security === 'starttls') this.#note({ name: 'tls', ok: true });
  }

  async #fail(error: unknown): Promise<void> {
    const failure = failureOf(error);
    const name = stepOf(error);
    // All that was asked has been answered.
    if (failure && name === null) return;
    if (!failure || !name) throw error;
    this.#opened(name);
    if (name === 'login' || (name === 'stat' && error instanceof Pop3Error)) this.refusal = error;
    const text = failure.upstream?.text ?? '';
    this.#end(name, failure.kind, failure.reason ?? text, text);
    if (name === 'connect' && failure.kind === 'upstream_unreachable') await this.#look(failure.reason !== undefined);
  }

  #end(name: StepName, code: NonNullable<DiagnosisStep['code']>, said: string, text: string): void {
    const hidden = said === '' || (this.#question.discreet && (name === 'connect' || name === 'greeting'));
    this.#note({ name, ok: false, code, ...(hidden ? {} : { detail: this.#transcript.shown(said) }) });
    this.#failed = { name, code, text };
  }

  /** Tells a failed TLS from no connection, by a second one without TLS, on which nothing is sent. An `unresolved` name had neither. */
  async #look(unresolved: boolean): Promise<void> {
    const { discreet, login } = this.#question;
    const { server } = login.settings;
    if (unresolved && !discreet) this.#probe = 'unresolved';
    if (unresolved || discreet || server.security !== 'tls' || this.#budget.over) return;
    this.#probe = 'closed';
    const dialled = this.#deps.dial({ ...server, security: 'starttls' });
    const look = async (): Promise<void> => {
      const channel = await dialled;
      this.#probe = 'open';
      const octets = await channel.read('greeting', 'greeting');
      const said = new TextDecoder('latin1').decode(octets?.subarray(0, 4));
      if (/^(?:\+OK|-ERR)/i.test(said)) this.#probe = 'pop3';
      // TLS says nothing first but an alert, which is no text. A greeting may come in pieces.
      else if (/^[!-*,.-~]/.test(said)) this.#probe = 'other';
    };
    // There is nothing, or it says nothing: that is what was to be found out.
    await new Budget(this.#deps.now, DIAGNOSIS.probeTime).wait(this.#budget.wait(look())).catch(() => undefined);
    void dialled.then(
      (channel) => channel.close(),
      () => undefined,
    );
  }

  #announced({ capabilities }: Session): string | string[] {
    if (this.#quirks.has('capa')) return 'The server broke off when it was asked; it is not asked any more.';
    if (!capabilities) return 'The server does not say.';
    const { names } = capabilities;
    return this.#transcript.shown(names.join('')) === names.join('') ? names : [];
  }

  /** Adds a step, or says it anew. */
  #note(step: DiagnosisStep): void {
    const at = this.#steps.findIndex(({ name }) => name === step.name);
    if (at === -1) this.#steps.push(step);
    else this.#steps[at] = step;
  }
}

/** What `error` is called, or null for a bug of ours. */
function failureOf(
  error: unknown,
): Pick<UpstreamFailure, 'kind' | 'reason' | 'upstream'> | { kind: 'target_not_allowed'; reason: string; upstream: null } | null {
  if (error instanceof NetError && error.failure.kind === 'forbidden')
    return { kind: 'target_not_allowed', reason: error.failure.detail, upstream: null };
  return upstreamFailureOf(error);
}

/** The step that `error` belongs to; null for the end of a session and for what isn't a session's. */
function stepOf(error: unknown): StepName | null {
  if (error instanceof NetError && error.failure.kind === 'forbidden') return 'policy';
  if (error instanceof NetError && error.failure.kind === 'unreachable') return 'connect';
  const phase = error instanceof NetError || error instanceof Pop3Error ? ('phase' in error.failure ? error.failure.phase : null) : null;
  switch (phase) {
    case 'connect':
    case 'greeting':
    case 'tls':
    case 'capabilities':
    case 'login':
    case 'stat':
    case 'uidl':
    case 'top':
      return phase;
    default:
      return null;
  }
}
