/**
 * `npm run bench -- polls`: asking a large mailbox what is new, ours beside mpop, fetchmail and getmail6, each of which has
 * seen everything before; and the first sight of it, from making the account to the first page. One Dovecot, one line (20 ms
 * each way), alternating runs. `--sizes`, `--runs`, `--delay` and `--json FILE`. A row where ours loses is printed like any other.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadOrCreate } from '../support/certificates.ts';
import { type DelayProxy, startDelayProxy } from '../support/delay-proxy.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { LargeDrop } from './large-drop.ts';
import { listWhole } from './listing-client.ts';
import { forgetPeaks, peakOf } from './memory.ts';
import type { Maildrop } from './peers.ts';
import { PolledAccount } from './polled-account.ts';
import { Poller } from './pollers.ts';
import { workerdFigures } from './process-figures.ts';
import { median, printColumns } from './table.ts';
import { WrittenRows } from './written-rows.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    sizes: { type: 'string', default: '10000,100000' },
    runs: { type: 'string', default: '3' },
    delay: { type: 'string', default: '20' },
  },
});
const RUNS = Number(options.runs);
const DELAY = Number(options.delay);
const SIZES = options.sizes.split(',').map(Number);
const NEWS = [0, 1, 100];
const PAGED = 20_000;
const OURS = 'popgate';

/** One poll: who, how many new messages, and what it cost. On the wire: with TLS, counted by the proxy. */
interface Poll {
  readonly who: string;
  readonly news: number;
  readonly milliseconds: number;
  readonly wireIn: number;
  readonly wireOut: number;
  readonly turns: number;
  /** Ours alone: above TLS, as the gateway counts. */
  readonly above?: { readonly in: number; readonly out: number; readonly flights: number };
}

interface Bench {
  readonly drop: LargeDrop;
  readonly proxy: DelayProxy;
  readonly maildrop: () => Maildrop;
  readonly account: PolledAccount;
  readonly gateway: Gateway;
  readonly dir: string;
}

const dir = await mkdtemp(join(tmpdir(), 'popgate-polls-'));
const results: unknown[] = [];
try {
  for (const size of SIZES) results.push(await benchOf(size));
  if (options.json) await writeFile(options.json, JSON.stringify({ delay: DELAY, runs: RUNS, results }, null, 2));
} finally {
  await rm(dir, { recursive: true, force: true });
}

async function benchOf(size: number): Promise<unknown> {
  const tls = await loadOrCreate(join(dir, 'certificates'));
  const password = randomBytes(9).toString('hex');
  const drop = await LargeDrop.make(size, tls, password, dir);
  const proxy = await startDelayProxy({ to: drop.dovecot.port, delay: DELAY });
  const operator = randomBytes(24).toString('hex');
  const vars = {
    OPERATOR_KEY: operator,
    MASTER_KEY: `k1:${randomBytes(32).toString('base64')}`,
    ALLOWED_TARGETS: `localhost:${proxy.port}`,
  };
  const gateway = await startGateway({ persistTo: join(dir, `state-${size}`), caFile: tls.caFile, vars });
  const maildrop = (): Maildrop => ({ port: proxy.port, user: drop.user, password, caFile: tls.caFile, count: drop.count });
  const bench = { drop, proxy, maildrop, account: new PolledAccount(gateway.url, operator), gateway, dir };
  try {
    console.log(`\n${size} messages on Dovecot ${drop.dovecot.version}, ${DELAY} ms each way, ${RUNS} alternating runs, medians`);
    const sight = await firstSight(bench);
    const polls = await pollAll(bench, password);
    const paging = size > PAGED ? await paged(bench) : null;
    return { size, sight, polls, paging };
  } catch (error) {
    console.error(gateway.output().slice(-3000));
    throw error;
  } finally {
    await gateway.stop();
    await proxy.close();
    await drop.stop();
  }
}

/** The first page of a new account, beside a client that lists the maildrop and does nothing else. Leaves an account. */
async function firstSight({ account, gateway, maildrop, proxy, dir: at }: Bench): Promise<unknown> {
  // Dovecot builds its index when it is first asked.
  await listWhole(maildrop(), at);
  const ours: number[] = [];
  const listing: number[] = [];
  const peaks: number[] = [];
  const busy: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    await account.end();
    await silence(proxy);
    forgetPeaks(gateway.group);
    const { cpu } = workerdFigures();
    ours.push(await account.begin(maildrop()));
    busy.push(workerdFigures().cpu - cpu);
    peaks.push(peakOf(gateway.group) ?? 0);
    await silence(proxy);
    listing.push((await listWhole(maildrop(), at)).milliseconds);
  }
  const [middle, bare] = [median(ours) ?? 0, median(listing) ?? 0];
  printColumns(
    ['from nothing', 'ms', 'min', 'max', '×'],
    [
      [`${OURS}: POST accounts to first page of 50`, ...spread(ours), 1],
      ['poplib: STAT, UIDL, LIST alone', ...spread(listing), bare / middle],
    ],
  );
  printEffort(Math.max(...peaks), median(busy) ?? 0);
  return { ours, listing, peaks, busy };
}

async function pollAll(bench: Bench, password: string): Promise<Poll[]> {
  const { account, drop, maildrop, proxy } = bench;
  await account.quiet();
  await silence(proxy);
  const { uidls } = await listWhole(maildrop(), bench.dir);
  const pollers = await Poller.all(maildrop(), uidls);
  const rows = await WrittenRows.of(drop.dovecot.port, drop.user, password);
  for (const { name, command } of pollers) console.log(`  ${name}: ${command}`);
  const polls: Poll[] = [];
  const written = new Map<number, number[]>();
  try {
    for (let run = 0; run < RUNS; run++)
      for (const news of NEWS) {
        if (news > 0) await drop.add(news);
        polls.push(await measured(OURS, news, proxy, () => account.poll(news)));
        for (const poller of pollers) {
          polls.push(await measured(poller.name, news, proxy, async () => ({ milliseconds: await poller.poll(news) })));
        }
        written.set(news, [...(written.get(news) ?? []), await rows.poll(news)]);
      }
  } finally {
    for (const poller of pollers) await poller.end();
  }
  for (const news of NEWS)
    printPolls(
      news,
      polls.filter((poll) => poll.news === news),
      written.get(news) ?? [],
    );
  return polls;
}

async function measured(
  who: string,
  news: number,
  proxy: DelayProxy,
  action: () => Promise<{ milliseconds: number; upstream?: { bytesIn: number; bytesOut: number; flights: number } }>,
): Promise<Poll> {
  await silence(proxy);
  const before = { ...proxy.octets, turns: proxy.turns.count };
  const { milliseconds, upstream } = await action();
  // The end of the session belongs to it: QUIT, its answer, and what TLS says last.
  await silence(proxy);
  return {
    who,
    news,
    milliseconds,
    wireIn: proxy.octets.down - before.down,
    wireOut: proxy.octets.up - before.up,
    turns: proxy.turns.count - before.turns,
    ...(upstream ? { above: { in: upstream.bytesIn, out: upstream.bytesOut, flights: upstream.flights } } : {}),
  };
}

function printPolls(news: number, polls: readonly Poll[], written: readonly number[]): void {
  const middle = (who: string, of: (poll: Poll) => number): number =>
    median(polls.filter((poll) => poll.who === who).map(of)) ?? Number.NaN;
  const ours = middle(OURS, ({ wireIn, wireOut }) => wireIn + wireOut);
  const rows = [...new Set(polls.map(({ who }) => who))].map((who) => {
    const octets = middle(who, ({ wireIn, wireOut }) => wireIn + wireOut);
    return [
      who,
      middle(who, ({ wireIn }) => wireIn),
      middle(who, ({ wireOut }) => wireOut),
      octets / ours,
      middle(who, ({ turns }) => turns),
      middle(who, ({ milliseconds }) => milliseconds),
      who === OURS ? (median(written) ?? Number.NaN) : '-',
    ];
  });
  printColumns([`${news} new`, 'octets in', 'out', '× ours', 'turns', 'ms', 'rows written'], rows);
  const above = (of: (cost: NonNullable<Poll['above']>) => number): number => middle(OURS, (poll) => (poll.above ? of(poll.above) : 0));
  console.log(
    `  ${OURS} above TLS: ${above((cost) => cost.in)} octets in, ${above((cost) => cost.out)} out, ${above((cost) => cost.flights)} round trips`,
  );
}

/** Pages through headers that nobody has read before. */
async function paged({ account, gateway, proxy }: Bench): Promise<unknown> {
  await account.quiet();
  await silence(proxy);
  forgetPeaks(gateway.group);
  const { cpu } = workerdFigures();
  const milliseconds = await account.page(PAGED);
  const busy = workerdFigures().cpu - cpu;
  const rate = PAGED / (milliseconds / 1000);
  printColumns(['paging', 'ms', 'messages/s'], [[`${OURS}: ${PAGED} headers in pages of 200`, milliseconds, rate]]);
  const peak = peakOf(gateway.group) ?? 0;
  printEffort(peak, busy);
  return { milliseconds, rate, peak, busy };
}

function printEffort(peak: number, busy: number): void {
  console.log(`  meanwhile workerd held at most ${(peak / 2 ** 20).toFixed(0)} MiB (VmHWM) and worked for ${busy} ms of processor time`);
}

/** Waits until no connection is open: a session that a request opened lingers a few seconds. */
async function silence(proxy: DelayProxy): Promise<void> {
  for (const until = Date.now() + 30_000; Date.now() < until;) {
    if (proxy.open() === 0) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  throw new Error('a connection stays open');
}

function spread(values: readonly number[]): [number, number, number] {
  return [median(values) ?? Number.NaN, Math.min(...values), Math.max(...values)];
}
