/**
 * `npm start`: the whole product on this machine, with a mailbox to look at. Starts a POP3 server over TLS on loopback
 * with a full maildrop, the gateway beside it, and an account that joins them; prints where it is and what to paste.
 * Secrets are made once (`.dev.vars`), state is kept in `.popgate/` and survives a restart. Ctrl-C ends all of it.
 * PORT and POPGATE_POP3_PORT choose other ports.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadOrCreate } from './certificates.ts';
import { ensureDemoAccount } from './demo-account.ts';
import { demoMailbox } from './demo-mailbox.ts';
import { startGateway } from './gateway.ts';
import type { Gateway } from './gateway.ts';
import { ensureSecrets } from './local-secrets.ts';
import { portTaken } from './ports.ts';
import { startPop3Server } from './pop3-server.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const STATE = join(ROOT, '.popgate');
const USER = { username: 'demo', password: 'demo' };

/** A mistake of the surroundings that one sentence explains. */
class Refusal extends Error {}

/** What has to be ended, newest first. */
const running: (() => Promise<void> | void)[] = [];
const interrupted = new AbortController();
let ending: Promise<void> | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(0));
try {
  await main();
} catch (error) {
  if (!interrupted.signal.aborted) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    await end(1);
  }
}

async function main(): Promise<void> {
  const gatewayPort = portFrom('PORT', 8787);
  const pop3Port = portFrom('POPGATE_POP3_PORT', 9995);
  if (await portTaken(gatewayPort)) throw taken(gatewayPort, 'the gateway', 'PORT');
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  const { operatorKey, allowedTargets } = ensureSecrets(join(ROOT, '.dev.vars'));
  const certificates = await loadOrCreate(join(STATE, 'certificates'));
  const mailbox = await startDemoMail(pop3Port, certificates);
  say(`A demo mail server listens on localhost:${pop3Port} (TLS). The gateway is starting …`);
  // A variable on the command line hides the one in .dev.vars: the demo's target joins those that are listed there.
  const targets = `${allowedTargets},localhost:${pop3Port}`;
  const gateway = await startDemoGateway(gatewayPort, targets, certificates.caFile);
  const demo = await ensureDemoAccount({
    url: gateway.url,
    operatorKey,
    file: join(STATE, 'demo.json'),
    pop3: { host: 'localhost', port: pop3Port, ...USER },
  });
  mailbox.start();
  say(introduction(gateway.url, { ...demo, operatorKey, pop3Port }));
}

/** The POP3 server comes first: an account can only be made while its mail server answers. */
async function startDemoMail(port: number, tls: { cert: string; key: string }): Promise<{ start(): void }> {
  const mailbox = demoMailbox(join(STATE, 'demo-mail.json'));
  const users = new Map([[USER.username, { password: USER.password, maildrop: mailbox.maildrop }]]);
  try {
    const server = await startPop3Server({ users, tls, port, greeting: 'Popgate maildrop ready.' });
    running.push(
      () => server.close(),
      () => mailbox.stop(),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw taken(port, 'the demo mail server', 'POPGATE_POP3_PORT');
    throw error;
  }
  return mailbox;
}

async function startDemoGateway(port: number, targets: string, caFile: string): Promise<Gateway> {
  const gateway = await startGateway({
    port,
    persistTo: join(STATE, 'state'),
    vars: { ALLOWED_TARGETS: targets },
    caFile,
    signal: interrupted.signal,
    onLine: (line) => {
      if (/✘|\[ERROR\]|\[wrangler:error\]/.test(line)) process.stderr.write(`${line}\n`);
    },
  });
  running.push(() => gateway.stop());
  void watch(gateway);
  return gateway;
}

/** A gateway that ends by itself takes the demo with it. */
async function watch(gateway: Gateway): Promise<void> {
  await gateway.ended;
  if (ending !== undefined) return;
  process.stderr.write(`The gateway ended unexpectedly:\n${gateway.output()}\n`);
  await end(1);
}

interface Demo {
  readonly operatorKey: string;
  readonly account: string;
  readonly token: string;
  /** The id of a message. */
  readonly message: string | null;
  readonly pop3Port: number;
}

function introduction(url: string, demo: Demo): string {
  const account = `${url}/v1/accounts/${demo.account}`;
  const authorized = `curl -s -H 'Authorization: Bearer ${demo.token}'`;
  return [
    '',
    `Popgate is ready:  ${url}`,
    '',
    `Documentation:     ${url}/docs`,
    `Operator key:      ${demo.operatorKey}`,
    `Account:           ${demo.account}`,
    `Account token:     ${demo.token}`,
    `Its mailbox:       localhost, port ${demo.pop3Port} (TLS), user name "${USER.username}", password "${USER.password}"`,
    '',
    'Paste any of these lines:',
    '',
    `${authorized} '${account}/messages?limit=5'`,
    ...(demo.message === null ? [] : [`${authorized} '${account}/messages/${demo.message}'`]),
    `${authorized} '${account}/changes?limit=5'`,
    `${authorized} -X POST '${account}/sync'`,
    `${authorized} '${account}'`,
    `curl -s -H 'Authorization: Bearer ${demo.operatorKey}' '${url}/v1/accounts'`,
    `curl -s '${url}/openapi.json'`,
    '',
    'A new message arrives in about 45 seconds, and then every two to three minutes. Ctrl-C ends everything.',
  ].join('\n');
}

/** Ends what runs, newest first, and the process with `code`; the first call wins. */
function end(code: number): Promise<void> {
  ending ??= (async () => {
    interrupted.abort();
    for (const stop of running.reverse()) await stop();
    process.exit(code);
  })();
  return ending;
}

function portFrom(name: string, standard: number): number {
  const given = process.env[name] ?? '';
  if (given === '') return standard;
  const port = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (port < 1 || port > 65_535) throw new Refusal(`${name} must be a port from 1 to 65535.`);
  return port;
}

function taken(port: number, what: string, variable: string): Refusal {
  return new Refusal(`Port ${port} of ${what} is in use: end what listens there, or choose another with ${variable}.`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
