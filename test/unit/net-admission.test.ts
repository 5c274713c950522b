/** Where names lead, asked of a resolver on loopback: one forbidden address refuses a name, and no answer is no permission. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { admit, admitted, targetPolicy } from '../../src/net/admission.ts';
import { NetError } from '../../src/net/error.ts';
import { whereabouts } from '../../src/net/resolve.ts';
import { parseAllowedTargets, type Target } from '../../src/net/target.ts';
import { json, type OddAnswer, startResolver, type StubResolver } from '../support/resolver.ts';

const NAME = 'pop.example.com';
let stub: StubResolver;

beforeAll(async () => {
  stub = await startResolver();
});
beforeEach(() => {
  stub.zone.clear();
  stub.questions.length = 0;
});
afterAll(() => stub.close());

const ask = (deadline = 5_000) => whereabouts(NAME, { url: stub.url, fetch, deadline });

describe('a name', () => {
  test('of public addresses only is public, and both kinds are asked for', async () => {
    stub.zone.set(NAME, { a: ['8.8.8.8', '9.9.9.9'], aaaa: ['2606:4700:4700::1111'] });
    expect(await ask()).toBe('public');
    expect(stub.questions.sort()).toEqual([`${NAME} 1`, `${NAME} 28`]);
  });

  test.each([
    { a: ['8.8.8.8'] },
    { aaaa: ['2606:4700:4700::1111'] },
    { a: ['8.8.8.8'], alias: 'mail.example.net.' },
    { aaaa: ['2A00:1450:4001:80B:0:0:0:200E'] },
  ])('of %j is public', async (entry) => {
    stub.zone.set(NAME, entry);
    expect(await ask()).toBe('public');
  });

  test.each([
    { a: ['127.0.0.1'] },
    { a: ['8.8.8.8', '10.0.0.1'] },
    { a: ['169.254.169.254'] },
    { a: ['100.100.100.200'] },
    { a: ['0.0.0.0'] },
    { a: ['8.8.8.8'], aaaa: ['::1'] },
    { a: ['8.8.8.8'], aaaa: ['fd00::1'] },
    { a: ['8.8.8.8'], aaaa: ['fe80::1'] },
    { a: ['8.8.8.8'], aaaa: ['::ffff:8.8.8.8'] },
    { a: ['8.8.8.8'], aaaa: ['64:ff9b::808:808'] },
    { a: ['8.8.8.8'], aaaa: ['2002:7f00:1::'] },
    { a: ['127.0.0.1'], alias: 'mail.example.net.' },
    { a: ['2130706433'] },
    { a: ['0x7f.1'] },
    { a: ['8.8.8.8', ''] },
    { a: ['fe80::1%eth0'] },
  ])('of %j is private', async (entry) => {
    stub.zone.set(NAME, entry);
    expect(await ask()).toBe('private');
  });

  test('is judged by every address in an answer, whatever was asked for', async () => {
    const answers = [
      { type: 1, data: '8.8.8.8' },
      { type: 28, data: '::1' },
    ];
    stub.zone.set(NAME, (response) => json(response, { Status: 0, Answer: answers }));
    expect(await ask()).toBe('private');
  });

  test('without an address, or that is not there, is absent', async () => {
    expect(await ask()).toBe('absent');
    stub.zone.set(NAME, { alias: 'nowhere.example.net.' });
    expect(await ask()).toBe('absent');
  });

  test.each<[string, OddAnswer]>([
    ['a server failure', (response) => json(response, { Status: 2 })],
    ['a refusal', (response) => json(response, { Status: 5, Answer: [{ type: 1, data: '8.8.8.8' }] })],
    ['no status', (response) => json(response, { Answer: [{ type: 1, data: '8.8.8.8' }] })],
    ['a truncated answer', (response) => json(response, { Status: 0, TC: true, Answer: [{ type: 1, data: '8.8.8.8' }] })],
    ['answers that are no list', (response) => json(response, { Status: 0, Answer: { type: 1, data: '8.8.8.8' } })],
    ['answers that are no objects', (response) => json(response, { Status: 0, Answer: [null] })],
    ['an address that is no text', (response) => json(response, { Status: 0, Answer: [{ type: 1, data: 134744072 }] })],
    ['null', (response) => json(response, null)],
    ['nothing', (response) => response.end()],
    ['HTML', (response) => response.end('<p>Welcome to the hotel</p>')],
    ['broken UTF-8', (response) => response.end(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['500', (response) => response.writeHead(500).end('{"Status":0,"Answer":[{"type":1,"data":"8.8.8.8"}]}')],
    ['a redirect', (response) => response.writeHead(302, { Location: '/elsewhere' }).end()],
    ['a megabyte', (response) => response.end(`{"Status":0,"Comment":"${'x'.repeat(1 << 20)}"}`)],
    [
      'an answer that breaks off',
      (response) => response.writeHead(200, { 'Content-Length': '999' }).write('{"Status":0', () => response.destroy()),
    ],
    ['a reset', (response) => response.destroy()],
  ])('is unknown after %s', async (_, answer) => {
    stub.zone.set(NAME, answer);
    expect(await ask()).toBe('unknown');
  });

  test.each<[string, OddAnswer]>([
    ['does not answer', () => undefined],
    ['stops in the middle of an answer', (response) => response.writeHead(200).write('{"Status":0')],
  ])('is unknown of a resolver that %s', async (_, answer) => {
    stub.zone.set(NAME, answer);
    expect(await ask(50)).toBe('unknown');
  });

  test('is unknown of a resolver that is not there', async () => {
    expect(await whereabouts(NAME, { url: 'http://127.0.0.1:1/dns-query', fetch, deadline: 5_000 })).toBe('unknown');
  });

  test('keeps what the URL of the resolver has of its own', async () => {
    const asked: string[] = [];
    const spy = (url: string): Promise<Response> => {
      asked.push(url);
      return Promise.resolve(Response.json({ Status: 0, Answer: [{ type: 1, data: '8.8.8.8' }] }));
    };
    await whereabouts(NAME, { url: 'https://dns.example/resolve?key=k', fetch: spy, deadline: 5_000 });
    expect(asked).toEqual([1, 28].map((type) => `https://dns.example/resolve?key=k&name=${NAME}&type=${type}`));
  });
});

describe('a target', () => {
  const target = (host: string, port = 995): Target => ({ host, port, security: 'tls' });
  const policy = (targets = '', dnsResolver: string | null = stub.url) =>
    targetPolicy({ allowedTargets: parseAllowedTargets(targets), dnsResolver }, fetch);

  test('is connected to by its canonical name once all addresses have passed', async () => {
    stub.zone.set(NAME, { a: ['8.8.8.8'] });
    expect(await admit(target('POP.Example.COM.'), policy())).toEqual({ ok: true, target: target(NAME) });
    expect(await admitted(target(NAME), policy())).toEqual(target(NAME));
    expect(stub.questions).toHaveLength(4);
  });

  test('whose name leads into a private network is refused, without a word about where', async () => {
    stub.zone.set(NAME, { a: ['10.11.12.13'] });
    const refused = await admit(target(NAME), policy());
    expect(refused).toEqual({ ok: false, failure: { kind: 'forbidden', detail: expect.stringMatching(/^The host must be public/) } });
    expect(JSON.stringify(refused)).not.toMatch(/10\.11|example/);
  });

  test('is judged anew each time', async () => {
    stub.zone.set(NAME, { a: ['8.8.8.8'] });
    expect((await admit(target(NAME), policy())).ok).toBe(true);
    stub.zone.set(NAME, { a: ['127.0.0.1'] });
    expect((await admit(target(NAME), policy())).ok).toBe(false);
  });

  test('that has no address is unreachable, like any server that is not there', async () => {
    expect(await admit(target(NAME), policy())).toEqual({ ok: false, failure: { kind: 'unreachable' } });
  });

  test('that could not be looked up is unreachable, and says why', async () => {
    stub.zone.set(NAME, (response) => response.writeHead(500).end());
    const refused = await admit(target(NAME), policy());
    expect(refused).toEqual({ ok: false, failure: { kind: 'unreachable', note: expect.stringContaining('could not be looked up') } });
    await expect(admitted(target(NAME), policy())).rejects.toThrow(NetError);
  });

  test.each([
    ['that is an address', target('8.8.8.8'), ''],
    ['that is an IPv6 address', target('[2606:4700:4700::1111]'), ''],
    ['that is listed', target('LOCALHOST', 1995), 'localhost:1995'],
    ['that is listed although public', target(NAME), `${NAME}:995`],
    ['that the policy refuses by its spelling', target('localhost'), ''],
    ['that the policy refuses by its port', target(NAME, 25), ''],
  ])('%s is not looked up', async (_, given, allowed) => {
    await admit(given, policy(allowed));
    expect(stub.questions).toEqual([]);
  });

  test('that is listed with another port is looked up', async () => {
    await admit(target(NAME), policy(`${NAME}:1995`));
    expect(stub.questions).toHaveLength(2);
  });

  test('is not looked up where the check is off', async () => {
    expect((await admit(target(NAME), policy('', null))).ok).toBe(true);
    expect(stub.questions).toEqual([]);
  });
});
