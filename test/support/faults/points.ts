/**
 * Points at which something outside is touched, and the one fault that is put at one of them. A point is named by what it
 * touches and how often that was touched before, so that it is found again in a run in which other things happen in another
 * order. Without a fault to put, the points are only counted.
 */

/** Everything that can be made to happen at a point. Which of them mean something depends on the point. */
export const FAULTS = ['close', 'reset', 'stall', 'garbage', 'short', 'abort', 'throw'] as const;
export type Fault = (typeof FAULTS)[number];

export type PointKind = 'dial' | 'read' | 'write' | 'tls' | 'exec' | 'begin' | 'commit' | 'alarm';

export interface Point {
  readonly kind: PointKind;
  readonly name: string;
}

export interface Plan {
  readonly point: string;
  readonly fault: Fault;
}

/** The faults that mean something at a point of each kind. */
const MEANT: Record<PointKind, readonly Fault[]> = {
  dial: ['close', 'reset', 'stall', 'garbage', 'abort'],
  read: ['close', 'reset', 'stall', 'garbage', 'short', 'abort'],
  write: ['close', 'reset', 'stall', 'short', 'abort'],
  tls: ['reset', 'stall', 'abort'],
  exec: ['throw', 'abort'],
  begin: ['throw', 'abort'],
  commit: ['throw', 'abort'],
  alarm: ['abort'],
};

export function isMeant(fault: Fault, point: Point): boolean {
  return MEANT[point.kind].includes(fault);
}

export class Points {
  /** What the driver is doing; part of each point's name. */
  step = '';
  readonly met: Point[] = [];
  #plan: Plan | null;
  #armed: { readonly fault: Fault; after: number } | null = null;
  readonly #counts = new Map<string, number>();

  constructor(plan: Plan | null = null) {
    this.#plan = plan;
  }

  /** Whether the fault is still to come. */
  get pending(): boolean {
    return this.#plan !== null;
  }

  /** Passes a point: the fault that is to happen there, or null. */
  pass(kind: PointKind, what: string): Fault | null {
    const place = `${this.step}: ${kind} ${what}`;
    const count = (this.#counts.get(place) ?? 0) + 1;
    this.#counts.set(place, count);
    const name = `${place} #${count}`;
    this.met.push({ kind, name });
    if (this.#armed && isMeant(this.#armed.fault, { kind, name })) return this.#countDown(this.#armed);
    if (this.#plan?.point !== name) return null;
    const { fault } = this.#plan;
    this.#plan = null;
    return fault;
  }

  /** Puts a fault at the point that comes `after` so many others at which it means something. */
  arm(fault: Fault, after: number): void {
    this.#armed = { fault, after };
  }

  disarm(): void {
    this.#armed = null;
  }

  #countDown(armed: { readonly fault: Fault; after: number }): Fault | null {
    armed.after -= 1;
    if (armed.after >= 0) return null;
    this.#armed = null;
    return armed.fault;
  }
}
