/**
 * `npm run bench -- reading`: reading a mailbox from far away, ours over HTTP beside the other POP3 clients, in one run and against the
 * same Dovecot, mail and line (20 ms each way). `--json FILE` writes every run. A row where ours loses is printed like any other.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadOrCreate } from '../support/certificates.ts';
import { startDelayProxy } from '../support/delay-proxy.ts';
import { startDovecot } from '../support/dovecot.ts';
import { startGateway } from '../support/gateway.ts';
import { startLineProxy } from '../support/servers/line-proxy.ts';
import { startTlsFront } from '../support/servers/tls-front.ts';
import { GatewayClient, INTO, OCTETS } from './gateway-client.ts';
import { innerUrl } from './inner-port.ts';
import { type Maildrop, PEERS, timePeer } from './peers.ts';
import { printTable, type Run } from './table.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    runs: { type: 'string', default: '5' },
    delay: { type: 'string', default: '20' },
    peers: { type: 'string' },
  },
});
const RUNS = Number(options.runs);
const DELAY = Number(options.delay);
/** The proxy that hides PIPELINING reads lines, so it has TLS before it and none behind it. */
const CLEAR = ['ssl = yes', 'disable_plaintext_auth = no'];
const PASSWORD = randomBytes(9).toString('hex');
const TASKS = [
  { user: 'small', count: 200, octets: 5_000, title: '200 messages of 5 KB', pipelining: true },
  { user: 'large', count: 200, octets: 50_000, title: '200 messages of 50 KB', pipelining: true },
  // Command by command, whoever reads: here only the octets are of interest, beside a client that never pipelines.
  { user: 'small', count: 200, octets: 5_000, title: '200 messages of 5 KB, without PIPELINING', pipelining: false },
] as const;

/** Plain text of ordinary lines, each message different. */
function message(n: number, octets: number): Buffer {
  const head = `From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: message ${n}\r\nMessage-ID: <${n}.${octets}@example.com>\r\nDate: Fri, 20 Nov 2026 10:23:45 +0000\r\n\r\n`;
  const lines = Math.ceil((octets - head.length) / 78);
  return Buffer.from(head + Array.from({ length: lines }, (_, k) => `${`${n} ${k} `.padEnd(76, 'abcdefghij ')}\r\n`).join(''));
}

const dir = await mkdtemp(join(tmpdir(), 'popgate-bench-'));
const tls = await loadOrCreate(join(dir, 'certificates'));
const dovecot = await startDovecot({ users: Object.fromEntries(TASKS.map((task) => [task.user, PASSWORD])), tls, settings: CLEAR });
const proxy = await startDelayProxy({ to: dovecot.port, delay: DELAY });
const hiding = await startLineProxy(dovecot.startTlsPort, 'hide');
const front = await startTlsFront(hiding.port, tls);
const lockStep = await startDelayProxy({ to: front.port, delay: DELAY });
const operatorKey = randomBytes(24).toString('hex');
const gateway = await startGateway({
  persistTo: join(dir, 'state'),
  caFile: tls.caFile,
  vars: {
    OPERATOR_KEY: operatorKey,
    MASTER_KEY: `k1:${randomBytes(32).toString('base64')}`,
    ALLOWED_TARGETS: `localhost:${proxy.port},localhost:${lockStep.port}`,
    SESSION_LINGER_MS: '4000',
  },
});
const inner = new GatewayClient(await innerUrl(gateway.group, gateway.port), operatorKey);
const runs: Run[] = [];
try {
  for (const { user, count, octets, pipelining } of TASKS)
    for (let n = 0; pipelining && n < count; n++) await dovecot.deliver(user, message(n, octets));
  const only = options.peers?.split(',');
  const peers = PEERS.filter((peer) => !only || only.includes(peer.name));
  const printed = new Set<string>();
  console.log(`Dovecot ${dovecot.version}, ${DELAY} ms each way, ${RUNS} alternating runs. Command lines of the first run:`);
  for (const task of TASKS) {
    const drop: Maildrop = {
      port: task.pipelining ? proxy.port : lockStep.port,
      user: task.user,
      password: PASSWORD,
      caFile: tls.caFile,
      count: task.count,
    };
    const compared = peers.filter((peer) => task.pipelining || peer.name === 'curl');
    for (let run = 0; run < RUNS; run++) {
      const client = new GatewayClient(gateway.url, operatorKey);
      for (const [who, read] of client.readers)
        if (task.pipelining || who !== 'popgate JSON') runs.push(await measured(task.title, who, () => read(drop)));
      // Two hundred requests are two hundred times wrangler's own proxy, too.
      if (task.pipelining) runs.push(await measured(task.title, `${OCTETS}, no wrangler proxy`, () => inner.octets(drop)));
      for (const peer of compared)
        runs.push(
          await measured(task.title, peer.name, () =>
            timePeer(peer, drop, (line) => {
              if (!printed.has(peer.name)) console.log(`  ${peer.name} (${peer.from}): ${line}`);
              printed.add(peer.name);
            }),
          ),
        );
    }
  }
  printTable(runs, [INTO, OCTETS, 'popgate JSON']);
  if (options.json) await writeFile(options.json, JSON.stringify({ delay: DELAY, dovecot: dovecot.version, runs }, null, 2));
} finally {
  await gateway.stop();
  for (const closing of [lockStep, front, hiding, proxy]) await closing.close();
  await dovecot.stop();
  await rm(dir, { recursive: true, force: true });
}

async function measured(task: string, who: string, action: () => Promise<number>): Promise<Run> {
  try {
    return { task, who, milliseconds: await action() };
  } catch (error) {
    return { task, who, milliseconds: null, note: error instanceof Error ? error.message : String(error) };
  }
}
