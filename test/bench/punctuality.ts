/** How punctually accounts were polled, from the times of their logins as the mail server saw them. Pure. */

export interface Polled {
  /** Milliseconds from one poll to the next that the account has for itself. */
  readonly interval: number;
  /** When it logged in, ascending. */
  readonly logins: readonly number[];
}

export interface Punctuality {
  readonly polls: number;
  /** Behind the account's own due time: its last poll and its interval. Milliseconds. */
  readonly late: Spread;
  /** Away from the minute (or whatever was asked for), to either side. */
  readonly off: Spread;
  /** Polls that should have been and were not. */
  readonly missed: number;
}

export interface Spread {
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

/** Of the polls from `from` to `to`; `asked`: the interval that was asked for, milliseconds. */
export function punctuality(accounts: readonly Polled[], asked: number, from: number, to: number): Punctuality {
  const late: number[] = [];
  const off: number[] = [];
  let missed = 0;
  for (const { interval, logins } of accounts) {
    const before = logins.filter((at) => at < from).slice(-1);
    const during = logins.filter((at) => at >= from && at < to);
    const all = [...before, ...during];
    for (const [index, at] of all.entries()) {
      const next = all[index + 1];
      if (next === undefined) break;
      late.push(next - at - interval);
      off.push(Math.abs(next - at - asked));
      missed += Math.max(0, Math.round((next - at) / interval) - 1);
    }
    const last = all.at(-1) ?? from;
    missed += Math.max(0, Math.floor((to - last) / interval - 0.5));
  }
  return { polls: late.length, late: spread(late), off: spread(off), missed };
}

/** The middle, the 99th of a hundred, and the largest; zeros of none. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { median: at(0.5), p99: at(0.99), most: at(1) };
}
