/**
 * What a thousand accounts cost in a month of 30 days, from what the fleet counted and the platform's public prices. Nothing
 * of it was measured on Cloudflare's network: how long an object is awake for a poll is reckoned from round trips.
 */
import { LOGINS, POLL } from '../../src/limits.ts';
import { autoSeconds } from '../../src/mailbox/pace.ts';

/** Of developers.cloudflare.com/durable-objects/platform/pricing in November 2026, Workers Paid, US dollars for a million beyond what is included. */
export const PRICES = { requests: 0.15, gbSeconds: 12.5, rowsWritten: 1 } as const;
export const INCLUDED = { requests: 1e6, gbSeconds: 400_000, rowsWritten: 50e6 } as const;

/** What an object is billed as, GB. */
const MEMORY = 0.128;
const ACCOUNTS = 1000;
const DAYS = 30;
const DAY = 86_400_000;
/** Round trips of a poll that finds nothing new, TCP and TLS with them, how long one takes, and what else a poll waits for. */
const ROUND_TRIPS = 5;
const ROUND_TRIP = 40;
const LOOKING_UP = 50;

export interface Counted {
  /** For each poll. */
  readonly requests: number;
  readonly rowsWritten: number;
  /** Milliseconds that the fleet's server and the object took, without any distance. */
  readonly handling: number;
  /** Rows for a poll that brings one message, beyond those of one that brings none. */
  readonly rowsForMessage: number;
}

export interface Cost {
  readonly title: string;
  readonly pollsPerDay: number;
  readonly requests: number;
  readonly rowsWritten: number;
  readonly gbSeconds: number;
  /** Dollars, nothing of it being included. */
  readonly dollars: number;
}

/** A thousand accounts that get `messages` each day, at a fixed pace (seconds) or `auto`. */
export function cost(title: string, pace: number | 'auto', messages: number, counted: Counted): Cost {
  const pollsPerDay = pace === 'auto' ? autoPolls(messages) : DAY / 1000 / pace;
  const polls = ACCOUNTS * DAYS * pollsPerDay;
  // The sweep: a visit a day, told to the Directory, which writes the entry and its place in an index.
  const visits = ACCOUNTS * DAYS;
  const requests = polls * counted.requests + visits * 1.1;
  const rowsWritten = polls * counted.rowsWritten + ACCOUNTS * DAYS * messages * counted.rowsForMessage + visits * 3;
  const awake = (counted.handling + ROUND_TRIPS * ROUND_TRIP + LOOKING_UP) / 1000;
  // The object of the one mail host that all are on is awake while anybody has a turn there: as long as they together, at most always.
  const host = Math.min(DAYS * (DAY / 1000), polls * awake);
  const gbSeconds = MEMORY * (polls * awake + host);
  const dollars = (requests * PRICES.requests + rowsWritten * PRICES.rowsWritten + gbSeconds * PRICES.gbSeconds) / 1e6;
  return { title, pollsPerDay, requests, rowsWritten, gbSeconds, dollars };
}

/** Polls a day at `auto`, on average over a month of mail that comes by chance between 8 and 22 o'clock. */
export function autoPolls(messagesPerDay: number): number {
  const arrivals = mail(messagesPerDay, DAYS + 1);
  const seen: number[] = [];
  let polls = 0;
  let next = 0;
  for (let now = 0; now < (DAYS + 1) * DAY;) {
    const at = now;
    while ((arrivals[next] ?? Number.POSITIVE_INFINITY) <= at) {
      seen.unshift(at);
      next += 1;
    }
    if (at >= DAY) polls += 1;
    now += autoSeconds(seen.slice(0, POLL.autoMessages), at) * 1000;
  }
  return polls / DAYS;
}

/** The same mail for everybody who asks: a linear congruential generator, so that the sheet can be reckoned again. */
function mail(perDay: number, days: number): number[] {
  let state = 42;
  const random = (): number => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
  const [from, to] = [8 / 24, 22 / 24];
  const times = Array.from({ length: days }, (_, day) => Array.from({ length: perDay }, () => (day + from + random() * (to - from)) * DAY));
  return times.flat().sort((a, b) => a - b);
}

export function printCosts(costs: readonly Cost[]): void {
  const million = (count: number): string => `${(count / 1e6).toFixed(2)} M`.padStart(10);
  console.log(`\n${ACCOUNTS} accounts for a month, ${LOGINS.atOnce} logins at once to one host`);
  console.log(
    `  ${''.padEnd(40)}${'polls/day'.padStart(10)}${'requests'.padStart(10)}${'rows'.padStart(10)}${'GB-s'.padStart(10)}${'US$'.padStart(8)}`,
  );
  for (const { title, pollsPerDay, requests, rowsWritten, gbSeconds, dollars } of costs)
    console.log(
      `  ${title.padEnd(40)}${pollsPerDay.toFixed(0).padStart(10)}${million(requests)}${million(rowsWritten)}${million(gbSeconds)}${dollars.toFixed(2).padStart(8)}`,
    );
}
