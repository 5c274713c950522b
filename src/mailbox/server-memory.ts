/**
 * What an account remembers of its mail server, so that a session needs to ask nothing before it logs in. Capabilities
 * are believed for a day; that a server breaks at pipelining or behind a login, or doesn't know CAPA, for some days. All of it holds
 * for one target only, and what a failed login throws doubt on is asked again. Pure: records, sessions' lessons and times in, records out.
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
  /** When `remembered.pipelining` or `remembered.behindLogin` last changed. */
  readonly judgedAt: number;
}

/** What a memory is of: host, port and security in one string. */
export function targetKey({ host, port, security }: Target): string {
  return `${security}:${host}:${port}`;
}

/** What a session that begins at `now` should be given, or null for nothing. */
export function recall(memory: ServerMemory | null, target: string, now: number): Remembered | null {
  if (!memory || memory.target !== target) return null;
  const { askedAt, judgedAt } = memory;
  // One that was stored by an earlier version lacks what was learned since.
  const remembered = { ...NOTHING_REMEMBERED, ...memory.remembered };
  // A server that hung up at CAPA (nothing is left to be settled then) may have been cut off by the network: a day is enough.
  const refused = remembered.capabilities === null && !remembered.settled;
  const believed = refused ? PIPELINE.brokenTime : PIPELINE.capabilitiesTime;
  const known = now - askedAt < believed ? remembered : verdictsOf(remembered);
  const over = (time: number): boolean => now - judgedAt >= time;
  const behindLogin = known.behindLogin === 'no' && over(PIPELINE.brokenTime) ? 'unknown' : known.behindLogin;
  if (known.pipelining === 'no' && over(PIPELINE.brokenTime)) return { ...known, behindLogin, pipelining: 'unknown' };
  if (known.pipelining === 'suspect' && over(PIPELINE.suspectTime)) return { ...known, behindLogin, pipelining: 'yes' };
  return { ...known, behindLogin };
}

/** What isn't forgotten with the capabilities. */
function verdictsOf({ pipelining, behindLogin }: Remembered): Remembered {
  return { ...NOTHING_REMEMBERED, pipelining, behindLogin };
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
    judgedAt: old && sameVerdicts(old.remembered, remembered) ? old.judgedAt : now,
  };
}

/** The memory after a failure: where a login didn't go through, the server may announce something else by now. */
export function doubt(memory: ServerMemory, failure: UpstreamFailure): ServerMemory {
  const sure = failure.definite || ['mailbox_in_use', 'login_delay', 'upstream_temporary'].includes(failure.kind);
  const { phase } = failure.upstream;
  if (sure || (phase !== 'login' && phase !== 'tls')) return memory;
  return { ...memory, remembered: verdictsOf({ ...NOTHING_REMEMBERED, ...memory.remembered }) };
}

function sameVerdicts(old: Partial<Remembered>, { pipelining, behindLogin }: Remembered): boolean {
  return old.pipelining === pipelining && (old.behindLogin ?? 'unknown') === behindLogin;
}
