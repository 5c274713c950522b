/** How much of what was asked is outstanding at once: commands, their octets, and about what their replies bring. */
import { describe, expect, test } from 'vitest';
import { PIPELINE } from '../../src/limits.ts';
import type { Channel } from '../../src/pop3/channel.ts';
import { type Command, dele, retr, top } from '../../src/pop3/command.ts';
import { Conversation } from '../../src/pop3/conversation.ts';
import { Pipeline } from '../../src/pop3/pipeline.ts';

/** A server in memory that answers each command by `reply`, and lets a test see how much is outstanding. */
class CountingChannel implements Channel {
  octetsIn = 0;
  octetsOut = 0;
  most = { commands: 0, octets: 0 };
  #unanswered: string[] = [];
  #wake: () => void = () => undefined;
  #taken: (() => void)[] = [];
  readonly #reply: (line: string) => string;
  /** Whether a write is done only once the server has nothing left to say. */
  readonly #blocking: boolean;

  constructor(reply: (line: string) => string, blocking = false) {
    this.#reply = reply;
    this.#blocking = blocking;
  }

  async read(): Promise<Uint8Array | null> {
    while (this.#unanswered.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const octets = new Uint8Array(Buffer.from(this.#reply(this.#unanswered.shift() ?? '')));
    if (this.#unanswered.length === 0) for (const taken of this.#taken.splice(0)) taken();
    this.octetsIn += octets.length;
    return octets;
  }

  async write(_: unknown, octets: Uint8Array): Promise<void> {
    this.octetsOut += octets.length;
    this.#unanswered.push(...Buffer.from(octets).toString().split('\r\n').slice(0, -1));
    this.most.commands = Math.max(this.most.commands, this.#unanswered.length);
    this.most.octets = Math.max(this.most.octets, this.#unanswered.join('\r\n').length + 2);
    this.#wake();
    if (this.#blocking) await new Promise<void>((resolve) => this.#taken.push(resolve));
  }

  async startTls(): Promise<void> {}
  close(): void {}
}

describe('the window', () => {
  async function pump(channel: CountingChannel, commands: Iterable<Command>): Promise<number> {
    const pipeline = new Pipeline(new Conversation(channel, false), 'yes');
    pipeline.feed(commands[Symbol.iterator]());
    let answers = 0;
    while (await pipeline.next()) answers++;
    return answers;
  }
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

  test('holds at most so many commands', async () => {
    const channel = new CountingChannel(() => '+OK\r\n');
    expect(await pump(channel, numbers(1_000).map(dele))).toBe(1_000);
    expect(channel.most.commands).toBe(PIPELINE.commands);
  });

  test('holds at most so many octets of commands, all whole', async () => {
    const channel = new CountingChannel((line) => (/^TOP \d{9} 40$/.test(line) ? '+OK\r\nx\r\n.\r\n' : '+garbled\r\n'));
    const commands = numbers(300).map((number) => top(100_000_000 + number, 40));
    expect(await pump(channel, commands)).toBe(300);
    expect(channel.most.octets).toBeLessThanOrEqual(PIPELINE.commandOctets);
    expect(channel.most.octets).toBeGreaterThan(PIPELINE.commandOctets - 20);
  });

  test('holds about so many octets of replies, but two commands at least', async () => {
    const body = `+OK\r\n${'m'.repeat(1_000)}\r\n.\r\n`;
    const large = new CountingChannel(() => body);
    expect(
      await pump(
        large,
        numbers(20).map((number) => retr(number, 8 * PIPELINE.replyOctets)),
      ),
    ).toBe(20);
    expect(large.most.commands).toBe(2);
    const small = new CountingChannel(() => body);
    await pump(
      small,
      numbers(100).map((number) => retr(number, PIPELINE.replyOctets / 10)),
    );
    expect(small.most.commands).toBe(10);
  });

  test('never waits for a write while replies are due: the server may be waiting for us to read', async () => {
    const channel = new CountingChannel(() => '+OK\r\n', true);
    expect(await pump(channel, numbers(500).map(dele))).toBe(500);
  });

  test('draws no command before it is about to be written', async () => {
    let drawn = 0;
    function* commands(): Generator<Command> {
      for (const number of numbers(1_000)) {
        drawn++;
        yield dele(number);
      }
    }
    const channel = new CountingChannel(() => '+OK\r\n');
    const pipeline = new Pipeline(new Conversation(channel, false), 'no');
    pipeline.feed(commands());
    for (let answers = 1; answers <= 5; answers++) {
      await pipeline.next();
      expect(drawn).toBe(answers);
    }
    await pipeline.leave();
  });

  test('without pipelining the next command goes out once the data has come, before the last of it is taken, and no further one', async () => {
    const channel = new CountingChannel(() => '+OK\r\nThe text\r\n.\r\n');
    const pipeline = new Pipeline(new Conversation(channel, false), 'no');
    let drawn = 0;
    pipeline.feed(
      (function* () {
        for (const number of numbers(10)) {
          drawn++;
          yield retr(number, 10);
        }
      })(),
    );
    const answer = await pipeline.next();
    const data = answer?.data ?? expect.fail('no data');
    expect(drawn).toBe(1);
    expect(Buffer.from((await pipeline.read(data, 'retr')) ?? '').toString()).toBe('The text\r\n');
    expect(drawn).toBe(2);
    expect(channel.octetsOut).toBe('RETR 1\r\nRETR 2\r\n'.length);
    expect(await pipeline.read(data, 'retr')).toBeNull();
    expect(drawn).toBe(2);
    expect((await pipeline.next())?.command.number).toBe(2);
    expect(drawn).toBe(2);
    await pipeline.leave();
  });
});
