/** The conformance table names tests that exist, so that a renamed one is noticed. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

/** `file` and the parts of titles behind it, in the last column of a row. */
const NAMED = /`([\w-]+)`((?:,? "[^"]+")*)/g;

test('each test that the conformance table names is there', async () => {
  const table = await readFile('src/pop3/CONFORMANCE.md', 'utf8');
  const rows = table.split('\n').filter((line) => /^\| (?:\*\*|\d|XOAUTH2)/.test(line));
  const missing: string[] = [];
  let named = 0;
  for (const row of rows) {
    const shownBy = row.split(' | ').at(-1) ?? '';
    for (const [, file = '', titles = ''] of shownBy.matchAll(NAMED)) {
      const path = `test/unit/${file}.test.ts`;
      const text = existsSync(path) ? await readFile(path, 'utf8') : '';
      const parts = [...titles.matchAll(/"([^"]+)"/g)].flatMap(([, title = '']) => title.split('…'));
      missing.push(...['', ...parts].filter((part) => text === '' || !text.includes(part.trim())).map((part) => `${path}: ${part}`));
      named += 1;
    }
  }
  expect(missing).toEqual([]);
  expect(named).toBeGreaterThan(rows.length);
});
