/**
 * How good a mail server is for a gateway: what STAT, UIDL and TOP come to (RFC 1939 §5, §7), and what it announces. A step
 * that is not ok is something that can be done without; what can't is thrown. No message is read, and nothing is changed.
 */
import { DIAGNOSIS } from '../limits.ts';
import { stat, top, uidl } from '../pop3/command.ts';
import { Pop3Error } from '../pop3/error.ts';
import { parseDropListing, readUidls } from '../pop3/listing.ts';
import type { Reply, Session } from '../pop3/session.ts';
import type { DiagnosisStep } from './rpc.ts';

const NO_MESSAGES = 'Not tried: there are no messages.';

/** The steps, as they are taken in a session that is logged in. `breaks`: at pipelined commands, as another session has shown. */
export async function* qualitiesOf(session: Session, breaks: boolean): AsyncGenerator<DiagnosisStep, void, void> {
  let messages = 0;
  let newest = 0;
  for await (const reply of session.run([stat(), uidl()])) {
    if (reply.command.verb === 'UIDL') {
      const { highest, step } = await listed(reply, messages);
      newest = highest;
      yield step;
    } else {
      if (!reply.ok) throw new Pop3Error(reply.failure);
      const { count, octets } = parseDropListing(reply);
      messages = count;
      yield { name: 'stat', ok: true, detail: `${count} messages, ${octets} octets.` };
    }
  }
  yield await headed(session, newest || messages);
  const { pipelining = false, loginDelaySeconds: delay = 0 } = session.capabilities ?? {};
  const how = breaks ? 'The server broke off at several commands at once.' : pipelining ? 'Announced.' : 'Not announced.';
  yield { name: 'pipelining', ok: pipelining && !breaks, detail: how };
  yield { name: 'loginDelay', ok: true, detail: delay > 0 ? `${delay} seconds between two logins.` : 'None announced.' };
}

/** What the listing of unique-ids shows, and its highest message number, 0 where there is none. */
async function listed(reply: Reply, messages: number): Promise<{ highest: number; step: DiagnosisStep }> {
  if (!reply.ok) {
    const empty = messages === 0;
    if (!empty && reply.failure.kind !== 'refused') throw new Pop3Error(reply.failure);
    return { highest: 0, step: { name: 'uidl', ok: empty, detail: empty ? NO_MESSAGES : 'Not supported.' } };
  }
  const seen = new Set<string>();
  let count = 0;
  let highest = 0;
  let longest = 0;
  for await (const batch of readUidls(reply.body))
    for (const { number, uidl: octets } of batch) {
      highest = Math.max(highest, number);
      longest = Math.max(longest, octets.length);
      if (++count <= DIAGNOSIS.uidls) seen.add(new TextDecoder('latin1').decode(octets));
    }
  const compared = Math.min(count, DIAGNOSIS.uidls);
  const among = compared < count ? ` among the first ${compared}` : '';
  const detail = `${count} unique-ids, the longest of ${longest} octets, ${compared - seen.size} duplicates${among}.`;
  return { highest, step: { name: 'uidl', ok: true, detail } };
}

async function headed(session: Session, number: number): Promise<DiagnosisStep> {
  let ok = true;
  if (number === 0) return { name: 'top', ok, detail: NO_MESSAGES };
  for await (const reply of session.run([top(number, 0)])) ok = reply.ok;
  return { name: 'top', ok, detail: ok ? 'Works.' : 'Refused.' };
}
