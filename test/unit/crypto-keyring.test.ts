/** MASTER_KEY: what is accepted, and sentences about the rest that never repeat it. */
import { describe, expect, test } from 'vitest';
import { parseMasterKeys } from '../../src/crypto/keyring.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const OTHER = Buffer.alloc(32, 9).toString('base64');

test('the first key wraps, every key is found by its name', async () => {
  const parsed = parseMasterKeys(` new:${OTHER} , old:${KEY},`);
  if (!parsed.ok) throw new Error(parsed.problems.join(' '));
  const { keyring } = parsed;
  expect(keyring.first).toBe('new');
  expect(await keyring.key('old')).toMatchObject({ extractable: false, usages: ['encrypt', 'decrypt'] });
  expect(await keyring.key('new')).not.toBe(await keyring.key('old'));
  expect(await keyring.key('old')).toBe(await keyring.key('old'));
  expect(await keyring.key('none')).toBeNull();
  expect(await keyring.key('__proto__')).toBeNull();
});

describe('refused', () => {
  test.each([
    ['', 'is not set'],
    [' , ', 'is not set'],
    [KEY, 'entry 1: there is no colon'],
    [`:${KEY}`, 'entry 1: the name'],
    [`a b:${KEY}`, 'entry 1: the name'],
    [`${'k'.repeat(33)}:${KEY}`, 'entry 1: the name'],
    [`k1:${KEY},k1:${OTHER}`, 'entry 2: its name was already given'],
    [`k1:${KEY.slice(0, -1)}`, 'entry 1: the key'],
    [`k1:${Buffer.alloc(31, 7).toString('base64')}`, 'entry 1: the key'],
    [`k1:${Buffer.alloc(33, 7).toString('base64')}`, 'entry 1: the key'],
    [`k1:${Buffer.alloc(32, 0xff).toString('base64url')}=`, 'entry 1: the key'],
    [`k1:!${KEY}`, 'entry 1: the key'],
    ['k1:', 'entry 1: the key'],
    [Array.from({ length: 17 }, (_, n) => `k${n}:${KEY}`).join(), 'more than 16'],
  ])('%j', (text, sentence) => {
    const parsed = parseMasterKeys(text);
    if (parsed.ok) throw new Error('was accepted');
    expect(parsed.problems.join('\n')).toContain(sentence);
    for (const problem of parsed.problems) expect(problem).toMatch(/^MASTER_KEY\b.*\.$/);
  });

  test('every wrong entry gets a sentence, and none repeats a value', () => {
    const parsed = parseMasterKeys(`hunter2secret,bad name:${KEY},k3:${OTHER.slice(4)}`);
    if (parsed.ok) throw new Error('was accepted');
    expect(parsed.problems).toHaveLength(3);
    for (const value of ['hunter2', 'bad name', 'k3', KEY.slice(0, 6), OTHER.slice(4, 10)])
      expect(parsed.problems.join()).not.toContain(value);
  });
});
