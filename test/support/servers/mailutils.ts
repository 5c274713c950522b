/**
 * GNU Mailutils' pop3d over an mbox, with STLS and in clear. It adds an X-UIDL field to each message that it serves, which
 * its sizes don't count.
 */
import { makeCell } from './cell.ts';
import { startInetd } from './inetd.ts';
import type { MailServer, ServerOptions } from './server.ts';
import { mbox } from './stores.ts';

const SETTINGS = `mode inetd;
auth {
  authentication "generic:system";
  authorization "system";
};
mailbox {
  mailbox-pattern "/var/mail/\${user}";
};
logging {
  syslog no;
};
tcp-wrappers {
  enable no;
};
tls-mode ondemand;
tls {
  ssl-certificate-file /etc/cert.pem;
  ssl-key-file /etc/key.pem;
};
tls-file-checks {
  key-file none;
};
`;

export async function startMailutils({ users, tls }: ServerOptions): Promise<MailServer> {
  const cell = await makeCell('mailutils', users);
  await cell.write('etc/mailutils.conf', SETTINGS);
  await cell.write('etc/cert.pem', tls.cert);
  await cell.write('etc/key.pem', tls.key, { uid: 0 });
  const inetd = await startInetd(cell.inside(['/usr/sbin/pop3d']));
  return {
    version: (await cell.run(['/usr/sbin/pop3d', '--version'])).split('\n')[0] ?? '',
    ports: { starttls: inetd.port, none: inetd.port },
    fill: (user, messages) => cell.write(`var/mail/${user}`, mbox(messages), cell.owner(user)),
    output: async () => inetd.output(),
    stop: async () => {
      await inetd.close();
      await cell.remove();
    },
  };
}
