/** Waiting until a server that was started listens. */
import { setTimeout as after } from 'node:timers/promises';
import { portTaken } from '../ports.ts';
import type { ProcessGroup } from '../process-group.ts';

const DEADLINE = 30_000;
const POLL = 50;

/** Returns when somebody listens on `port`. Throws with what the server printed if it ends before, or in half a minute. */
export async function listening(port: number, server: ProcessGroup): Promise<void> {
  for (const until = Date.now() + DEADLINE; Date.now() < until && !server.over; await after(POLL)) {
    if (await portTaken(port)) return;
  }
  throw new Error(`The server did not start to listen:\n${server.output()}`);
}
