/** Runs, medians and the one table that shows them: every row with its ratio to ours, whoever wins. */

/** One measured run: what was done, by whom, and how long it took in milliseconds; null where it failed. */
export interface Run {
  readonly task: string;
  readonly who: string;
  readonly milliseconds: number | null;
  readonly note?: string;
}

/** The middle value, or null of none. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

/** Prints a table: names to the left, numbers to the right, ratios below a hundred with one digit behind the point. */
export function printColumns(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const text = (cell: string | number): string =>
    typeof cell === 'string' ? cell : Number.isInteger(cell) || Math.abs(cell) >= 100 ? cell.toFixed(0) : cell.toFixed(1);
  const lines = [head, ...rows.map((row) => row.map(text))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  console.log('');
  for (const line of lines)
    console.log(
      `  ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 2))).join('')}`,
    );
}

/** Prints one line a task and participant: median, spread, and the ratio of its median to each of ours. */
export function printTable(runs: readonly Run[], ours: readonly string[]): void {
  for (const task of new Set(runs.map((run) => run.task))) {
    console.log(`\n${task}`);
    const of = runs.filter((run) => run.task === task);
    const middle = new Map<string, number | null>();
    for (const who of new Set(of.map((run) => run.who)))
      middle.set(who, median(of.flatMap((run) => (run.who === who && run.milliseconds !== null ? [run.milliseconds] : []))));
    const columns = ours.filter((who) => middle.has(who));
    console.log(
      `  ${'who'.padEnd(34)}${'median ms'.padStart(11)}${'min'.padStart(9)}${'max'.padStart(9)}${columns.map((who) => `× ${who}`.padStart(who.length + 4)).join('')}`,
    );
    for (const [who, value] of [...middle].sort(([, a], [, b]) => (a ?? Infinity) - (b ?? Infinity))) {
      const times = of.flatMap((run) => (run.who === who && run.milliseconds !== null ? [run.milliseconds] : []));
      const ratios = columns.map((our) => {
        const base = middle.get(our);
        return (value === null || !base ? '-' : (value / base).toFixed(2)).padStart(our.length + 4);
      });
      const number = (milliseconds: number | null): string => (milliseconds === null ? 'failed' : milliseconds.toFixed(0));
      const failed = of.filter((run) => run.who === who && run.milliseconds === null).map((run) => run.note ?? '');
      console.log(
        `  ${who.padEnd(34)}${number(value).padStart(11)}${number(times.length ? Math.min(...times) : null).padStart(9)}${number(times.length ? Math.max(...times) : null).padStart(9)}${ratios.join('')}${failed.length ? `  ${failed.length} failed: ${failed[0]}` : ''}`,
      );
    }
  }
}
