/**
 * What inetd does, for servers that want it: for each connection to a free loopback port a process is started, whose
 * standard input and output are the connection itself. Its errors are kept to a bound, and no process outlives the listener.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

export interface Inetd {
  readonly port: number;
  /** The last 16 KiB that the processes wrote to their standard error. */
  output(): string;
  close(): Promise<void>;
}

const MOST_OUTPUT = 16 * 1024;

/** Listens, and runs `argv` with `env` for each connection. */
export async function startInetd(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Inetd> {
  const [command = '', ...args] = argv;
  const children = new Set<ChildProcess>();
  let output = '';
  const keep = (text: string): void => {
    output = (output + text).slice(-MOST_OUTPUT);
  };
  // Nothing may be read of the connection here: the octets are the child's.
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    const address = { TCPREMOTEIP: '127.0.0.1', TCPLOCALIP: '127.0.0.1', TCPREMOTEPORT: String(socket.remotePort) };
    const child = spawn(command, args, { stdio: [socket, socket, 'pipe'], env: { ...process.env, ...address, ...env } });
    children.add(child);
    child.stderr?.setEncoding('utf8').on('data', keep);
    child.once('error', (error) => keep(`${error.message}\n`));
    child.once('close', () => children.delete(child));
    // The child has the connection now; it ends when the child closes it.
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    output: () => output,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      const ended = [...children].map((child) => once(child, 'close'));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all([closed, ...ended]);
    },
  };
}
