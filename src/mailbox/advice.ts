/**
 * What a person can do about what a diagnosis has found, in one or two sentences of our own. Pure. What big providers are known to
 * say, and who they are, tells more than the code does; nothing of what the server said is repeated here.
 */
import type { Target } from './deps.ts';
import type { Diagnosis, DiagnosisStep } from './rpc.ts';

export interface Findings {
  readonly server: Target;
  /** The first step with a code, and what the server said to it. */
  readonly failed: {
    readonly name: DiagnosisStep['name'];
    readonly code: NonNullable<DiagnosisStep['code']>;
    readonly text: string;
  } | null;
  /** What the port does without TLS: speaks POP3 or something `other`, takes a connection, or not even that; `unresolved` where nobody could say where the name leads to; null where that wasn't tried. */
  readonly probe: 'pop3' | 'other' | 'open' | 'closed' | 'unresolved' | null;
  readonly steps: readonly DiagnosisStep[];
  readonly loginDelaySeconds: number;
}

type Failed = NonNullable<Findings['failed']>;

const OTHER_SERVICE = 'What answers at this port does not speak POP3. Check host and port: POP3 with TLS is at 995, without at 110.';
const APP_PASSWORD =
  'The provider wants an app password here instead of the usual one. Make one in the security settings of the mailbox and use that.';
const ACCESS_TOKEN =
  'The provider takes no password here. Log in with an OAuth 2.0 access token ("auth.accessToken"), or with an app password where it offers one.';
const POP_OFF = 'POP3 is switched off for this mailbox. Switch it on in the settings of the mailbox at the provider, then try again.';
const BROWSER =
  'The provider wants its user to log in with a browser first and to allow this access. After that, or with an app password, try again.';

/** What servers are known to say when they refuse a login for another reason than a wrong password. */
const SAYINGS: readonly (readonly [RegExp, string])[] = [
  [/app(?:lication)?[- ]?(?:specific )?[- ]?(?:password|code)|application-specific|auth(?:orization|orisation) code/i, APP_PASSWORD],
  [/basic ?auth|modern auth|oauth/i, ACCESS_TOKEN],
  [
    /(?:pop3?|pop ?access)\S* (?:access )?(?:\w+ ){0,3}(?:not enabled|disabled|switched off|turned off)|enabled? (?:\w+ ){0,4}pop/i,
    POP_OFF,
  ],
  [/web ?log ?in|browser|webmail/i, BROWSER],
];

/** Providers that refuse the usual password whatever they say. */
const PROVIDERS: readonly (readonly [RegExp, string])[] = [
  [/(?:^|\.)(?:gmail|googlemail|google|yahoo|aol|zoho|fastmail)\.(?:com|co\.jp|co\.uk|eu|in)$/, APP_PASSWORD],
  [/(?:^|\.)(?:outlook|office365|hotmail|live)\.com$/, ACCESS_TOKEN],
];

/** What is the matter, in a word: the code, without what tells a problem of the mail server from one of ours. */
export function verdictOf(failed: Findings['failed']): Diagnosis['verdict'] {
  return (failed?.code.replace(/^upstream_/, '') ?? 'ok') as Diagnosis['verdict'];
}

/** The advice. */
export function advise(findings: Findings): string {
  const { failed } = findings;
  if (!failed) return praise(findings);
  switch (failed.name) {
    case 'policy':
      return 'This deployment does not connect to this host and port. The operator can list it in ALLOWED_TARGETS, if it is meant to be reached.';
    case 'connect':
      return unconnected(findings);
    case 'greeting':
      return ungreeted(failed, findings.server);
    case 'tls':
      if (isPassing(failed.code)) return later(failed.code);
      return 'The connection could not be secured by STLS. If the server has TLS from the start, use security "tls" with port 995; else check its certificate.';
    case 'capabilities':
      // Some are asked once more after the login.
      if (findings.steps.some(({ name }) => name === 'login')) return unopened(failed, findings.steps);
      return 'The server broke off, kept silent or broke the protocol when it was asked for its capabilities. It may be another service than POP3, or a faulty one.';
    case 'login':
      return notLoggedIn(failed, findings.server);
    default:
      return unopened(failed, findings.steps);
  }
}

function unconnected({ server, probe, failed }: Findings): string {
  if (probe === 'unresolved')
    return 'The name of the server could not be looked up, so nothing was tried. Check its spelling, then try again later; if it stays so, the operator should look at DNS_RESOLVER.';
  if (failed?.code === 'upstream_timeout')
    return 'The server did not answer in time. Check host and port, and whether a firewall is in the way.';
  if (probe === 'pop3')
    return 'This port answers without TLS: wrong security or port. Use security "starttls" here, or "tls" with port 995.';
  if (probe === 'other') return OTHER_SERVICE;
  if (probe === 'open')
    return 'Something listens at this port, but TLS could not be made with it. Check that the certificate is issued for exactly this host, complete, and not expired; which of these it is can not be told from here.';
  if (probe === 'closed' || server.security !== 'tls')
    return 'Nothing answers at this host and port. Check both, and whether a firewall is in the way.';
  return 'No connection, or no TLS with it. Check host, port and security, and that the certificate is issued for exactly this host and not expired.';
}

function ungreeted({ code }: Failed, { security }: Target): string {
  if (code === 'upstream_protocol') return OTHER_SERVICE;
  if (isPassing(code)) return later(code);
  if (code === 'upstream_refused')
    return 'The server turned the connection away in its greeting. Its words say why; it may refuse this address.';
  return security === 'tls'
    ? 'The server took the connection and said nothing. It may refuse this address, or be another service than POP3.'
    : 'The server took the connection and said nothing. It may wait for TLS: try security "tls" with port 995.';
}

/** What the server is known to mean by its words, where it refused something. */
function saying({ code, text }: Pick<Failed, 'code' | 'text'>): string | undefined {
  if (code !== 'upstream_auth_failed' && code !== 'upstream_refused') return undefined;
  return SAYINGS.find(([said]) => said.test(text))?.[1];
}

function notLoggedIn({ code, text }: Failed, { host }: Target): string {
  const said = saying({ code, text });
  if (said !== undefined) return said;
  if (code === 'upstream_auth_failed') {
    const provider = PROVIDERS.find(([name]) => name.test(host.toLowerCase()))?.[1];
    return (
      provider ??
      'The server refused the user name or the password. Check both (some servers want the whole mail address as the user name), and whether POP3 is switched on or an app password is wanted.'
    );
  }
  if (isPassing(code)) return later(code);
  if (code === 'upstream_protocol')
    return 'The server broke the protocol at the login; the step says how. Another "auth.method" may do, else its operator must be asked.';
  if (code === 'upstream_refused')
    return 'This login can not be made with this server, for the reason in the step. Another "auth.method" may do, or the provider must be asked.';
  return 'The server broke off or kept silent at the login. Some do that after too many wrong passwords: wait some minutes and try once more.';
}

function unopened({ name, code, text }: Failed, steps: Findings['steps']): string {
  if (isPassing(code)) return later(code);
  if (name === 'stat' && code !== 'upstream_protocol' && code !== 'upstream_timeout')
    return (
      saying({ code, text }) ??
      'The server takes the login and does not open the mailbox. POP3 may be switched off for it in the settings at the provider.'
    );
  if (name === 'uidl' && code === 'upstream_timeout' && steps.some(({ detail }) => Array.isArray(detail) && detail.includes('PIPELINING')))
    return 'The login works, but the unique-ids did not come in time. The list may be long, or the server may lose commands that are sent together, though it announces PIPELINING: an account finds that out by itself.';
  return 'The login works, but then the server refused, broke off, kept silent or broke the protocol; the step says where. If it stays so, its operator must be asked.';
}

type Passing = 'mailbox_in_use' | 'login_delay' | 'upstream_temporary';

function isPassing(code: Failed['code']): code is Passing {
  return code === 'mailbox_in_use' || code === 'login_delay' || code === 'upstream_temporary';
}

function later(code: Passing): string {
  switch (code) {
    case 'mailbox_in_use':
      return 'Another session holds the mailbox: a mail program that polls it, or an account here. Wait until it is done, or let that one poll less often; an account is diagnosed by its id.';
    case 'login_delay':
      return 'The server wants more time between two logins. Wait some minutes, and poll less often.';
    case 'upstream_temporary':
      return 'The server reports a passing fault of its own. Try again later.';
  }
}

/** It works. What the server lacks is worth a word, the most important first. */
function praise({ steps, loginDelaySeconds }: Findings): string {
  const lacks = (name: DiagnosisStep['name']): boolean => steps.some((step) => step.name === name && !step.ok);
  if (!steps.some(({ name }) => name === 'login')) return 'The server answers as it should. No login was tried.';
  if (lacks('uidl'))
    return 'Everything needed works. The server has no unique-ids (UIDL), so messages are told apart by their headers, which takes longer.';
  if (loginDelaySeconds > 0)
    return `Everything needed works. The server wants ${loginDelaySeconds} seconds between two logins: do not poll more often than that.`;
  if (lacks('top')) return 'Everything needed works. The server has no TOP, so messages are read whole for their headers.';
  if (lacks('pipelining')) return 'Everything needed works. The server takes one command at a time, so it is slower than others.';
  return 'Everything works.';
}
