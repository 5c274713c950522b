/**
 * Opens connections through the platform, the only place that does. TLS is verified by the platform against the name
 * connected to (RFC 8314 §3); there is no way to skip that. The target policy is asked before, not here.
 */
import { connect } from 'cloudflare:sockets';
import type { Deadlines } from '../limits.ts';
import type { Channel } from '../pop3/channel.ts';
import { NetError } from './error.ts';
import type { Target } from './target.ts';
import { Transport, type RawSocket } from './transport.ts';

const TRANSPORT = { tls: 'on', starttls: 'starttls', none: 'off' } as const;

/** A channel to `target`, whose host is in canonical form. Whatever prevents it is `unreachable`. */
export async function dial(target: Target, deadlines: Deadlines): Promise<Channel> {
  return Transport.open(socketTo(target), deadlines);
}

function socketTo(target: Target): RawSocket {
  const hostname = target.host.includes(':') ? `[${target.host}]` : target.host;
  try {
    return connect({ hostname, port: target.port }, { secureTransport: TRANSPORT[target.security], allowHalfOpen: false });
  } catch {
    throw new NetError({ kind: 'unreachable' });
  }
}
