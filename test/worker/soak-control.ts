/**
 * The crash soak's mail server, in Node like the suite's others, and the small HTTP by which the test in workerd makes mail
 * come: POST /{count} delivers, POST /heal lets connections live, GET / tells what was delivered and what became of connections.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SoakPeer } from '../support/soak-peer.ts';

/** What the test gets as the variable `SOAK`, as JSON. */
export interface Soak {
  readonly port: number;
  readonly control: number;
  /** Of its chance. */
  readonly seed: number;
  /** How many messages it is about. */
  readonly messages: number;
}

/** What GET / answers. */
export type SoakReport = Pick<SoakPeer, 'delivered' | 'connections'>;

/** Starts both. `POPGATE_SEED` and `POPGATE_SOAK_MESSAGES` of the environment have their say. */
export async function startSoak(): Promise<Soak> {
  const seed = Number(process.env.POPGATE_SEED ?? Math.floor(Math.random() * 2 ** 32));
  const peer = await SoakPeer.start(seed, { unref: true, stalls: true });
  const server = createServer(({ url = '/' }, response) => {
    if (url === '/heal') peer.heal();
    else if (url !== '/') peer.deliver(Number(url.slice(1)));
    const { delivered, connections } = peer;
    response.end(JSON.stringify(url === '/' ? { delivered, connections } : {}));
  });
  server.unref();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const messages = Number(process.env.POPGATE_SOAK_MESSAGES ?? 10_000);
  return { port: peer.port, control: (server.address() as AddressInfo).port, seed, messages };
}
