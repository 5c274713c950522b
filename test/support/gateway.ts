/**
 * The whole gateway as `wrangler dev` runs it, for the demo and for tests over HTTP: started on a free port, ready
 * when /healthz answers, ended with workerd and all. Nothing is asked of a person or of the network beyond loopback.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freePort, portTaken } from './ports.ts';
import { ProcessGroup } from './process-group.ts';

export interface GatewayOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Where objects keep their state; also takes wrangler's logs. Made when absent. */
  readonly persistTo: string;
  /** Variables and secrets; they win over .dev.vars. */
  readonly vars?: Readonly<Record<string, string>>;
  /** A PEM file of authorities to trust beside the usual ones (and those of NODE_EXTRA_CA_CERTS). */
  readonly caFile?: string;
  /** A wrangler configuration; default: the project's own. */
  readonly config?: string;
  /** Told every line that wrangler and the Worker print. */
  readonly onLine?: (line: string) => void;
  /** Milliseconds until /healthz must answer. */
  readonly deadline?: number;
  /** Gives up waiting for the start and ends what was started. */
  readonly signal?: AbortSignal;
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  /** The process group that wrangler and workerd run in. */
  readonly group: number | null;
  /** Fulfilled when it has ended, by itself or not. */
  readonly ended: Promise<void>;
  /** The last 64 KiB that it printed. */
  output(): string;
  /** Ends it and everything it started. */
  stop(): Promise<void>;
  /** Kills it as a crash would. */
  kill(): Promise<void>;
}

/** The port asked for is in use. */
export class PortTakenError extends Error {}

const ROOT = join(import.meta.dirname, '..', '..');
const WRANGLER = join(ROOT, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
const DEADLINE = 90_000;
const POLL = 100;

/** Starts the gateway and waits until it answers. Throws `PortTakenError`, or an error with what wrangler said. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const port = options.port ?? (await freePort());
  if (options.port !== undefined && (await portTaken(port))) throw new PortTakenError(`Port ${port} is in use.`);
  await mkdir(options.persistTo, { recursive: true });
  const group = new ProcessGroup(process.execPath, [WRANGLER, ...(await wranglerArguments(options, port))], {
    cwd: options.config === undefined ? ROOT : dirname(options.config),
    env: await environment(options),
    ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await ready(url, group, options);
  } catch (error) {
    await group.kill();
    throw error;
  }
  return {
    url,
    port,
    group: group.id,
    ended: group.ended,
    output: () => group.output(),
    stop: () => group.stop(),
    kill: () => group.kill(),
  };
}

async function wranglerArguments(options: GatewayOptions, port: number): Promise<string[]> {
  const vars = Object.entries(options.vars ?? {}).flatMap(([name, value]) => ['--var', `${name}:${value}`]);
  const config = options.config === undefined ? [] : ['--config', options.config];
  const inspector = ['--inspector-ip', '127.0.0.1', '--inspector-port', String(await freePort())];
  const quiet = ['--show-interactive-dev-session=false', '--live-reload=false'];
  return [
    'dev',
    '--ip',
    '127.0.0.1',
    '--port',
    String(port),
    ...inspector,
    ...quiet,
    '--persist-to',
    options.persistTo,
    ...config,
    ...vars,
  ];
}

/** The parent's environment without what a test runner added, and with all that keeps wrangler quiet and alone. */
async function environment(options: GatewayOptions): Promise<NodeJS.ProcessEnv> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of Object.keys(env)) if (/^(VITEST|NODE_ENV$|NODE_OPTIONS$|FORCE_COLOR$)/.test(name)) delete env[name];
  return Object.assign(env, {
    CI: 'true',
    NO_COLOR: '1',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
    // Without this miniflare asks workers.cloudflare.com for the contents of `request.cf`.
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    // wrangler's tracing keeps the URL of every request on disk, a ticket in it too, and takes a third of the processor.
    X_LOCAL_OBSERVABILITY: 'false',
    X_LOCAL_EXPLORER: 'false',
    WRANGLER_LOG_PATH: join(options.persistTo, 'logs'),
    // Runs side by side would find each other's Workers in the shared registry.
    WRANGLER_REGISTRY_PATH: join(options.persistTo, 'registry'),
    PATH: [join(ROOT, 'node_modules', '.bin'), dirname(process.execPath), process.env.PATH ?? ''].join(':'),
    ...(options.caFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: await trustBundle(options.caFile, options.persistTo) }),
  });
}

/** `caFile` and the bundle that the environment names already, in one file: the variable takes only one. */
async function trustBundle(caFile: string, dir: string): Promise<string> {
  const already = process.env.NODE_EXTRA_CA_CERTS;
  if (already === undefined || already === '') return caFile;
  const bundle = join(dir, 'trust.pem');
  await writeFile(bundle, `${await readFile(already, 'utf8')}\n${await readFile(caFile, 'utf8')}`);
  return bundle;
}

async function ready(url: string, group: ProcessGroup, options: GatewayOptions): Promise<void> {
  const until = Date.now() + (options.deadline ?? DEADLINE);
  while (Date.now() < until) {
    options.signal?.throwIfAborted();
    if (group.over) throw new Error(`wrangler ended before the gateway was ready:\n${group.output()}`);
    if (await answers(`${url}/healthz`)) return;
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
  throw new Error(`The gateway did not answer /healthz in time:\n${group.output()}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Not listening yet; the caller has the deadline.
    return false;
  }
}
