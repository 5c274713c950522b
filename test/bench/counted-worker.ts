/**
 * The Worker as it is, with its objects' doings counted: alarms and how late they ring, calls for a turn at a mail host, rows
 * written (as the platform counts them, entries of indexes too) and settings of the alarm. `GET /counts` tells, and
 * begins anew. All objects of a local run share one isolate, so one set of counters sees them all.
 */
import worker from '../../src/index.ts';
import { MailHost as RealMailHost } from '../../src/mail-host/mail-host.ts';
import { Mailbox as RealMailbox } from '../../src/mailbox/mailbox.ts';
import { counted, type Written } from './counted-storage.ts';

export { Directory } from '../../src/directory/directory.ts';

export interface Counts extends Written {
  alarms: number;
  /** Milliseconds that each alarm rang behind its time. */
  late: number[];
  /** Milliseconds that handling them took, together. */
  alarmTime: number;
  turns: number;
}

const none = (): Counts => ({ alarms: 0, late: [], alarmTime: 0, turns: 0, rowsWritten: 0, alarmsSet: 0 });
let counts = none();

export class Mailbox extends RealMailbox {
  constructor(state: DurableObjectState, env: Env) {
    super(
      counted(state, () => counts),
      env,
    );
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    const began = Date.now();
    counts.alarms += 1;
    if (info) counts.late.push(began - info.scheduledTime);
    await super.alarm(info);
    counts.alarmTime += Date.now() - began;
  }
}

export class MailHost extends RealMailHost {
  override turn(): ReturnType<RealMailHost['turn']> {
    counts.turns += 1;
    return super.turn();
  }
}

export default {
  ...worker,
  fetch: (request, env, context) => {
    if (new URL(request.url).pathname !== '/counts') return worker.fetch(request, env, context);
    const told = counts;
    counts = none();
    return Response.json(told);
  },
} satisfies ExportedHandler<Env>;
