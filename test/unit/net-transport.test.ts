/** The transport's deadlines and failures, over real sockets and over streams that never answer. */
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { DEADLINES } from '../../src/limits.ts';
import { NetError } from '../../src/net/error.ts';
import { Transport, type RawSocket } from '../../src/net/transport.ts';
import type { Channel } from '../../src/pop3/channel.ts';
import { nodeDial } from '../support/node-dial.ts';
import { close, on, pause, reset, ScriptedPeer, send, stall, type Step } from '../support/scripted-peer.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function connected(script: readonly Step[], deadlines = {}): Promise<[Channel, ScriptedPeer]> {
  const peer = await ScriptedPeer.listen([script]);
  cleanups.push(() => peer.close());
  const channel = await nodeDial({ host: '127.0.0.1', port: peer.port, security: 'none' }, { ...DEADLINES, ...deadlines });
  cleanups.unshift(() => channel.close());
  return [channel, peer];
}

/** A socket whose reads, writes, opening, TLS and closing never end, unless told otherwise. */
function silent(parts: Partial<RawSocket> = {}): RawSocket & { closed: number } {
  const never = new Promise<never>(() => undefined);
  return {
    closed: 0,
    readable: new ReadableStream({ pull: () => never }, { highWaterMark: 0 }),
    writable: new WritableStream({ write: () => never }),
    opened: Promise.resolve(),
    close() {
      this.closed++;
      return never;
    },
    startTls: () => silent({ opened: never }),
    ...parts,
  };
}

const failure = (expected: object) => expect.objectContaining({ failure: expect.objectContaining(expected) });

describe('opening', () => {
  test('that never ends is unreachable, and so are a refusal and a name that nobody knows', async () => {
    const socket = silent({ opened: new Promise(() => undefined) });
    await expect(Transport.open(socket, { ...DEADLINES, connect: 10 })).rejects.toEqual(failure({ kind: 'unreachable' }));
    expect(socket.closed).toBe(1);
    await expect(Transport.open(silent({ opened: Promise.reject(new Error('no')) }), DEADLINES)).rejects.toEqual(
      failure({ kind: 'unreachable' }),
    );
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as net.AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await expect(nodeDial({ host: '127.0.0.1', port, security: 'none' }, DEADLINES)).rejects.toEqual(failure({ kind: 'unreachable' }));
  });
});

describe('reading', () => {
  test('gives octets, then null at the end, and counts', async () => {
    const [channel] = await connected([send('+OK \xff\r\n'), ...on('QUIT', ''), close]);
    expect(Buffer.from((await channel.read('greeting', 'greeting')) ?? []).toString('latin1')).toBe('+OK \xff\r\n');
    await channel.write('quit', Buffer.from('QUIT\r\n'));
    expect(await channel.read('quit', 'reply')).toBeNull();
    expect([channel.octetsIn, channel.octetsOut]).toEqual([7, 6]);
  });

  test.each(['greeting', 'reply', 'chunk'] as const)('is held to the deadline %s, and is over after it', async (patience) => {
    const [channel] = await connected([stall], { [patience]: 15 });
    await expect(channel.read('retr', patience)).rejects.toEqual(failure({ kind: 'timeout', phase: 'retr', note: null }));
    await expect(channel.read('retr', patience)).rejects.toEqual(failure({ kind: 'reset' }));
    await expect(channel.write('quit', Buffer.from('QUIT\r\n'))).rejects.toEqual(failure({ kind: 'reset' }));
  });

  test('is held to what is left of the session', async () => {
    const [channel] = await connected([stall], { session: 20 });
    await expect(channel.read('retr', 'reply')).rejects.toEqual(failure({ kind: 'timeout', phase: 'retr' }));
  });

  test('is held to the whole session, however often octets come', async () => {
    const drip = Array.from({ length: 200 }, () => [send('x'), pause(5)]).flat();
    const [channel] = await connected(drip, { session: 60 });
    const reading = async (): Promise<void> => {
      while (await channel.read('retr', 'chunk'));
    };
    await expect(reading()).rejects.toEqual(failure({ kind: 'timeout', phase: 'retr' }));
  });

  test('of the greeting is held to its deadline as a whole, however often octets come', async () => {
    const drip = Array.from({ length: 200 }, () => [send('x'), pause(5)]).flat();
    const [channel] = await connected([...drip, close], { greeting: 60 });
    const reading = async (): Promise<void> => {
      while (await channel.read('greeting', 'greeting'));
    };
    await expect(reading()).rejects.toEqual(failure({ kind: 'timeout', phase: 'greeting' }));
  });

  test.each([
    ['text\n.\r\n', true],
    ['text\r\n.\r', true],
    ['.\r\n', true],
    ['text\r\n', false],
    ['text\r\n.', false],
    ['', false],
  ])('that times out after %j says whether a terminator was lost: %s', async (tail, lost) => {
    const [channel] = await connected([...[...tail].map((octet) => send(octet)), stall], { chunk: 20 });
    const reading = async (): Promise<void> => {
      while (await channel.read('retr', 'chunk'));
    };
    await expect(reading()).rejects.toEqual(failure({ kind: 'timeout', note: lost ? expect.any(String) : null }));
  });

  test('from a connection that was reset says so', async () => {
    const [channel] = await connected([send('+'), pause(20), reset]);
    await channel.read('greeting', 'greeting');
    await expect(channel.read('greeting', 'greeting')).rejects.toEqual(failure({ kind: 'reset', phase: 'greeting' }));
  });

  test('from a connection that broke before its first octet is unreachable', async () => {
    const [channel] = await connected([pause(20), reset]);
    await expect(channel.read('greeting', 'greeting')).rejects.toEqual(failure({ kind: 'unreachable' }));
  });

  test('twice at a time is a mistake', async () => {
    const [channel] = await connected([stall], { reply: 15 });
    const first = channel.read('stat', 'reply');
    await expect(channel.read('stat', 'reply')).rejects.toThrow(/under way/);
    await expect(first).rejects.toBeInstanceOf(NetError);
  });

  test('works where a stream can not fill a buffer', async () => {
    const readable = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array());
        controller.enqueue(Uint8Array.of(1, 2));
        controller.close();
      },
    });
    const channel = await Transport.open(silent({ readable }), DEADLINES);
    expect(await channel.read('stat', 'reply')).toEqual(Uint8Array.of(1, 2));
    expect(await channel.read('stat', 'reply')).toBeNull();
  });
});

describe('a socket that never answers', () => {
  const deadlines = { ...DEADLINES, connect: 10, reply: 10 };

  test('stops neither a write nor TLS nor closing', async () => {
    const writing = silent();
    const first = await Transport.open(writing, deadlines);
    await expect(first.write('stat', Uint8Array.of(1))).rejects.toEqual(failure({ kind: 'timeout', phase: 'stat' }));
    first.close();
    const upgrading = await Transport.open(silent(), deadlines);
    await expect(upgrading.startTls()).rejects.toEqual(failure({ kind: 'timeout', phase: 'tls' }));
    await Promise.resolve();
    expect(writing.closed).toBe(1);
  });
});
