/** Waiting until a server that was started listens. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import type { ProcessGroup } from '../process-group.ts';

const DEADLINE = 30_000;
const POLL = 50;

/** Returns when somebody listens on `port`. Throws with what the server printed if it ends before, or in half a minute. */
export async function listening(port: number, server: ProcessGroup): Promise<void> {
  for (const until = Date.now() + DEADLINE; Date.now() < until && !server.over; await after(POLL)) {
    if (await answers(port)) return;
  }
  throw new Error(`The server did not start to listen:\n${server.output()}`);
}

/** By a connection: whoever tried to listen there would be in the server's way. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Nobody listens yet; the caller has the deadline.
    return false;
  } finally {
    socket.destroy();
  }
}
