/** The log: one line of JSON per event, and no way for a text from outside into it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { errorName, log, type LogFields } from '../../src/log.ts';

const lines: string[] = [];
beforeEach(() => {
  lines.length = 0;
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
});
afterEach(() => vi.restoreAllMocks());

const REQUEST = '0f8fad5b-d9cb-469f-a165-70867728950e';

test('an event is one line with what is known of it, in a fixed order', () => {
  log('request_done', {
    counts: { created: 2 },
    account: `acc_${'0'.repeat(22)}`,
    request: REQUEST,
    code: 'upstream_protocol',
    phase: 'greeting',
    error: 'TypeError',
  });
  expect(lines).toEqual([
    `{"event":"request_done","account":"acc_${'0'.repeat(22)}","request":"${REQUEST}","code":"upstream_protocol",` +
      `"phase":"greeting","counts":{"created":2},"error":"TypeError"}`,
  ]);
});

test('absent and null fields are left out', () => {
  log('alarm_failed', { account: null, code: 'x' });
  log('started');
  expect(lines).toEqual(['{"event":"alarm_failed","code":"x"}', '{"event":"started"}']);
});

test.each<[string, LogFields]>([
  ['a password as an account', { account: 'secret word' }],
  ['a token as an account', { account: `pgt_${'0'.repeat(22)}_secret` }],
  ['an address as a request', { request: 'secret@example.com' }],
  ['a message as an error', { error: 'Unexpected token: secret' }],
  ['a server text as a code', { code: '-ERR secret' }],
  ['a line break in a phase', { phase: 'login\nsecret' }],
  ['a long word', { code: 'secret'.repeat(11) }],
  ['an object as a word', { error: { secret: 1 } as unknown as string }],
  ['a sentence as the name of a count', { counts: { 'secret sentence': 1 } }],
  ['a text as a count', { counts: { created: 'secret' as unknown as number } }],
])('%s comes out as "?"', (_, fields) => {
  log('event', fields);
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain('secret');
  expect(lines[0]).toContain('"?"');
});

test.each([
  [new TypeError('secret'), 'TypeError'],
  ['secret', 'unknown'],
])('of what was thrown, %s, no more than a class is told', (thrown, name) => {
  expect(errorName(thrown)).toBe(name);
});

test('a field that does not exist is not written', () => {
  log('event', { password: 'secret', code: 'x' } as LogFields);
  expect(lines).toEqual(['{"event":"event","code":"x"}']);
});
