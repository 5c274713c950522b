/** The Courier mail server's pop3d over Maildirs, with STLS: its daemon for passwords, and a process for each connection. */
import { makeCell } from './cell.ts';
import { startInetd } from './inetd.ts';
import { ProcessGroup } from '../process-group.ts';
import type { MailServer, ServerOptions } from './server.ts';
import { writeMaildir } from './stores.ts';

const LIBRARY = '/usr/lib/courier/courier';
const AUTHENTICATION = `authmodulelist="authpam"
authmodulelistorig="authpam"
daemons=2
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
LOGGEROPTS=""
`;

/** What Courier's own start script would put there, and crashes without. */
const ENVIRONMENT = {
  POP3AUTH: 'PLAIN LOGIN',
  POP3AUTH_TLS: 'PLAIN LOGIN',
  POP3_PROXY: '0',
  POP3_STARTTLS: 'YES',
  POP3_TLS_REQUIRED: '0',
  COURIERTLS: '/usr/bin/couriertls',
  TLS_CERTFILE: '/etc/courier/pop3d.pem',
  TLS_VERIFYPEER: 'NONE',
  MAILDIRPATH: 'Maildir',
  SHELL: '/bin/sh',
  TCPLOCALPORT: '110',
  TCPREMOTEHOST: 'localhost',
};

export async function startCourier({ users, tls }: ServerOptions): Promise<MailServer> {
  const cell = await makeCell('courier', users, ['courier']);
  await cell.write('etc/courier/authdaemonrc', AUTHENTICATION);
  await cell.write('etc/courier/pop3d.pem', tls.cert + tls.key, cell.owner('courier'));
  await cell.directory('run/courier/authdaemon', { uid: 0 });
  const [chroot = '', ...daemon] = cell.inside(['/usr/lib/courier/courier-authlib/authdaemond']);
  const passwords = new ProcessGroup(chroot, daemon, {});
  const inetd = await startInetd(cell.inside([`${LIBRARY}/courierpop3login`, `${LIBRARY}/courierpop3d`, 'Maildir']), ENVIRONMENT);
  return {
    version: `Courier ${await cell.packageVersion()}`,
    ports: { starttls: inetd.port, none: inetd.port },
    fill: (user, messages) => writeMaildir(cell, user, messages),
    output: async () => `${inetd.output()}${passwords.output()}`,
    stop: async () => {
      await inetd.close();
      await passwords.stop();
      await cell.remove();
    },
  };
}
