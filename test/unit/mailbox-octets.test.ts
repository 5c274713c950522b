/** What a reply costs that comes in very many pieces: the server chooses how many, an octet in each record of TLS for example. */
import { expect, test } from 'vitest';
import { POP3 } from '../../src/limits.ts';
import { collect } from '../../src/mailbox/octets.ts';

function held(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('octets that come one by one are held once, and not an object for each', async () => {
  const before = held();
  let most = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    const piece = new Uint8Array(1);
    for (let at = 0; at < POP3.topOctets; at++) {
      piece[0] = at;
      yield piece;
      if (at % 10_000 === 0) most = Math.max(most, held() - before);
    }
  }
  const octets = await collect(body());
  expect(octets.length).toBe(POP3.topOctets);
  expect(octets.every((octet, at) => octet === at % 256)).toBe(true);
  expect(most).toBeLessThan(96 * POP3.topOctets);
});

test('octets in pieces of any size come out in order', async () => {
  const whole = Uint8Array.from({ length: 5_000 }, (_, at) => at % 251);
  for (const size of [1, 7, 4_096, 5_000]) {
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < whole.length; at += size) {
        const piece = whole.slice(at, at + size);
        yield piece;
        piece.fill(255);
      }
    }
    expect(await collect(body())).toEqual(whole);
  }
  expect(await collect((async function* () {})())).toEqual(new Uint8Array());
});
