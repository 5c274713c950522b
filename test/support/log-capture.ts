/** The console, caught: what is logged between two moments, for tests that look for secrets in it. Captures may overlap. */

const capturing = new Set<LogCapture>();
// oxlint-disable-next-line no-console
const original = console.log;

export class LogCapture {
  readonly lines: string[] = [];

  constructor() {
    capturing.add(this);
    // oxlint-disable-next-line no-console
    console.log = (...parts: unknown[]): void => {
      for (const { lines } of capturing) lines.push(parts.map(String).join(' '));
    };
  }

  /** Gives the console back, once nobody captures it any more. */
  end(): void {
    capturing.delete(this);
    // oxlint-disable-next-line no-console
    if (capturing.size === 0) console.log = original;
  }
}
