/**
 * `npm run bench -- fleet`: many accounts, each polled every minute, by the whole gateway as `wrangler dev` runs it, against a
 * mail server on loopback that has nothing new. Printed: how late polls are, which were missed, what it takes of memory, processor,
 * requests and rows. `--accounts`, `--minutes`, `--poll SECONDS`, `--json FILE`.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { AccountView } from '../../src/mailbox/rpc.ts';
import { startFleetServer } from '../support/fleet-server.ts';
import { startGateway } from '../support/gateway.ts';
import { cost, printCosts } from './cost-sheet.ts';
import type { Counts } from './counted-worker.ts';
import { type ProcessFigures, workerdFigures } from './process-figures.ts';
import { type Punctuality, punctuality, type Spread, spread } from './punctuality.ts';

const { values: options } = parseArgs({
  options: {
    accounts: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '10' },
    poll: { type: 'string', default: '60' },
    json: { type: 'string' },
  },
});
const ACCOUNTS = Number(options.accounts);
const MINUTES = Number(options.minutes);
const POLL_SECONDS = Number(options.poll);
const MINUTE = 60_000;
const SAMPLE = 10_000;
/** Accounts that are made, or looked at, at the same time. */
const AT_ONCE = 4;
/** How long the first listing of an account may take. */
const PATIENCE = 5 * MINUTE;
/** How long the server takes to answer credentials, as one that looks them up does. */
const LOGIN_TIME = 20;
/** What is wanted. */
const LATE_MOST = 12_000;

/** What the cost sheet supposes of an account. */
const MESSAGES_A_DAY = 20;

const ROOT = join(import.meta.dirname, '..', '..');

/** The project's configuration with the counting Worker in place of the real one's entry. */
async function configuration(): Promise<string> {
  const dir = join(ROOT, '.build', 'fleet');
  await mkdir(dir, { recursive: true });
  const toml = await readFile(join(ROOT, 'wrangler.toml'), 'utf8');
  const entry = JSON.stringify(join(import.meta.dirname, 'counted-worker.ts'));
  const file = join(dir, 'wrangler.toml');
  await writeFile(file, toml.replace(/^main = .*$/m, `main = ${entry}`).replace(/^\[build\]\n(?:.+\n)*/m, ''));
  return file;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Waits for `milliseconds` and looks at the processes now and then. */
async function watch(milliseconds: number): Promise<ProcessFigures[]> {
  const until = Date.now() + milliseconds;
  const samples: ProcessFigures[] = [workerdFigures()];
  while (Date.now() < until) {
    await sleep(Math.min(SAMPLE, until - Date.now()));
    samples.push(workerdFigures());
  }
  return samples;
}

class Fleet {
  readonly logins = new Map<string, number[]>();
  readonly intervals = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #url: string;
  readonly #key: string;
  readonly #port: number;

  constructor(url: string, key: string, port: number) {
    this.#url = url;
    this.#key = key;
    this.#port = port;
  }

  /** Makes all accounts, a few at a time; each is asked for by its alarm first, as all are later on. */
  async make(count: number): Promise<void> {
    await this.#each(count, async (n) => {
      const { account } = (await this.#ask('POST', '/v1/accounts', {
        server: { host: 'localhost', port: this.#port, security: 'none' },
        auth: { username: `user${n}`, password: 'secret' },
        pollSeconds: POLL_SECONDS,
        verify: false,
        token: null,
      })) as { account: AccountView };
      this.#ids[n] = account.id;
    });
  }

  /** Waits until each was listed, and asks for the interval that its alarm keeps. */
  async settle(): Promise<void> {
    await this.#each(this.#ids.length, async (n) => {
      for (const until = Date.now() + PATIENCE; Date.now() < until; await sleep(1000)) {
        const { sync } = (await this.#ask('GET', `/v1/accounts/${this.#ids[n]}`)) as AccountView;
        if (sync.checkedAt === null || sync.nextCheckAt === null) continue;
        this.intervals.set(`user${n}`, Date.parse(sync.nextCheckAt) - Date.parse(sync.checkedAt));
        return;
      }
      throw new Error(`Account ${n} was not listed in time.`);
    });
  }

  async counts(): Promise<Counts> {
    return (await fetch(`${this.#url}/counts`)).json();
  }

  async #each(count: number, work: (n: number) => Promise<void>): Promise<void> {
    let next = 0;
    const some = async (): Promise<void> => {
      while (next < count) await work(next++);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, some));
  }

  async #ask(method: string, path: string, json?: unknown): Promise<unknown> {
    const headers = { Authorization: `Bearer ${this.#key}`, 'Content-Type': 'application/json' };
    const response = await fetch(this.#url + path, { method, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) });
    if (!response.ok) throw new Error(`${method} ${path} is ${response.status}: ${await response.text()}`);
    return response.json();
  }
}

interface Result {
  readonly times: Punctuality;
  readonly counts: Counts;
  readonly samples: readonly ProcessFigures[];
  readonly loginsAtOnce: number;
  /** Rows that one new message costs an account. */
  readonly rowsForMessage: number;
}

function print({ times, counts, samples, loginsAtOnce, rowsForMessage }: Result): void {
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;
  const three = ({ median, p99, most }: Spread): string => `median ${seconds(median)}, p99 ${seconds(p99)}, most ${seconds(most)}`;
  const megabytes = (octets: number): string => `${Math.round(octets / 1e6)}`;
  const each = (count: number): string => (count / counts.alarms).toFixed(3);
  const requests = (counts.alarms + counts.turns) / counts.alarms;
  const rowsWritten = (counts.rowsWritten + counts.alarmsSet) / counts.alarms;
  const handling = counts.alarmTime / counts.alarms;
  const [first, last] = [samples[0], samples.at(-1)];
  const cpu = (last?.cpu ?? 0) - (first?.cpu ?? 0);
  console.log(`polls seen by the server       ${times.polls}, missed ${times.missed}`);
  console.log(`behind each account's due time ${three(times.late)}`);
  console.log(`away from what was asked for   ${three(times.off)}  (wanted: ${seconds(LATE_MOST)} at most)`);
  console.log(`alarms                         ${counts.alarms}, behind their time: ${three(spread(counts.late))}`);
  console.log(`an alarm's handling            ${handling.toFixed(1)} ms on average`);
  console.log(`logins at once                 ${loginsAtOnce} at most`);
  console.log(
    `for each alarm                 ${each(counts.turns)} calls for a turn, ${each(counts.rowsWritten)} rows written, alarm set ${each(counts.alarmsSet)} times`,
  );
  console.log(`processor                      ${(cpu / counts.alarms).toFixed(2)} ms of workerd for each alarm`);
  console.log(
    `memory of workerd, MB          ${samples
      .filter((_, n) => n % 6 === 0)
      .map(({ memory }) => megabytes(memory))
      .join(' ')}  (each minute)`,
  );
  console.log(`one new message                ${rowsForMessage.toFixed(1)} rows written`);
  const counted = { requests, rowsWritten, handling, rowsForMessage };
  printCosts([
    cost('every 5 minutes, nothing new', 300, 0, counted),
    cost(`every 5 minutes, ${MESSAGES_A_DAY} messages a day`, 300, MESSAGES_A_DAY, counted),
    cost('auto, nothing new', 'auto', 0, counted),
    cost(`auto, ${MESSAGES_A_DAY} messages a day`, 'auto', MESSAGES_A_DAY, counted),
  ]);
}

const dir = await mkdtemp(join(tmpdir(), 'popgate-fleet-'));
let fleet: Fleet | null = null;
let messages = 3;
const server = await startFleetServer({
  loginTime: LOGIN_TIME,
  messages: () => messages,
  onLogin: (user) => {
    const logins = fleet?.logins.get(user);
    if (logins) logins.push(Date.now());
    else fleet?.logins.set(user, [Date.now()]);
  },
});
// Whoever interrupts it wants the gateway to end too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const operatorKey = randomBytes(24).toString('hex');
const gateway = await startGateway({
  persistTo: join(dir, 'state'),
  config: await configuration(),
  vars: {
    OPERATOR_KEY: operatorKey,
    MASTER_KEY: `k1:${randomBytes(32).toString('base64')}`,
    ALLOWED_TARGETS: `localhost:${server.port}`,
    SESSION_LINGER_MS: '0',
    DNS_CHECK: 'off',
  },
});
try {
  fleet = new Fleet(gateway.url, operatorKey, server.port);
  console.log(`${ACCOUNTS} accounts, polled every ${POLL_SECONDS} s, for ${MINUTES} minutes; credentials take ${LOGIN_TIME} ms.`);
  const began = Date.now();
  await fleet.make(ACCOUNTS);
  await fleet.settle();
  console.log(`made and listed in ${((Date.now() - began) / 1000).toFixed(0)} s; all are polled once more before it counts`);
  await sleep(1.2 * POLL_SECONDS * 1000);
  await fleet.counts();
  server.forgetMost();
  const from = Date.now();
  const samples = await watch(MINUTES * MINUTE);
  const to = Date.now();
  const counts = await fleet.counts();
  messages += 1;
  await sleep(POLL_SECONDS * 1000 * 1.1 + LATE_MOST);
  const news = await fleet.counts();
  const { logins, intervals } = fleet;
  const accounts = [...intervals].map(([user, interval]) => ({ interval, logins: logins.get(user) ?? [] }));
  const result = {
    times: punctuality(accounts, POLL_SECONDS * 1000, from, to),
    counts,
    samples,
    loginsAtOnce: server.logins.most,
    rowsForMessage: news.rowsWritten / ACCOUNTS,
  };
  print(result);
  if (options.json)
    await writeFile(options.json, JSON.stringify({ accounts: ACCOUNTS, minutes: MINUTES, poll: POLL_SECONDS, ...result }, null, 2));
} finally {
  await gateway.stop();
  await server.close();
  await rm(dir, { recursive: true, force: true });
}
