/**
 * What an account remembers of its mail server, so that a session needs to ask nothing before it logs in. Capabilities
 * are believed for a day; that a server breaks at pipelining, or at CAPA, for some days. All of it holds for one target
 * only, and what a failed login throws doubt on is asked again. Pure: records, sessions' lessons and times in, records out.
 */
import { PIPELINE } from '../limits.ts';
import { NOTHING_REMEMBERED, type Remembered } from '../pop3/remembered.ts';
import type { Target } from './deps.ts';
import type { UpstreamFailure } from './health.ts';

export interface ServerMemory {
  /** Host, port and security in one string. */
  readonly target: string;
  readonly remembered: Remembered;
  /** When the server was last asked for its capabilities, milliseconds since the epoch. */
  readonly askedAt: number;
  /** When `remembered.pipelining` last changed. */
  readonly judgedAt: number;
}

export function targetKey({ host, port, security }: Target): string {
  return `${security}:${host}:${port}`;
}

/** What a session that begins at `now` should be given, or null for nothing. */
export function recall(memory: ServerMemory | null, target: string, now: number): Remembered | null {
  if (!memory || memory.target !== target) return null;
  const { remembered, askedAt, judgedAt } = memory;
  const believed = remembered.capabilities === null ? PIPELINE.brokenTime : PIPELINE.capabilitiesTime;
  const asked = now - askedAt < believed ? remembered : { ...NOTHING_REMEMBERED, pipelining: remembered.pipelining };
  if (asked.pipelining === 'no' && now - judgedAt >= PIPELINE.brokenTime) return { ...asked, pipelining: 'unknown' };
  if (asked.pipelining === 'suspect' && now - judgedAt >= PIPELINE.suspectTime) return { ...asked, pipelining: 'yes' };
  return asked;
}

/** The memory after a session has learned `remembered`. `asked`: it asked for the capabilities itself. */
export function remember(
  memory: ServerMemory | null,
  target: string,
  { remembered, asked }: { readonly remembered: Remembered; readonly asked: boolean },
  now: number,
): ServerMemory {
  const old = memory?.target === target ? memory : null;
  return {
    target,
    remembered,
    askedAt: old && !asked && old.remembered.asked ? old.askedAt : now,
    judgedAt: old && old.remembered.pipelining === remembered.pipelining ? old.judgedAt : now,
  };
}

/** The memory after a failure: where a login didn't go through, the server may announce something else by now. */
export function doubt(memory: ServerMemory, failure: UpstreamFailure): ServerMemory {
  const sure = failure.definite || ['mailbox_in_use', 'login_delay', 'upstream_temporary'].includes(failure.kind);
  const { phase } = failure.upstream;
  if (sure || (phase !== 'login' && phase !== 'tls')) return memory;
  const { pipelining } = memory.remembered;
  return { ...memory, remembered: { ...NOTHING_REMEMBERED, pipelining } };
}
