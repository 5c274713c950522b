/**
 * `npm run bench -- sessions`: what a session costs on the line to a real Dovecot, up to the answers of STAT and UIDL: round
 * trips, and octets each way above TLS. The first session knows nothing of the server, those after it what was learned.
 * Nothing is timed. `--json FILE` writes every session.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEADLINES } from '../../src/limits.ts';
import { stat, uidl } from '../../src/pop3/command.ts';
import type { Method } from '../../src/pop3/credentials.ts';
import type { Remembered } from '../../src/pop3/remembered.ts';
import { Session } from '../../src/pop3/session.ts';
import { loadOrCreate } from '../support/certificates.ts';
import { startDovecot } from '../support/dovecot.ts';
import { nodeDial } from '../support/node-dial.ts';
import { printColumns } from './table.ts';

const { values: options } = parseArgs({ options: { json: { type: 'string' } } });
const USER = 'ann';
const PASSWORD = randomBytes(9).toString('hex');
const MESSAGES = 200;
const METHODS: readonly Method[] = ['plain', 'user', 'cram-md5', 'scram-sha-256'];
/** TCP's handshake, TLS 1.3's, and the greeting, which comes once the client's part of that has arrived. */
const OPENING = 3;
/** Sessions in a row: the first is cold; by the third a server has shown all that it can. */
const SESSIONS = 3;

const dir = await mkdtemp(join(tmpdir(), 'popgate-bench-'));
const certificate = await loadOrCreate(join(dir, 'certificates'));
const ca = await readFile(certificate.caFile, 'utf8');
const dovecot = await startDovecot({ users: { [USER]: PASSWORD }, tls: certificate });

/** A session like a poll's: the last message's UIDL alone. */
async function poll(method: Method, remembered: Remembered | null): Promise<{ figures: (string | number)[]; remembered: Remembered }> {
  const channel = await nodeDial({ host: 'localhost', port: dovecot.port, security: 'tls' }, DEADLINES, { ca });
  const session = await Session.open(channel, {
    security: 'tls',
    method,
    credentials: { username: USER, password: PASSWORD, accessToken: null },
    remembered,
    random: (count) => new Uint8Array(randomBytes(count)),
  });
  for await (const reply of session.run([stat(), uidl(MESSAGES)])) if (!reply.ok) throw new Error(`refused: ${reply.command.verb}`);
  const { flights, octetsIn, octetsOut, commands } = structuredClone(session.counters);
  await session.quit();
  const said = Object.entries(commands).map(([verb, count]) => (count === 1 ? verb : `${count} ${verb}`));
  return { figures: [OPENING + flights, flights, octetsIn, octetsOut, said.join(' ')], remembered: session.remembered };
}

try {
  for (let n = 0; n < MESSAGES; n++) await dovecot.deliver(USER, Buffer.from(`Subject: message ${n}\r\n\r\nText.\r\n`));
  const rows: (string | number)[][] = [];
  for (const method of METHODS) {
    let remembered: Remembered | null = null;
    for (let n = 1; n <= SESSIONS; n++) {
      const result = await poll(method, remembered);
      rows.push([`${method}, ${n === 1 ? 'cold' : `session ${n}`}`, ...result.figures]);
      remembered = result.remembered;
    }
  }
  console.log(
    `Dovecot ${dovecot.version}, TLS, ${MESSAGES} messages. Round trips: ${OPENING} for TCP, TLS 1.3 and the greeting, then flights.`,
  );
  printColumns(['up to STAT and UIDL', 'round trips', 'flights', 'octets in', 'octets out', 'commands'], rows);
  if (options.json) await writeFile(options.json, JSON.stringify({ dovecot: dovecot.version, rows }, null, 2));
} finally {
  await dovecot.stop();
  await rm(dir, { recursive: true, force: true });
}
