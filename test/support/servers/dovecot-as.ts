/** Dovecot with some settings, as one of the servers of the interop suite. */
import { startDovecot } from '../dovecot.ts';
import type { MailServer, ServerOptions } from './server.ts';

/** The lines by which the port with STLS takes passwords in clear too, and all mechanisms are offered. */
export const CLEAR = [
  'ssl = yes',
  'disable_plaintext_auth = no',
  'auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 apop',
] as const;

export function dovecotAs(settings: readonly string[]): (options: ServerOptions) => Promise<MailServer> {
  return async ({ users, tls }) => {
    const dovecot = await startDovecot({ users, tls, settings });
    return {
      version: `Dovecot ${dovecot.version}`,
      ports: { tls: dovecot.port, starttls: dovecot.startTlsPort, none: dovecot.startTlsPort },
      fill: async (user, messages) => {
        for (const octets of messages) await dovecot.deliver(user, octets);
      },
      output: () => dovecot.log(),
      stop: () => dovecot.stop(),
    };
  };
}
