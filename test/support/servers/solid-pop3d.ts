/** Jerzy Balamut's Solid POP3 over Maildirs, in clear: no CAPA, no response codes, and messages in no order. */
import { makeCell } from './cell.ts';
import { startInetd } from './inetd.ts';
import type { MailServer, ServerOptions } from './server.ts';
import { writeMaildir } from './stores.ts';

const SETTINGS = `<Global>
  MailDropName "Maildir"
  MailDropType maildir
</Global>
`;

export async function startSolidPop3d({ users }: ServerOptions): Promise<MailServer> {
  const cell = await makeCell('solid-pop3d', users, ['spop3d']);
  await cell.write('etc/spop3d.conf', SETTINGS);
  const inetd = await startInetd(cell.inside(['/usr/sbin/solid-pop3d']));
  return {
    version: `Solid POP3 ${await cell.packageVersion()}`,
    ports: { none: inetd.port },
    fill: (user, messages) => writeMaildir(cell, user, messages),
    output: async () => inetd.output(),
    stop: async () => {
      await inetd.close();
      await cell.remove();
    },
  };
}
