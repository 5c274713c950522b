/** The page of a problem, at the address that its `type` names (RFC 9457 §3.1.1): what happened and what to do, for people. */
import { html } from 'hono/html';
import { MAILBOX } from '../../limits.ts';
import { PROBLEMS } from '../problem-codes.ts';
import type { ProblemCode } from '../problem-codes.ts';
import { page } from './page.ts';

/** What whoever meets the problem can do. */
const ADVICE: Record<ProblemCode, string> = {
  invalid_request:
    'Look at "errors": each entry points to a place in the body, or names a parameter or a header, and says what it must be. A cursor or a state is only good for the account and the listing that gave it.',
  unauthorized:
    'Send "Authorization: Bearer" with the key or the token. A token that worked before has expired or was revoked, or its account was removed: ask for a new one. A ticket is good for GET of exactly the URL that was signed, until it ends. It is never about the password of the mailbox.',
  forbidden:
    "The token lacks the scope that the call needs, or may not be used from pages of this origin. Use one with the scope, or let the app's server make the call.",
  not_found:
    'Check the path and the ids in it. An account that this token may not see is answered in the same way as one that does not exist.',
  method_not_allowed: 'The Allow header lists the methods that this path takes.',
  conflict: 'Read what is stored now, decide again, and send the request anew; "detail" says what it collides with.',
  paused:
    'Set "paused" of the account to false to have its mail server asked again. Lists and messages that are known can be read meanwhile.',
  message_gone:
    'Somebody deleted the message on the mail server, and no copy is kept here. Remove it from what you show; "changes" has it in "destroyed".',
  precondition_failed: 'Somebody else has changed it. Read it again, take the new ETag, and repeat the change if it is still wanted.',
  request_too_large: 'Send less at once: split a long list of ids over several calls.',
  unsupported_media_type: 'Send JSON in UTF-8 with "Content-Type: application/json".',
  range_not_satisfiable: 'Content-Range tells how many octets there are. Ask for a range that begins before that, or for all of it.',
  target_not_allowed: 'Mail servers must be public, and listen on port 995 or 110. The operator can list others in ALLOWED_TARGETS.',
  upstream_auth_failed: `Check the user name and the password, and that POP3 is switched on in the mailbox's settings. Many providers want an app password. After ${MAILBOX.refusedLogins} refused logins the account is left alone until its credentials are changed.`,
  rate_limited:
    'Wait as long as Retry-After says. RateLimit tells how many requests are left and RateLimit-Policy how many there are. Failed authentications are counted by address; a good credential is always let in.',
  login_delay:
    'The mail server accepts a login only every so often. Wait as long as Retry-After says, or accept an older answer with a larger maxAge.',
  upstream_unreachable:
    'Check the host name, the port and the kind of security, and that the server has a valid certificate for that name. It is tried again by itself, ever more slowly.',
  upstream_protocol:
    'Check that host and port are those of a POP3 server and that the security fits the port: TLS on 995, STARTTLS on 110. If they are right, the server is at fault; its operator should know.',
  upstream_refused: 'Read "upstream": the words are the mail server\'s own. Its provider can say what they mean.',
  delete_unconfirmed: `Do nothing, or ask again: the deletion is tried up to ${MAILBOX.deleteTries} times, and it is safe to repeat. The next list or feed shows whether the message is gone.`,
  mailbox_in_use: 'Another mail program has the mailbox open. Wait as long as Retry-After says; if it stays so, find the other program.',
  upstream_temporary: 'Wait as long as Retry-After says, and ask again.',
  overloaded: 'Wait as long as Retry-After says, and ask again; ask for less at once if it happens often.',
  misconfigured: 'If you run this deployment: "detail" says which variable to set. If not: tell whoever does.',
  upstream_timeout: 'Ask again. If it happens always, the mail server may be overloaded, or a firewall may swallow the connection.',
  internal: 'Report it with the value of "instance", which is in the log. Asking again will hardly help.',
};

/** Whether there is a problem of this code. */
export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

/** The page of the problem `code`. */
export function problemPage(code: ProblemCode): Promise<Response> {
  const { title, status, detail, retryable } = PROBLEMS[code];
  const repeat = retryable ? 'May succeed later without any change.' : 'Will fail again until something changes.';
  return page(
    title,
    html`<table>
        <tr>
          <th>Code</th>
          <td><code>${code}</code></td>
        </tr>
        <tr>
          <th>Status</th>
          <td>${status}</td>
        </tr>
        <tr>
          <th>The same request again</th>
          <td>${repeat}</td>
        </tr>
      </table>
      <h2>What happened</h2>
      <p>${detail}</p>
      <h2>What to do</h2>
      <p>${ADVICE[code]}</p>
      <p>All calls and their problems are in <a href="/docs">the documentation</a>.</p>`,
  );
}
