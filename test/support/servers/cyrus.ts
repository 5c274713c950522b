/** Cyrus IMAP's pop3d over its own store and its own passwords, with TLS and STLS. */
import { freePort } from '../ports.ts';
import { ProcessGroup } from '../process-group.ts';
import { rawClient } from '../raw-client.ts';
import { type Cell, makeCell } from './cell.ts';
import { listening } from './listening.ts';
import type { MailServer, ServerOptions } from './server.ts';

const LIBRARY = '/usr/lib/cyrus/bin';
const SETTINGS = `configdirectory: /var/lib/cyrus
partition-default: /var/spool/cyrus/mail
defaultpartition: default
cyrus_user: cyrus
admins: cyrus
servername: localhost
allowplaintext: yes
autocreate_quota: 0
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
tls_server_cert: /etc/cert.pem
tls_server_key: /etc/key.pem
`;
const DIRECTORIES = [
  'var/lib/cyrus',
  'var/lib/cyrus/socket',
  'var/spool/cyrus/mail',
  'run/cyrus',
  'run/cyrus/proc',
  'run/cyrus/lock',
  'run/cyrus/socket',
];

export async function startCyrus({ users, tls }: ServerOptions): Promise<MailServer> {
  const cell = await makeCell('cyrus', users, ['cyrus']);
  const ports = { tls: await freePort(), starttls: await freePort() };
  await prepare(cell, tls, ports);
  const argv = cell.inside([`${LIBRARY}/master`, '-D', '-C', '/etc/imapd.conf', '-M', '/etc/cyrus.conf', '-p', '/run/cyrus/master.pid']);
  const master = new ProcessGroup(argv[0] ?? '', argv.slice(1), {});
  const stop = async (): Promise<void> => {
    await master.stop();
    await cell.remove();
  };
  try {
    await listening(ports.starttls, master);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    version: `Cyrus ${await cell.packageVersion()}`,
    ports: { ...ports, none: ports.starttls },
    fill: (user, messages) => fill(cell, user, messages, ports.starttls),
    output: async () => master.output(),
    stop,
  };
}

async function prepare(cell: Cell, tls: ServerOptions['tls'], ports: { tls: number; starttls: number }): Promise<void> {
  const cyrus = cell.owner('cyrus');
  const services = `pop3 cmd="pop3d -U 30" listen="127.0.0.1:${ports.starttls}"\n pop3s cmd="pop3d -s -U 30" listen="127.0.0.1:${ports.tls}"`;
  await cell.write('etc/imapd.conf', SETTINGS);
  await cell.write('etc/cyrus.conf', `START {\n recover cmd="ctl_cyrusdb -r"\n}\nSERVICES {\n ${services}\n}\nEVENTS {\n}\n`);
  await cell.write('etc/cert.pem', tls.cert);
  await cell.write('etc/key.pem', tls.key, cyrus);
  for (const directory of DIRECTORIES) await cell.directory(directory, cyrus);
  for (const { name, password } of cell.users) {
    await cell.run(['/usr/sbin/saslpasswd2', '-c', '-p', '-u', 'localhost', name], password);
  }
  await cell.own('etc/sasldb2', cyrus);
}

/** A mailbox is made by its first login; its files are then written beside its index, which is made anew of them. */
async function fill(cell: Cell, user: string, messages: readonly Uint8Array[], port: number): Promise<void> {
  const password = cell.users.find(({ name }) => name === user)?.password ?? '';
  const client = rawClient(port);
  client.send(`USER ${user}\r\nPASS ${password}\r\nQUIT\r\n`);
  await client.rest();
  const path = (await cell.run([`${LIBRARY}/mbpath`, `user/${user}`])).trim();
  for (const [index, octets] of messages.entries()) await cell.write(`${path}/${index + 1}.`, octets, cell.owner('cyrus'));
  await cell.run([`${LIBRARY}/reconstruct`, `user/${user}`]);
}
