/** Openwall's popa3d over an mbox, behind TLS: small, without CAPA, its UIDLs made of a few header fields. */
import { makeCell } from './cell.ts';
import { startInetd } from './inetd.ts';
import type { MailServer, ServerOptions } from './server.ts';
import { mbox } from './stores.ts';
import { startTlsFront } from './tls-front.ts';

export async function startPopa3d({ users, tls }: ServerOptions): Promise<MailServer> {
  const cell = await makeCell('popa3d', users, ['popa3d']);
  const inetd = await startInetd(cell.inside(['/usr/sbin/popa3d']));
  const front = await startTlsFront(inetd.port, tls);
  return {
    version: (await cell.run(['/usr/sbin/popa3d', '-V'])).trim(),
    ports: { tls: front.port, none: inetd.port },
    fill: (user, messages) => cell.write(`var/mail/${user}`, mbox(messages), cell.owner(user)),
    output: async () => inetd.output(),
    stop: async () => {
      await front.close();
      await inetd.close();
      await cell.remove();
    },
  };
}
