/**
 * Where the Worker itself listens. `wrangler dev` puts a proxy of its own, another workerd, before it, which costs about as much as
 * the gateway for a small request and is not there once the gateway is deployed; a measurement may go past it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { workerds } from './memory.ts';

/** Longer than the Worker takes to answer /healthz; other ports of workerd may not answer at all. */
const PATIENCE = 2_000;

/** The URL of the Worker in the gateway of that process group, whose proxy is on `port`. Throws where there is none. */
export async function innerUrl(group: number | null, port: number): Promise<string> {
  const listening = listeningPorts();
  for (const pid of workerds(group))
    for (const inode of sockets(pid)) {
      const at = listening.get(inode);
      if (at === undefined || at === port) continue;
      const url = `http://127.0.0.1:${at}`;
      if (await answers(url)) return url;
    }
  throw new Error('no port of the Worker itself was found');
}

/** Inode → port of what listens on IPv4 (proc(5): the local address in hex, the state, of which 0A is LISTEN, and the inode). */
function listeningPorts(): Map<string, number> {
  const ports = new Map<string, number>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[3] === '0A' && fields[9] !== undefined) ports.set(fields[9], Number.parseInt(fields[1]?.split(':')[1] ?? '', 16));
  }
  return ports;
}

function sockets(pid: string): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${fd}`))?.[1] ?? []);
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // It was closed while we looked.
    return '';
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PATIENCE) });
    const { ok } = await response.json<{ ok?: boolean }>();
    return response.ok && ok === true;
  } catch {
    return false;
  }
}
